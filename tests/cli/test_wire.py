"""`forwarder audit --wire`: what only a live project can tell, with nothing of anybody's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from spectrum_cli.samples.requests import CONTENT_KINDS, KINDS, PLATFORMS, make_body
from spectrum_cli.support.wire import NOTHING, Wire
from spectrum_cli.support.wire_report import DUPLICATES, lines
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.quarantine import S3Quarantine
from spectrum_forwarder.domain.event import make_event, pack
from spectrum_forwarder.domain.inbound import InboundRequest
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.ports import StoredEvent
from spectrum_forwarder.domain.quarantine import Suspect

from tests.support.stacks import Deployed, forwarder

NOW = time.time()
# Of nobody, and of what a platform's user has written: nothing of it may be in a report.
PERSONAL = ("555", "Sam", "dinner", "IMG", "example.com", "synth", "SYNTH", "on time")


def logged(**changes: Any) -> LoggedEvent:
    values: dict[str, Any] = {"event_key": "main:1", "received_at": NOW, "signed_at": NOW}
    return LoggedEvent(**(values | {"webhook_id": "w", "kind": "messages"} | changes))


@pytest.fixture
def wire() -> Wire:
    """What a project showed in which every sample came once."""
    wire = Wire()
    for kind in KINDS:
        wire.look(logged())
        wire.look_into(logged(), make_body(kind))
    return wire


def test_nothing_of_anybody_is_in_the_report(wire: Wire) -> None:
    headers = {"x-spectrum-+15550100": "+15550100", "x-spectrum-signature": "v0=1"}
    wire.look_at_refused("signature_mismatch", InboundRequest(headers, b"dinner"))
    text = json.dumps(wire.document(), ensure_ascii=False)
    assert [word for word in PERSONAL if word in text] == []
    assert wire.counts["header of a refused request"] == {"other": 1, "x-spectrum-signature": 1}


def test_a_value_with_a_number_or_a_blank_is_no_name_of_a_kind() -> None:
    wire = Wire()
    for kind in ("+15550100", "Sam Sample", "hologram"):
        body = {"message": {"content": {"type": kind}, "platform": "WhatsApp Business"}}
        wire.look_into(logged(), json.dumps(body).encode())
    assert wire.counts["content"] == {"other": 2, "hologram": 1}
    assert wire.counts["platform"] == {"WhatsApp Business": 3}


def test_the_spellings_and_the_kinds_are_counted() -> None:
    wire = Wire()
    for platform in PLATFORMS:
        wire.look_into(logged(), make_body("text", platform=platform))
    assert wire.counts["platform"] == dict.fromkeys(PLATFORMS, 1)


def test_own_sends_receipts_and_typing_are_answered(wire: Wire) -> None:
    answers = dict(wire.answers())
    assert answers["own sends, receipts, typing come"] == (
        "typing 2, outbound 1, read 1, delivered 1"
    )
    assert set(CONTENT_KINDS) <= set(wire.counts["content"])


def test_fields_of_the_vendors_are_named_and_those_in_contents_are_not(wire: Wire) -> None:
    fields = wire.counts["field"]
    assert fields["message.isFromMe"] and fields["message.sender.handle"]
    assert not [name for name in fields if name.startswith("message.content.")]


def test_standard_headers_are_known_to_come_where_no_secret_of_theirs_is_stored() -> None:
    wire = Wire()
    wire.look(logged())
    wire.look(logged(also="standard"))
    wire.look(logged(scheme="v0+standard"))
    assert dict(wire.answers())["Standard headers come"] == "with 2 of 3 events"


def test_retries_and_second_registrations_are_told_apart() -> None:
    wire = Wire()
    wire.look_at_duplicate({"signed": "anew", "registration": "the_same", "body": "the_same"})
    wire.look_at_duplicate({"signed": "anew", "registration": "another", "body": "another"})
    answers = dict(wire.answers())
    assert answers["retries are signed"] == "anew 1"
    assert answers["copies for a second registration are"] == "another 1"


def test_without_anything_nothing_is_claimed() -> None:
    told = [answer for _, answer in Wire().answers()]
    assert told[:5] == [NOTHING] * 5


class Log:
    """CloudWatch Logs with these lines, in two pages."""

    def __init__(self, *messages: str) -> None:
        self.pages = [{"events": [{"message": message}]} for message in messages]
        self.asked: dict[str, Any] = {}

    def get_paginator(self, _name: str) -> Log:
        return self

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        self.asked = asked
        return iter(self.pages)


def test_the_log_is_asked_for_duplicates_alone() -> None:
    log = Log('{"message":"event.duplicate","signed":"anew"}', "not json")
    found = list(lines(log, "receiver", 1.5))
    assert [line["signed"] for line in found] == ["anew"]
    assert (log.asked["filterPattern"], log.asked["startTime"]) == (DUPLICATES, 1500)


def test_the_command_reports_what_is_stored_and_kept(stack: Deployed) -> None:
    table = DynamoEventTable(stack.client("dynamodb"), stack.outputs["EventsTableName"])
    at, body = time.time() - 60, make_body("outbound", platform="imessage")
    event = make_event(
        source="wire",
        webhook_id="w",
        received_at=at,
        signed_at=int(at),
        body=body,
        scheme="v0",
        also="standard",
    )
    table.put(StoredEvent(event, pack(body)), receipt="r", now=at, due_at=at)
    S3Quarantine(stack.client("s3"), stack.outputs["PayloadsBucketName"], clock=time.time).keep(
        Suspect(at, "signature_mismatch", {"x-spectrum-timestamp": "1"}, b"{}")
    )
    ran = forwarder("audit", "--wire", "--since", "1h", "--json")
    assert ran.status == 0, ran.err
    # This stack has no such log: the rest is told all the same.
    assert "ReceiverLogGroup cannot be read" in ran.err
    assert ran.json["counts"]["headers of another scheme"]["standard"] >= 1
    assert ran.json["counts"]["direction"]["outbound"] >= 1
    assert ran.json["counts"]["refused"]["signature_mismatch"] >= 1
    shown = forwarder("audit", "--wire", "--since", "1h")
    assert "Standard headers come" in shown.out
