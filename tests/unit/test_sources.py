"""Source kinds: which body is of which kind, and what its events are known by."""

import json
from typing import Any

import pytest
from spectrum_forwarder.domain import sources
from spectrum_forwarder.domain.event import make_event
from spectrum_forwarder.domain.identity import Identity, is_hashed, parse
from spectrum_forwarder.domain.sources import identify, normalized, raw_inbound, signed, source_of

from tests.support.make import NOW, RAW_INBOUND, body_of

RAW = json.loads(RAW_INBOUND)
TYPING = {"event": "messages", "message": {"content": {"type": "typing"}}}


def kind_of(content: Any, signed_id: str | None = None) -> object:
    return source_of(parse(json.dumps(content).encode()), signed_id)


@pytest.mark.parametrize("signed_id", [None, "evt_1"])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (RAW, raw_inbound),
        (RAW | {"type": "another"}, raw_inbound),
        (json.loads(body_of()), normalized),
        (TYPING, normalized),
        ({"event": "edited"}, normalized),
    ],
)
def test_a_body_tells_its_kind_whoever_signed_it(
    content: Any, kind: object, signed_id: str | None
) -> None:
    assert kind_of(content, signed_id) is kind


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        {"a": 1},
        {"event": 7},
        {"type": "message.received", "data": {}},
        RAW | {"eventId": ""},
        RAW | {"eventId": 7},
        RAW | {"request": "text"},
        RAW | {"schemaVersion": "1"},
    ],
)
def test_what_is_of_no_known_kind_is_known_by_its_signed_id_if_it_has_one(content: Any) -> None:
    assert kind_of(content, "evt_1") is signed
    assert kind_of(content) is normalized


def test_what_is_known_by_its_signed_id_is_known_for_as_long_as_it_is_kept() -> None:
    one, same, other = (
        identify(body, parse(body), name)
        for body, name in ((b"{}", "evt_1"), (b"{}", "evt_1"), (b"{ }", "evt_1"))
    )
    assert one == same
    assert (one.id, one.lasting) == (other.id, True)
    assert one.fingerprint != other.fingerprint


def key_of(body: bytes, signed_id: str | None) -> str:
    return make_event(
        source="main",
        webhook_id="w",
        received_at=NOW,
        signed_at=int(NOW),
        body=body,
        signed_id=signed_id,
    ).key


@pytest.mark.parametrize(
    ("body", "signed_id", "key"),
    [
        (RAW_INBOUND, "evt_synth_0001", "main:webhook-id:evt_synth_0001"),
        # Signed in a scheme without ids: the body is signed, and says the same.
        (RAW_INBOUND, None, "main:webhook-id:evt_synth_0001"),
        # They must be equal. Where they are not, the signed id is the vendor's word on the event.
        (RAW_INBOUND, "evt_other", "main:webhook-id:evt_other"),
        (b"\x0a\x03\xff", "evt_1", "main:webhook-id:evt_1"),
        (b"{}", "webhook-id:evt_1", "main:webhook-id:id-sha256:"),
        (b"{}", "two words", "main:webhook-id:id-sha256:"),
        # The key space is no message's, whatever its id is.
        (body_of("webhook-id:evt_1"), None, "main:id-sha256:"),
        (body_of("spc-msg-1"), "evt_1", "main:spc-msg-1"),
    ],
)
def test_signed_ids_have_a_key_space_of_their_own(
    body: bytes, signed_id: str | None, key: str
) -> None:
    found = key_of(body, signed_id)
    assert found.startswith(key) if is_hashed(found) else found == key
    assert is_hashed(found) is key.endswith(":")


def test_an_event_of_another_kind_is_labelled_by_its_type() -> None:
    event = make_event(
        source="main", webhook_id="w", received_at=NOW, signed_at=int(NOW), body=RAW_INBOUND
    )
    assert (event.kind, event.space_id, event.sender_id) == ("message.received", None, None)
    assert event.lasting


class Toy:
    """A kind of its own, as a module would be."""

    def takes(self, content: sources.Content, signed_id: str | None) -> bool:
        return "toy" in content

    def identify(self, body: bytes, content: sources.Content, signed_id: str | None) -> Identity:
        return Identity(f"toy-{content['toy']}", "00" * 16, lasting=True)

    def labels(self, content: sources.Content) -> tuple[object, object, object, object]:
        return "toy", None, None, None


def test_another_kind_is_one_module_and_one_name_in_the_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sources, "SOURCES", (Toy(), *sources.SOURCES))
    body = b'{"toy":1}'
    assert identify(body, parse(body)).id == "toy-1"
    assert key_of(body, None) == "main:toy-1"
