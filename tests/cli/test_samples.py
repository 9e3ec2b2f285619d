"""Samples: every kind is what it says it is, and every flaw is refused for its own reason."""

import json
import time
from collections.abc import Callable, Mapping, Sequence

import pytest
from spectrum_cli.samples import (
    CONTENT_KINDS,
    FLAWS,
    KINDS,
    ODD_KINDS,
    TEST_SECRET,
    TEST_WEBHOOK_ID,
    SampleRequest,
    flawed,
    make_body,
    signed,
)
from spectrum_forwarder.domain.event import make_event
from spectrum_forwarder.domain.inbound import InboundRequest
from spectrum_forwarder.domain.ports import Existing, StoredEvent, Webhook
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.receive import Receiver, Reply

NOW = 1_700_000_000


class OneWebhook:
    """A registry that knows the test webhook alone."""

    def find(self, webhook_id: str, *, max_age: float | None = None) -> Sequence[Webhook]:
        known = Webhook(id=TEST_WEBHOOK_ID, signing_secret=TEST_SECRET, source="test")
        return [known] if webhook_id == known.id else []


class Shelf:
    """A table, a queue and a bucket that take everything; what is stored can be looked at."""

    def __init__(self) -> None:
        self.stored: list[StoredEvent] = []

    def put(
        self, stored: StoredEvent, *, receipt: str, now: float, due_at: float
    ) -> Existing | None:
        self.stored.append(stored)
        return None

    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_args, **_kwargs: None


def answer(request: SampleRequest) -> Reply:
    shelf: object = Shelf()
    receiver = Receiver(
        webhooks=OneWebhook(),
        table=shelf,  # type: ignore[arg-type]
        queue=shelf,  # type: ignore[arg-type]
        payloads=shelf,  # type: ignore[arg-type]
        clock=lambda: float(NOW),
        facts=lambda _name, /, **_fields: None,
        timing=Timing(),
        tolerance=300,
    )
    headers: Mapping[str, str] = {name.lower(): value for name, value in request.headers.items()}
    return receiver.receive(InboundRequest(headers, request.body), receipt="test")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_accepted(kind: str) -> None:
    body = make_body(kind)
    request = signed(body, webhook_id=TEST_WEBHOOK_ID, secret=TEST_SECRET, timestamp=NOW)
    assert answer(request).status == 200
    assert request.body == body


@pytest.mark.parametrize("flaw", FLAWS)
def test_every_flaw_gets_its_own_answer(flaw: str) -> None:
    body = make_body("text")
    request = flawed(flaw, body, webhook_id=TEST_WEBHOOK_ID, secret=TEST_SECRET, timestamp=NOW)
    reply = answer(request)
    error = reply.body["error"]
    assert isinstance(error, dict)
    assert (reply.status, error["code"]) == (FLAWS[flaw].status, FLAWS[flaw].code)


def test_the_signature_is_the_known_answer() -> None:
    request = signed(b'{"a":1}', webhook_id="any", secret=TEST_SECRET, timestamp=1_700_000_000)
    assert request.headers["X-Spectrum-Signature"] == (
        "v0=ed32e8299574bceff54880713e4c241a2b12b589710377037d2ec7c7ae9fcf7f"
    )


def test_content_kinds_are_named_after_their_content_type() -> None:
    for kind in CONTENT_KINDS:
        whole = json.loads(make_body(kind))
        assert whole["message"]["content"]["type"] == kind
        assert whole["message"]["space"] == whole["space"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_id_makes_a_body_repeatable_and_another_one_does_not(kind: str) -> None:
    assert make_body(kind, message_id="one") == make_body(kind, message_id="one")
    assert make_body(kind, message_id="one") != make_body(kind, message_id="two")
    assert make_body(kind) != make_body(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_two_samples_of_a_kind_are_two_events(kind: str) -> None:
    keys = {_key(make_body(kind)) for _ in range(3)}
    assert len(keys) == 3


@pytest.mark.parametrize("kind", [kind for kind in ODD_KINDS if kind != "unknown_content"])
def test_odd_bodies_are_odd(kind: str) -> None:
    body = make_body(kind, message_id="spc-msg-1")
    hashed = "sha256:" in _key(body)
    assert hashed or kind in ("missing_parts", "hostile_json")
    if kind == "hostile_json":
        assert _written_again(body) != body


def test_the_event_header_mirrors_the_body_and_is_left_out_where_there_is_none() -> None:
    events = {
        kind: signed(make_body(kind), webhook_id="w", secret="s", timestamp=NOW).headers.get(
            "X-Spectrum-Event"
        )
        for kind in ("text", "unknown_event", "not_json")
    }
    assert events == {"text": "messages", "unknown_event": "space.archived", "not_json": None}


def test_json_is_compact_utf_8() -> None:
    body = make_body("text", sent_at=int(time.time()))
    assert b'{"event":"messages","space":{"id":' in body
    assert "🍜".encode() in body


def _written_again(body: bytes) -> bytes:
    text = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _key(body: bytes) -> str:
    return make_event(source="test", webhook_id="w", received_at=0.0, signed_at=NOW, body=body).key
