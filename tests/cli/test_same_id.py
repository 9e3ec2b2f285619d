"""Keys that came about by repeated ids, and events of a later version, in commands and pages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from spectrum_cli.stack.target import find_target
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.domain.delivery import Deliveries, Status, planned, settled
from spectrum_forwarder.domain.event import make_event, pack
from spectrum_forwarder.domain.outbound import outgoing_id
from spectrum_forwarder.domain.ports import StoredEvent
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import Record
from spectrum_forwarder.storing import EventStore

from tests.support.in_memory.objects import MemoryPayloads
from tests.support.make import body_of
from tests.support.stacks import Deployed, forwarder
from tests.ui.served import asked

NOW = time.time()
BODIES = [body_of("1764234300.000100", text=text) for text in ("one", "two")]


def store(stack: Deployed, body: bytes) -> str:
    """Store and settle an event; return its key."""
    table = DynamoEventTable(stack.client("dynamodb"), stack.outputs["EventsTableName"])
    event = make_event(
        source="main", webhook_id="w", received_at=NOW, signed_at=int(NOW), body=body
    )
    placed = EventStore(table, MemoryPayloads(), Timing()).put(
        StoredEvent(event, pack(body)), receipt=str(hash(body)), now=NOW
    )
    done: Deliveries = {"crm": settled(planned("crm", NOW), Status.DELIVERED)}
    table.claim(placed.key, owner="w", now=NOW, until=NOW + 75)
    table.record(placed.key, owner="w", record=Record(done, None, NOW + 86_400))
    return placed.key


@pytest.fixture(scope="module")
def keys(stack: Deployed) -> list[str]:
    return [store(stack, body) for body in BODIES]


@pytest.fixture(scope="module")
def later(stack: Deployed) -> Iterator[str]:
    """An event that a later version stored, in a form of its own."""
    key = store(stack, body_of("later"))
    stack.client("dynamodb").update_item(
        TableName=stack.outputs["EventsTableName"],
        Key={"event_key": {"S": key}},
        UpdateExpression="SET v = :v, deliveries = :d, body = :d",
        ExpressionAttributeValues={":v": {"N": "99"}, ":d": {"S": "in another form"}},
    )
    yield key


def test_both_are_found_by_their_keys_and_by_what_they_went_out_under(keys: list[str]) -> None:
    for key, body in zip(keys, BODIES, strict=True):
        for name in (key, outgoing_id(key, 1)):
            assert forwarder("events", "show", name, "--body").out.encode() == body
            assert forwarder("events", "show", name, "--json").json["event_key"] == key


def test_the_pages_lead_to_each_of_them(keys: list[str]) -> None:
    client = asked(find_target()).client
    log = client.get("/").text
    for key, body in zip(keys, BODIES, strict=True):
        link = f"/event?key={quote(key)}"
        assert f'href="{link}"' in log
        assert "%2B" in link or "+" not in key
        assert key in client.get(link).text
        assert client.get(f"/event/body?key={quote(key)}").data == body
        assert key in client.get(f"/event?key={quote(outgoing_id(key, 1))}").text


def test_what_a_later_version_stored_is_shown_as_left_to_it(later: str) -> None:
    listed = forwarder("events", "list")
    assert "left to a later version (format 99)" in listed.out
    shown = forwarder("events", "show", later)
    assert "stored by a later version of the forwarder (format 99)" in shown.out
    assert "deploy that version again" in shown.out
    document = forwarder("events", "show", later, "--json").json
    assert (document["format"], document["readable"], document["deliveries"]) == (99, False, None)
    body = forwarder("events", "show", later, "--body")
    assert (body.status, body.out) == (1, "")
    assert "use the command of the version that stored it" in body.err


def test_what_a_later_version_stored_is_not_replayed_and_that_is_said(later: str) -> None:
    ran = forwarder("replay", later)
    assert ran.out == "nothing to replay\n"
    assert f"stored by a later version of the forwarder, so left to its command: {later}" in ran.err


def test_the_pages_show_what_a_later_version_stored_as_left_to_it(later: str) -> None:
    client = asked(find_target()).client
    assert "left to a later version" in client.get("/").text
    assert "Left to a later version of the forwarder" in client.get(f"/event?key={later}").text
