"""CONTRACT §6: what Spectrum's list says of registrations, and what is wrong with ours."""

from __future__ import annotations

from typing import Any

import pytest
from spectrum_forwarder.domain.errors import refusals
from spectrum_forwarder.domain.registration import Registration, Stored, Trouble, look, same_url

ENDPOINT = "https://x.example.com/spectrum-webhook"
ROW = {
    "id": "one",
    "webhookUrl": ENDPOINT,
    "schemaVersion": "normalized-events.v1",
    "eventTypes": ["message.received"],
    "enabled": True,
    "status": "active",
    "disabledAt": None,
    "disabledReason": None,
    "failureNotificationEmail": None,
    "createdAt": "2026-10-01T00:00:00Z",
    "updatedAt": "2026-10-01T00:00:00Z",
}


def troubles(*rows: dict[str, Any], **stored: Any) -> list[tuple[str | None, Trouble | None]]:
    listed = [Registration.read(row) for row in rows]
    known = Stored(stored.pop("current", {"one"}), **stored)
    return [
        (found.registration.id if found.registration else None, found.trouble)
        for found in look(listed, known, ENDPOINT)
    ]


@pytest.mark.parametrize(
    ("fields", "disabled", "state"),
    [
        ({}, False, "active"),
        ({"enabled": False, "status": "disabled", "disabledReason": "manual"}, True, "disabled"),
        ({"enabled": False, "status": None}, True, "disabled"),
        ({"enabled": None, "status": "Disabled"}, True, "disabled"),
        ({"enabled": True, "status": "paused-by-billing"}, False, "paused-by-billing"),
    ],
)
def test_contract_6_either_field_says_that_it_is_disabled(
    fields: dict[str, Any], disabled: bool, state: str
) -> None:
    one = Registration.read(ROW | fields)
    assert (one.disabled, one.state) == (disabled, state)


def test_contract_6_the_oldest_list_has_four_fields_and_nothing_wrong() -> None:
    row = {name: ROW[name] for name in ("id", "webhookUrl", "createdAt", "updatedAt")}
    one = Registration.read(row)
    assert (one.disabled, one.state, one.receives) == (False, "", True)
    assert troubles(row) == [("one", None)]


@pytest.mark.parametrize("reason", ["manual", "receiver_gone", "delivery_failures", "new_one"])
def test_contract_6_the_reason_is_told_in_the_vendors_words(reason: str) -> None:
    row = ROW | {"enabled": False, "disabledReason": reason, "disabledAt": "2026-11-01T00:00:00Z"}
    assert reason in Registration.read(row).why_disabled
    assert "2026-11-01" in Registration.read(row).why_disabled


def test_contract_6_a_field_of_another_form_is_not_said() -> None:
    one = Registration.read({"id": 7, "enabled": "no", "eventTypes": "all", "status": None})
    assert (one.id, one.enabled, one.event_types, one.url) == ("7", None, None, "")


def test_contract_9_3_a_disabled_registration_is_trouble_even_beside_one_that_works() -> None:
    broken = ROW | {"id": "two", "enabled": False, "webhookUrl": ENDPOINT + "/2"}
    assert troubles(ROW, broken) == [("one", None), ("two", Trouble.DISABLED)]


def test_none_that_leads_here_is_trouble() -> None:
    assert troubles(ROW | {"id": "x", "webhookUrl": "https://y.example.com/"}) == [
        (None, Trouble.MISSING)
    ]


def test_contract_5_a_second_registration_is_the_older_one() -> None:
    newer = ROW | {"id": "two", "webhookUrl": ENDPOINT + "/2/"}
    both = {"one", "two"}
    assert troubles(ROW, newer, current=both) == [("one", Trouble.SECOND), ("two", None)]


def test_during_a_rotation_there_are_two() -> None:
    newer = ROW | {"id": "two", "webhookUrl": ENDPOINT + "/2"}
    assert troubles(ROW, newer, current={"one", "two"}, replacing=True) == [
        ("one", None),
        ("two", None),
    ]


def test_one_whose_secret_is_not_stored_or_was_retired_is_trouble() -> None:
    assert troubles(ROW, current=set()) == [("one", Trouble.UNSTORED)]
    assert troubles(ROW, current=set(), retired={"one"}) == [("one", Trouble.RETIRED)]


def test_another_name_of_the_endpoint_is_known_by_its_stored_secret() -> None:
    alias = ROW | {"webhookUrl": "https://hooks.example.com/in"}
    assert troubles(alias) == [("one", None)]


def test_contract_6_no_refusal_is_a_410() -> None:
    """Nobody knows whether a single one disables a registration for good."""
    assert 410 not in {refusal.status for refusal in refusals()}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example.com/x", "https://a.example.com/x/", True),
        ("https://a.example.com/x", "HTTPS://A.example.com./x", True),
        ("https://a.example.com/x", "https://a.example.com:443/x", True),
        ("http://a.example.com/x", "http://a.example.com:80/x", True),
        ("http://a.example.com/x", "http://a.example.com:443/x", False),
        ("https://a.example.com/x", "https://b.example.com/x", False),
        ("https://a.example.com/x", "https://a.example.com/y", False),
        ("https://a.example.com/x", "https://a.example.com/x?y", False),
        ("https://a.example.com/x", "https://me@a.example.com/x", False),
        ("https://a.example.com/x", "http://a.example.com/x", False),
        ("https:///x", "https:///x", True),
        ("https://a.example.com:x/", "https://a.example.com:x/", True),
        ("https://a.example.com:x/", "https://a.example.com:y/", False),
    ],
)
def test_urls_are_the_same_whatever_their_standard_calls_equal(
    one: str, other: str, same: bool
) -> None:
    assert same_url(one, other) is same
