"""What AWS would refuse of the template, or make of it, where linters and emulators are silent."""

from __future__ import annotations

import pytest

from tests.template import refusals
from tests.template.conftest import TEMPLATE
from tests.template.translated import load

ARN = "arn:aws:sqs:ap-southeast-1:123456789012:a-queue-with-a-name-of-some-length-{}"
# Sixty targets, and whatever else a parameter switches on.
EVERYTHING = {
    "DomainName": "hooks.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
    "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
    "WatchRegistrations": "yes",
    "AlarmEmail": "ops@example.com",
    "SilenceMinutes": "60",
    "WarmWrites": "12000",
    "ReceiverReservedConcurrency": "5",
    **dict.fromkeys(
        ("TargetQueueArns", "TargetEventBusArns", "TargetFunctionArns"),
        ",".join(ARN.format(number) for number in range(20)),
    ),
}


@pytest.mark.parametrize("check", refusals.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("parameters", [{}, EVERYTHING], ids=["by default", "everything"])
def test_aws_refuses_nothing_of_the_template(
    check: refusals.Check, parameters: dict[str, str]
) -> None:
    assert check(load(TEMPLATE, parameters)) == []


@pytest.mark.parametrize("check", refusals.CHECKS, ids=lambda check: check.__name__)
def test_each_check_names_its_source(check: refusals.Check) -> None:
    assert any(kind in (check.__doc__ or "") for kind in ("Guide", "Reference"))
    assert all(source for _, source in refusals.LENGTHS.values())


def test_a_policy_of_many_targets_is_told() -> None:
    """A parameter holds 4,096 bytes; three of them are more than a role's policies hold."""
    many = ",".join("arn:aws:sqs:us-east-1:123456789012:" + "q" * 60 for _ in range(42))
    targets = dict.fromkeys(("TargetQueueArns", "TargetEventBusArns", "TargetFunctionArns"), many)
    (said,) = refusals.sizes_of_policies(load(TEMPLATE, targets))
    assert said.startswith("FanoutRole: inline policies of")
