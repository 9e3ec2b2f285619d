"""What a destination is told of an event besides its body: what it came through, how to read it.

Public consumers compare these headers with what they know, and refuse the rest (CONTRACT §11).
"""

import gzip
import json
from dataclasses import replace

import pytest
from spectrum_forwarder.adapters.webhook_registry import read_webhooks
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Webhook

from tests.support.make import RAW_INBOUND, WEBHOOK, body_of, destination_of, signed_headers
from tests.support.world import World

FOUR = ("Event", "Webhook-Id", "Timestamp", "Signature")
SUCCESSOR = Webhook("w-2", "3c" * 32, WEBHOOK.source, first_id=WEBHOOK.id)
GZIP = {"content-encoding": "gzip"}
GZIPPED = gzip.compress(body_of(), mtime=0)


@pytest.fixture
def world() -> World:
    world = World()
    world.add_quick(destination_of("crm"), destination_of("erp", webhook_id="w-of-old"))
    world.webhooks.webhooks.append(SUCCESSOR)
    return world


def sent(world: World, destination: str = "crm") -> Attempt:
    world.poll()
    return world.sent_to(destination)[-1]


def told(world: World, destination: str = "crm") -> str:
    return sent(world, destination).headers["X-Spectrum-Webhook-Id"]


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (body_of(), "messages"),
        (RAW_INBOUND, "message.received"),
        *((body, "messages") for body in (b"\x08\x01", b"", b'{"event":"\xc3\xa9"}')),
    ],
)
def test_contract_11_all_four_headers_of_spectrum_are_there_whatever_the_body(
    world: World, body: bytes, event: str
) -> None:
    world.receive(body)
    headers = sent(world).headers
    assert all(headers[f"X-Spectrum-{name}"] for name in FOUR)
    assert headers["X-Spectrum-Event"] == event


def test_a_bus_is_not_told_that_a_body_of_no_event_is_a_message(world: World) -> None:
    for body, kind in ((body_of(), "messages"), (b"no event", None)):
        world.receive(body)
        assert sent(world).event_kind == kind


# ---- Through which webhook ---------------------------------------------------------------------


def test_contract_11_a_rotation_changes_nothing_of_the_webhook_id(world: World) -> None:
    world.receive()
    assert told(world) == WEBHOOK.id
    body = body_of("spc-msg-2")
    world.receive(body, signed_headers(body, now=world.clock(), webhook=SUCCESSOR))
    assert told(world) == WEBHOOK.id
    # The log tells them apart: by it a rotation knows that its new registration is used.
    assert world.row("main:spc-msg-2").stored.event.webhook_id == SUCCESSOR.id


def test_a_destination_is_told_the_webhook_id_of_its_entry(world: World) -> None:
    world.receive()
    assert told(world, "erp") == "w-of-old"


def test_what_the_queue_carries_whole_is_told_like_the_rest(world: World) -> None:
    world.table.fail("put", times=1)
    headers = signed_headers(GZIPPED, now=world.clock(), webhook=SUCCESSOR)
    world.receive(GZIPPED, {**headers, **GZIP})
    assert told(world) == WEBHOOK.id
    assert sent(world).headers["Content-Encoding"] == "gzip"


def test_the_first_id_of_a_source_is_its_first_entrys() -> None:
    def entry(webhook_id: str, **more: object) -> dict[str, object]:
        return {"id": webhook_id, "signing_secret": "5e" * 32, "source": "main", **more}

    def first_ids(*entries: dict[str, object]) -> dict[str, str | None]:
        refused: list[str] = []
        found = read_webhooks(
            json.dumps({"webhooks": entries}), lambda name, _error: refused.append(name)
        )
        return {name: webhook.first_id for name, [webhook] in found.items()}

    # As 0.1.0 left it after a rotation, and once the old entry is gone.
    assert first_ids(entry("a"), entry("b")) == {"a": None, "b": "a"}
    assert first_ids(entry("b", first_id="a")) == {"b": "a"}
    assert first_ids(entry("c"), entry("b", first_id="a")) == {"c": None, "b": "a"}
    assert first_ids(entry("b", first_id="a"), entry("a")) == {"b": "a", "a": None}
    assert first_ids(entry("a"), entry("b", source="other")) == {"a": None, "b": None}
    # What cannot be used costs no event.
    assert first_ids(entry("b", first_id=" ")) == {"b": None}


# ---- How to read it ----------------------------------------------------------------------------


def test_a_compressed_body_says_so(world: World) -> None:
    world.receive(GZIPPED, {**signed_headers(GZIPPED, now=world.clock()), **GZIP})
    attempt = sent(world)
    assert attempt.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(attempt.body) == body_of()


@pytest.mark.parametrize("encoding", ["", "gz\u00efp", "a\r\nX-Evil: 1", "x" * 300])
def test_an_encoding_that_cannot_be_kept_stops_no_event(world: World, encoding: str) -> None:
    headers = signed_headers(body_of(), now=world.clock()) | {"content-encoding": encoding}
    world.receive(headers=headers)
    assert "Content-Encoding" not in sent(world).headers


def test_an_encoding_of_the_operators_own_stays_where_none_came(world: World) -> None:
    world.add(replace(destination_of("crm"), headers={"content-encoding": "identity"}))
    world.receive()
    assert sent(world).headers["content-encoding"] == "identity"
    world.receive(GZIPPED, {**signed_headers(GZIPPED, now=world.clock()), **GZIP})
    assert {n.lower(): v for n, v in sent(world).headers.items()}["content-encoding"] == "gzip"
