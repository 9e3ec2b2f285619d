"""The fan-out's real handler under garbage: records, bodies through filters, destination entries.

Whatever stands in one record, the good one beside it is delivered, and no exception leaves. A
header of a destination's request can be chosen by nobody but its operator.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spectrum_forwarder.adapters.destination_registry import read_destinations
from spectrum_forwarder.adapters.webhook_registry import read_webhooks
from spectrum_forwarder.domain.destination import Content
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.event import pack

from tests.hardening import strange
from tests.hardening.bench import Bench, check_lines
from tests.hardening.conftest import examples
from tests.support.http_server import HttpServer, serving
from tests.support.make import WEBHOOK, signed_headers

SECRET = "d5" * 32
OUR_HEADERS = {
    *("host", "content-type", "content-length", "user-agent", "x-team", "x-spectrum-event"),
    *("x-spectrum-webhook-id", "x-spectrum-timestamp", "x-spectrum-signature"),
    *("webhook-id", "webhook-timestamp", "webhook-signature", "x-spectrum-forwarder-via"),
}
NUMBERS = iter(range(10**9))


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with serving() as server:
        yield server


def entry(url: str, **changes: Any) -> dict[str, Any]:
    """A destination's entry."""
    headers = {"X-Team": "a"}
    return {"name": "crm", "url": url, "signing_secret": SECRET, "headers": headers} | changes


def record(record_id: str, body: str) -> dict[str, Any]:
    return {"messageId": record_id, "body": body, "receiptHandle": "r", "attributes": {}}


def hint(record_id: str, event_key: str | None) -> dict[str, Any]:
    """A slow lane's hint: new destinations are attempted there."""
    return record(record_id, json.dumps({"event_key": event_key, "slow": True}))


def receive(bench: Bench, body: bytes, **headers: str) -> str | None:
    """Store an authentic event; return its key."""
    text = base64.b64encode(body).decode()
    event = {"headers": signed_headers(body) | headers, "body": text, "isBase64Encoded": True}
    return bench.receive(event).event_key


def unique() -> bytes:
    """A body that was not received before."""
    return b'{"event":"messages","message":{"id":"n%d"}}' % next(NUMBERS)


def whole(**changes: Any) -> dict[str, Any]:
    """A whole event as the receiver queues it, with an odd part."""
    event = {
        "key": "main:whole",
        "webhook_id": WEBHOOK.id,
        "received_at": 1_800_000_000.0,
        "signed_at": 1_800_000_000,
        "kind": "messages",
        "space_id": None,
        "sender_id": None,
        "content_type": None,
    }
    packed = base64.b64encode(pack(b"{}")).decode()
    return {"event": event | changes, "packed": packed, "payload": None}


EVENT_FIELDS = ("key", "webhook_id", "received_at", "signed_at", "kind", "content_type", "more")
odd_wholes = st.one_of(
    st.builds(
        lambda field, value: whole(**{field: value}), st.sampled_from(EVENT_FIELDS), strange.values
    ),
    st.builds(
        lambda field, value: whole() | {field: value},
        st.sampled_from(["event", "packed", "payload"]),
        strange.values,
    ),
)
odd_records = st.one_of(
    strange.texts,
    st.sampled_from(["", "[" * 100_000, '{"a":' * 50_000, "NaN", '{"event_key":"main:n0"']),
    strange.values.map(json.dumps),
    st.builds(lambda key: json.dumps({"event_key": key}), strange.values),
    odd_wholes.map(json.dumps),
)


def test_a_good_record_among_garbage_is_delivered(bench: Bench, server: HttpServer) -> None:
    bench.set_destinations(entry(server.url()))

    @given(before=st.lists(odd_records, max_size=4), after=st.lists(odd_records, max_size=4))
    @examples(25)
    def holds(before: list[str], after: list[str]) -> None:
        key = receive(bench, unique())
        odd = [record(f"odd-{number}", body) for number, body in enumerate(before + after)]
        batch = [*odd[: len(before)], hint("good", key), *odd[len(before) :]]
        kept, lines = bench.fan_out(batch)

        assert "good" not in kept
        assert set(kept) <= {item["messageId"] for item in batch}
        for request in server.requests:
            assert {name.lower() for name, _ in request.headers} <= OUR_HEADERS
        assert key in [request.header("webhook-id") for request in server.requests]
        check_lines(lines, SECRET, WEBHOOK.signing_secret)
        server.requests.clear()

    holds()


