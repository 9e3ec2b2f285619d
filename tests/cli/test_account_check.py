"""`forwarder doctor` on the account: whether destinations that hang leave the receiver a place."""

from __future__ import annotations

from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from spectrum_cli.doctor.account import concurrency
from spectrum_cli.doctor.model import Patient
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.verdicts import Result


class Account:
    """Answers as Lambda and CloudFormation do."""

    def __init__(self, limit: int, unreserved: int, **parameters: int) -> None:
        self._limit = {
            "ConcurrentExecutions": limit,
            "UnreservedConcurrentExecutions": unreserved,
        }
        self._parameters = [
            {"ParameterKey": name, "ParameterValue": str(value)}
            for name, value in parameters.items()
        ]
        self.error = ""

    def get_account_settings(self) -> dict[str, Any]:
        if self.error:
            raise ClientError({"Error": {"Code": self.error}}, "GetAccountSettings")
        return {"AccountLimit": self._limit}

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        return {"Stacks": [{"StackName": StackName, "Parameters": self._parameters}]}


def looked_at(account: Account, *, is_local: bool = False) -> Result:
    target = Target("the stack", "stack", {}, is_local, 1.0, lambda service: account)
    nothing = cast(Any, None)
    patient = Patient(target, nothing, None, nothing, nothing, nothing, nothing)
    (result,) = concurrency(patient)
    return result


def lanes(main: int, slow: int, reserved: int = 0) -> dict[str, int]:
    return {
        "MainLaneConcurrency": main,
        "SlowLaneConcurrency": slow,
        "ReceiverReservedConcurrency": reserved,
    }


def test_a_new_account_whose_lanes_may_take_everything_fails() -> None:
    result = looked_at(Account(10, 10, **lanes(20, 5)))
    assert result.verdict == "failed"
    assert "of the 10" in result.said
    assert "0 are left to the receiver" in result.said
    assert "MainLaneConcurrency=4 SlowLaneConcurrency=2" in result.next_step
    assert "Service Quotas" in result.next_step


def test_a_new_account_with_the_templates_defaults_is_to_be_raised_and_works() -> None:
    result = looked_at(Account(10, 10, **lanes(4, 2)))
    assert result.verdict == "warning"
    assert "3 are left to the receiver" in result.said


def test_what_other_functions_have_reserved_is_not_ours() -> None:
    assert looked_at(Account(1000, 100, **lanes(90, 10))).verdict == "failed"


def test_what_is_reserved_for_the_receiver_is_its_own() -> None:
    result = looked_at(Account(1000, 900, **lanes(1000, 1000, 100)))
    assert (result.verdict, "100 are left" in result.said) == ("ok", True)


def test_a_large_account_is_well() -> None:
    assert looked_at(Account(1000, 1000, **lanes(90, 5))).verdict == "ok"


def test_a_limit_that_may_not_be_read_is_no_failure_of_the_stack() -> None:
    account = Account(10, 10, **lanes(4, 2))
    account.error = "AccessDeniedException"
    result = looked_at(account)
    assert result.verdict == "warning"
    assert "lambda:GetAccountSettings" in result.next_step


def test_any_other_refusal_is_aws_own_to_explain() -> None:
    account = Account(10, 10)
    account.error = "ExpiredTokenException"
    with pytest.raises(ClientError):
        looked_at(account)


def test_the_local_stack_is_in_no_account() -> None:
    assert looked_at(Account(10, 10), is_local=True).verdict == "skipped"
