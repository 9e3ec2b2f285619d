"""`forwarder audit`: what stands out, and only that."""

from __future__ import annotations

import time
from typing import Any

import pytest
from spectrum_cli.support.audit import MEANINGS, Audit
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.quarantine import S3Quarantine
from spectrum_forwarder.domain.event import make_event, pack
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.ports import StoredEvent
from spectrum_forwarder.domain.quarantine import Suspect

from tests.support.make import NOW, WEBHOOK, body_of, signed_headers
from tests.support.stacks import Deployed, forwarder

HOUR = 3600.0


def event(number: int = 1, **changes: Any) -> LoggedEvent:
    """An ordinary event of the log."""
    values: dict[str, Any] = {
        "event_key": f"main:spc-msg-{number}",
        "received_at": NOW + number,
        "signed_at": NOW + number,
        "webhook_id": WEBHOOK.id,
        "kind": "messages",
        "space_id": "space-1",
        "sender_id": "+15550100",
        "content_type": "application/json; charset=utf-8",
    }
    return LoggedEvent(**(values | changes))


def rules(audit: Audit) -> dict[tuple[str, str], int]:
    """What stands out, and how often."""
    return {(found.rule, found.subject): found.times for found in audit.notables()}


@pytest.fixture
def audit() -> Audit:
    audit = Audit()
    audit.known([event(n, received_at=NOW - HOUR) for n in range(10)])
    return audit


def test_ordinary_events_do_not_stand_out(audit: Audit) -> None:
    audit.look([event(n) for n in range(20)])
    audit.look_into(event(), body_of())
    assert rules(audit) == {}


def test_each_rule_has_a_meaning() -> None:
    assert all(len(meaning) > 15 for meaning in MEANINGS.values())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"space_id": "space-2"}, ("new_space", "space-2")),
        ({"sender_id": "+15550199"}, ("new_sender", "+15550199")),
        ({"kind": "edited"}, ("unknown_event", "edited")),
        ({"kind": None}, ("unknown_event", "none")),
        ({"event_key": "main:sha256:" + "ab" * 32}, ("without_id", "")),
        ({"content_type": "text/plain"}, ("unusual_type", "text/plain")),
        ({"content_type": None}, ("unusual_type", "none")),
        ({"signed_at": NOW - 120}, ("signed_long_before", "")),
        ({"signed_at": NOW + 120}, ("signed_long_before", "")),
    ],
)
def test_an_odd_event_stands_out(
    audit: Audit, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    audit.look([event(1), event(2, **changes)])
    assert rules(audit) == {expected: 1}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"not json", ("not_json", "")),
        (b"[" * 100_000, ("not_json", "")),
        (body_of(type="hologram"), ("unknown_content", "hologram")),
        (b'{"message":null}', ("unknown_content", "None")),
        (body_of().replace(b"inbound", b"outbound"), ("not_inbound", "outbound")),
        (body_of().replace(b"+15550100", b""), ("without_sender", "")),
    ],
)
def test_an_odd_body_stands_out(audit: Audit, body: bytes, expected: tuple[str, str]) -> None:
    audit.look_into(event(), body)
    assert rules(audit)[expected] == 1


def test_nobody_is_new_where_nothing_is_known() -> None:
    audit = Audit()
    audit.look([event(1), event(2, sender_id="+15550199")])
    assert rules(audit) == {}


def test_far_more_in_an_hour_than_before_stands_out(audit: Audit) -> None:
    audit.look([event(n, received_at=NOW, signed_at=NOW) for n in range(120)])
    assert rules(audit) == {("busy_hour", ""): 120, ("busy_sender", "+15550100"): 120}


def test_what_was_usual_before_is_usual_now() -> None:
    audit = Audit()
    audit.known([event(n, received_at=NOW - HOUR) for n in range(100)])
    audit.look([event(n, received_at=NOW, signed_at=NOW) for n in range(120)])
    assert rules(audit) == {}


def test_canaries_are_passed_over(audit: Audit) -> None:
    audit.look([event(event_key="forwarder-canary:sha256:ab", kind=None)])
    assert rules(audit) == {}


# ---- The command -------------------------------------------------------------------------------


def put(
    stack: Deployed, message_id: str, at: float, sender: str = "+15550100", **signed: str
) -> None:
    """Store an event as the receiver does."""
    table = DynamoEventTable(stack.client("dynamodb"), stack.outputs["EventsTableName"])
    body = body_of(message_id).replace(b"+15550100", sender.encode())
    stored = make_event(
        source="main",
        webhook_id=WEBHOOK.id,
        received_at=at,
        signed_at=int(at),
        body=body,
        content_type="application/json",
        **signed,
    )
    table.put(StoredEvent(stored, pack(body)), receipt=message_id, now=at, due_at=at + 75)


def test_the_command_tells_events_of_before_from_later_ones(stack: Deployed) -> None:
    now = time.time()
    put(stack, "old-1", now - 30 * HOUR, "+15550100")
    put(stack, "new-1", now - HOUR, "+15550100")
    ran = forwarder("audit")
    assert (ran.status, ran.lines) == (0, ["nothing stands out", "events proved: 1 by v0"])
    put(stack, "new-2", now - HOUR, "+15550177")
    ran = forwarder("audit", "--json")
    assert ran.status == 1
    assert ran.json["schemes"] == [{"scheme": "v0", "also": None, "events": 2}]
    assert ran.json["looked_at"] == {"events": 2, "earlier": 1, "bodies": 2, "refused": 0}
    assert [(one["rule"], one["subject"]) for one in ran.json["findings"]] == [
        ("new_sender", "+1555…77")
    ]
    assert "+15550177" in forwarder("audit", "--reveal").out


def test_contract_9_2_the_command_counts_events_by_what_proved_them(stack: Deployed) -> None:
    at = time.time() - 300
    put(stack, "both-1", at, scheme="v0+standard", signed_id="evt_1")
    put(stack, "standard-1", at, scheme="standard", signed_id="evt_2", also="v0")
    put(stack, "standard-2", at, scheme="standard", signed_id="evt_3", also="v0")
    counted = forwarder("audit", "--since", "10m", "--json").json["schemes"]
    assert counted == [
        {"scheme": "standard", "also": "v0", "events": 2},
        {"scheme": "v0+standard", "also": None, "events": 1},
    ]
    assert forwarder("audit", "--since", "10m").lines[-1] == (
        "events proved: 2 by standard (v0 stood there too and proved nothing), 1 by v0+standard"
    )


def test_the_command_counts_refused_requests(stack: Deployed) -> None:
    entry = {"id": WEBHOOK.id, "signing_secret": WEBHOOK.signing_secret}
    stack.write_webhooks(entry)
    quarantine = S3Quarantine(
        stack.client("s3"), stack.outputs["PayloadsBucketName"], clock=time.time
    )
    at, body = time.time() - 60, body_of()
    replayed = signed_headers(body, now=at - 4000)
    forged = signed_headers(body, now=at) | {"x-spectrum-signature": "v0=" + "ab" * 32}
    mended = signed_headers(body, now=at)
    for headers in (replayed, forged, mended):
        assert quarantine.keep(Suspect(at, "signature_mismatch", headers, body))
    ran = forwarder("audit", "--since", "10m", "--json")
    assert ran.json["looked_at"]["refused"] == 3
    assert [(one["rule"], one["times"]) for one in ran.json["findings"]] == [
        ("stale_refused", 1),
        ("mismatch_refused", 1),
    ]


def test_a_time_to_come_is_wrong_use(stack: Deployed) -> None:
    assert forwarder("audit", "--since", "2099-01-01").status == 2