def test_no_header_of_a_request_can_be_forged_by_an_event(bench: Bench, server: HttpServer) -> None:
    bench.set_destinations(entry(server.url()))

    @given(kind=strange.values, message_id=strange.texts, content_type=strange.texts)
    @examples(25)
    def holds(kind: Any, message_id: str, content_type: str) -> None:
        content = {"event": kind, "message": {"id": message_id}, "n": next(NUMBERS)}
        body = strange.as_json(content, ascii_only=True)
        key = receive(bench, body, **{"content-type": content_type})
        bench.fan_out([hint("1", key)])
        if not server.requests:  # an id that came before
            return
        request = server.requests.pop()
        names = [name.lower() for name, _ in request.headers]
        assert request.head.startswith(b"POST / HTTP/1.1\r\n")
        assert len(names) == len(set(names))
        assert set(names) <= OUR_HEADERS
        assert request.header("x-team") == "a"
        assert str(request.header("webhook-id")).replace("~", ".") == key
        assert request.header("x-spectrum-event") in ("messages", _as_label(kind))
        assert request.header("content-type") in ("application/json", content_type.strip())
        assert request.body == body
        assert not server.requests

    holds()


def _as_label(kind: Any) -> str | None:
    """How a signed event's name can be told of: what UTF-8 lacks replaced, and shortened."""
    return kind[:200].encode("utf-8", "replace").decode() if isinstance(kind, str) else None


FILTERS = (
    "message.sender.id == '+15550100'",
    "contains(message.content.text, 'urgent')",
    "message.*.id | [0]",
    "length(to_string(@)) > `10`",
    "sort_by(message.content.items, &id)[0]",
    "message.content.items[?id > `3`]",
    "max(message.numbers) > `1`",
    "not_null(space.id, message.space.id)",
)


@given(expression=st.sampled_from(FILTERS), body=strange.bodies)
@examples(300)
def test_no_body_breaks_a_filter(expression: str, body: bytes) -> None:
    reported: list[object] = []
    text = json.dumps({"destinations": [entry("https://a.example.com/", filter=expression)]})
    found = read_destinations(text, lambda name, error: reported.append(error))
    assert not reported
    assert Content(body).wanted_by(found.usable["crm"]).taken in (True, False)


ENTRY_FIELDS = (
    *("name", "kind", "url", "target", "signing_secret", "headers", "filter"),
    *("timeout_seconds", "max_attempts", "enabled", "more"),
)
odd_filters = st.one_of(
    strange.texts,
    st.text("()[]{}*.&|!@`'\"<>=,:? abc01-", max_size=30),
    st.sampled_from(["(" * 5_000, "a." * 5_000 + "a", "[" * 5_000, "!" * 5_000 + "a", "`NaN`"]),
)
odd_entries = st.one_of(
    strange.values,
    st.builds(
        lambda field, value: entry("https://a.example.com/") | {field: value},
        st.sampled_from(ENTRY_FIELDS),
        strange.values,
    ),
    st.builds(lambda text: entry("https://a.example.com/", filter=text), odd_filters),
    st.builds(
        lambda name, value: entry("https://a.example.com/", headers={name: value}),
        strange.texts,
        strange.texts,
    ),
    st.builds(entry, st.one_of(strange.texts, strange.texts.map("https://{}".format))),
)


# jmespath warns of literals in an old notation; outside of tests that is not even shown.
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@given(entries=st.lists(odd_entries, max_size=4))
@examples(300)
def test_an_odd_entry_costs_no_other_destination(entries: list[Any]) -> None:
    good = entry("https://b.example.com/", name="good-one")
    text = json.dumps({"destinations": [*entries, good]})
    found = read_destinations(text, lambda name, error: None)
    assert found.usable["good-one"].url == good["url"]
    for destination in found.usable.values():
        for name, value in destination.headers.items():
            assert name.isprintable()
            assert value.isascii()
            assert value.isprintable()


@given(
    text=st.one_of(
        strange.texts,
        strange.values.map(json.dumps),
        st.just("[" * 5_000),
        st.just('{"destinations":' * 3_000),
    )
)
@examples(150)
def test_an_odd_secret_is_refused_as_a_whole_or_read(text: str) -> None:
    for read in (read_destinations, read_webhooks):
        try:
            read(text, lambda name, error: None)
        except InvalidEntry as error:
            assert len(str(error)) < 200


WEBHOOK_FIELDS = ("id", "signing_secret", "source", "accepted_until", "more")


@given(field=st.sampled_from(WEBHOOK_FIELDS), value=strange.values)
@examples(150)
def test_an_odd_webhook_costs_no_other(field: str, value: Any) -> None:
    good = {"id": "good", "signing_secret": "a" * 64}
    text = json.dumps({"webhooks": [good | {"id": "odd"} | {field: value}, value, good]})
    assert read_webhooks(text, lambda name, error: None)["good"]
