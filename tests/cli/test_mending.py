"""What is said of a broken destination mends it; and `list`, `doctor`, fan-out judge it alike."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from spectrum_cli.destinations.mending import BY_HAND, mending
from spectrum_cli.doctor.destinations import destinations
from spectrum_cli.doctor.model import Patient
from spectrum_cli.stack.target import find_target
from spectrum_cli.terminal.verdicts import Verdict
from spectrum_forwarder.adapters.destination_registry import read_destinations

from tests.cli.test_destinations import Secret, secret
from tests.support.stacks import Deployed, forwarder

__all__ = ["secret"]

GOOD = {
    "name": "crm",
    "id": "crm.aaaaaa",
    "url": "arn:aws:sqs:us-east-1:123456789012:crm",
    "signing_secret": "s" * 40,
}
GOOD |= {"kind": "sqs", "target": GOOD.pop("url")}
# What somebody has done to the entry by hand.
BROKEN: dict[str, Any] = {
    "an unknown field": {"retries": 3},
    "no kind that there is": {"kind": "smtp"},
    "a kind without its place": {"kind": "http"},
    "a target that is none": {"target": "crm"},
    "an id of somebody's own": {"id": "x y"},
    "no secret": {"signing_secret": ""},
    "a secret that is none": {"signing_secret": ["s"]},
    "headers that are a text": {"headers": "X-A: b"},
    "a header of the connection": {"headers": {"Expect": "b"}},
    "a header without a text": {"headers": {"X-A": 1}},
    "a filter that is none": {"filter": "a ||"},
    "a filter that is no text": {"filter": 5},
    "a filter too deep": {"filter": "||".join(["a"] * 5000)},
    "a word for a filter that fails": {"on_filter_error": "drop"},
    "a time that is none": {"timeout_seconds": "fast"},
    "a time too long": {"timeout_seconds": 9999},
    "a number that is none": {"max_attempts": 1.5},
    "a word for enabled": {"enabled": "no"},
    "a webhook id with a blank": {"webhook_id": " x"},
}
VALUES = {"URL": GOOD["target"], "SECONDS": "5", "NUMBER": "3"}


def told(entries: list[Any]) -> dict[str, str]:
    """What the fan-out says of entries, by their names."""
    found: dict[str, str] = {}
    read_destinations(
        json.dumps({"destinations": entries}), lambda name, error: found.update({name: str(error)})
    )
    return found


@pytest.mark.parametrize("name", BROKEN)
def test_the_command_that_is_named_mends_the_entry(secret: Secret, name: str) -> None:
    secret.write({"destinations": [{**GOOD, **BROKEN[name]}]})
    reason = told(secret.entries)["crm"]
    assert f"crm: {reason}" in forwarder("destinations", "list").err
    command = mending("crm", reason)
    assert command in forwarder("destinations", "test", "crm").err
    words = shlex.split(command)[1:]
    ran = forwarder(*(VALUES.get(word, word) for word in words))
    assert ran.status == 0, (command, ran.err)
    assert told(secret.entries) == {}
    assert forwarder("destinations", "list").status == 0


@pytest.mark.parametrize(
    "entries",
    [
        [GOOD, GOOD],
        [GOOD, {**GOOD, "name": "erp"}],
        [GOOD, {**GOOD, "id": "crm.bbbbbb"}],
        [{**GOOD, "name": "crm "}, GOOD],
        [GOOD, {**GOOD, "retries": 3}],
        [GOOD, {}],
    ],
    ids=["twice", "one id", "one name", "a blank", "and broken", "nothing"],
)
def test_list_and_doctor_judge_entries_as_the_fan_out_does(
    secret: Secret, stack: Deployed, entries: list[dict[str, Any]]
) -> None:
    secret.write({"destinations": entries})
    reasons = list(told(entries).values())
    ran = forwarder("destinations", "list", "--json")
    assert ran.status == 1
    assert [one["problem"] for one in ran.json if one["problem"]] == reasons
    nothing: Any = None
    patient = Patient(find_target(), nothing, None, nothing, nothing, nothing, nothing)
    red = [one for one in destinations(patient) if one.verdict is Verdict.FAILED]
    assert [reason in one.said for reason, one in zip(reasons, red, strict=True)] == [True] * len(
        red
    )


@pytest.mark.parametrize("reason", ["name stands twice; the first one is used", "id is that of x"])
def test_what_no_command_can_mend_is_said_to_be_mended_by_hand(reason: str) -> None:
    assert mending("crm", reason) == BY_HAND


@pytest.mark.parametrize("field", ["name", "signing_secret", "target", "not-there"])
def test_what_no_entry_can_be_without_is_not_dropped(secret: Secret, field: str) -> None:
    secret.write({"destinations": [GOOD]})
    assert forwarder("destinations", "set", "crm", "--drop", field).status == 2
    assert secret.entries == [GOOD]


def test_header_names_are_equal_whatever_their_letters(secret: Secret) -> None:
    """Two of one name would both be sent, and whoever gets them takes one or joins them."""
    url = {"kind": "http", "url": "https://crm.example.com/"}
    entry = {key: value for key, value in GOOD.items() if key != "target"} | url
    secret.write({"destinations": [entry | {"headers": {"authorization": "old", "X-A": "1"}}]})
    assert forwarder("destinations", "set", "crm", "--header", "Authorization: new").status == 0
    assert secret.entries[0]["headers"] == {"X-A": "1", "Authorization": "new"}
    assert forwarder("destinations", "set", "crm", "--header", "AUTHORIZATION:").status == 0
    assert secret.entries[0]["headers"] == {"X-A": "1"}


@pytest.fixture(autouse=True)
def _own(secret: Secret) -> Iterator[None]:
    yield
    secret.write({"destinations": []})
