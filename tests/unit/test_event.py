"""Events: what they are deduplicated on, which bodies are taken, and what the log may show."""

import hashlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spectrum_forwarder.domain.event import Event, make_event, pack, unpack
from spectrum_forwarder.domain.ports import Existing, StoredEvent

from tests.support.make import NOW, body_of

SAFE_KEY = re.compile(r"[A-Za-z0-9:._/-]+")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def event_of(body: bytes, source: str = "main") -> Event:
    return make_event(source=source, webhook_id="w", received_at=NOW, signed_at=int(NOW), body=body)


def messages(**message: Any) -> bytes:
    return json.dumps({"event": "messages", "message": message}).encode()


def id_hash(message_id: str) -> str:
    return "id-sha256:" + hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()


def body_hash(body: bytes) -> str:
    return "body-sha256:" + hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    "message_id",
    ["spc-msg-1", "a:reaction:3:0", "p:0/spc-msg-1", "x" * 200, "SHA256:1", "..", "_"],
)
def test_a_plain_id_is_the_key(message_id: str) -> None:
    assert event_of(messages(id=message_id)).key == f"main:{message_id}"


@pytest.mark.parametrize(
    "message_id",
    [
        "x" * 201,
        "with space",
        "line\n",
        "\u00e9",
        "+15550100",
        "a#b",
        "sha256:abc",
        "id-sha256:abc",
        "body-sha256:abc",
        "57+0123456789abcdef",
        "57~1",
        "\ud83d",
        "\x00",
    ],
)
def test_an_odd_id_is_hashed(message_id: str) -> None:
    assert event_of(messages(id=message_id)).key == f"main:{id_hash(message_id)}"


ODD_BODIES = [
    b"",
    b"null",
    b"[]",
    b"17",
    b'"messages"',
    b"{",
    b"not json",
    b"\xff\xfe\xfd",
    b"\xef\xbb\xbf",
    b"[" * 200_000,
    b'{"a":' * 100_000,
    b"9" * 5_000,
    b'{"event":"messages"}',
    b'{"event":"messages","message":null}',
    b'{"event":"messages","message":[]}',
    b'{"event":"messages","message":{"id":null}}',
    b'{"event":"messages","message":{"id":""}}',
    b'{"event":"messages","message":{"id":7}}',
    b'{"event":"messages","message":{"id":["a"]}}',
    b'{"event":["messages"],"message":{"id":"a"}}',
    b'{"event":"edited","message":{"id":"spc-msg-1"}}',
    b'{"message":{"id":"spc-msg-1"}}',
]


@pytest.mark.parametrize("body", ODD_BODIES, ids=range(len(ODD_BODIES)))
def test_any_other_body_is_kept_under_its_hash(body: bytes) -> None:
    event = event_of(body)
    assert (event.key, event.body) == (f"main:{body_hash(body)}", body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"event":"messages","n":' + b"9" * 5_000 + b',"message":{"id":"a"}}',
        b'{"event":"messages","n":NaN,"m":1e999,"message":{"id":"a"}}',
        b'{"event":"messages","message":{"id":"first"},"message":{"id":"a"}}',
        b'{"event":"messages","t":"\\ud83d\xe2\x80\xa8","message":{"id":"a"}}',
        b' {"event" : "messages", "message" : {"id" : "a"}}\r\n',
    ],
)
def test_hostile_json_keeps_its_id_and_its_bytes(body: bytes) -> None:
    event = event_of(body)
    assert (event.key, event.body) == ("main:a", body)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_every_body_has_a_key_that_is_safe_anywhere(body: bytes) -> None:
    event = event_of(body)
    assert SAFE_KEY.fullmatch(event.key)
    assert event.body == body


@given(st.dictionaries(st.sampled_from(["id", "sender", "space", "content"]), JSON), JSON, JSON)
def test_any_part_may_be_missing_or_odd(message: Any, space: Any, kind: Any) -> None:
    body = json.dumps({"event": kind, "space": space, "message": message}).encode()
    assert SAFE_KEY.fullmatch(event_of(body).key)


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_ids_share_a_key_only_if_they_are_one(one: str, other: str) -> None:
    keys = {event_of(messages(id=message_id)).key for message_id in (one, other)}
    assert len(keys) == len({one, other})


@given(st.text(min_size=1))
def test_no_id_can_take_the_key_of_a_hashed_one(message_id: str) -> None:
    forged = id_hash(message_id)
    assert event_of(messages(id=forged)).key != f"main:{forged}"


def test_the_hash_of_an_id_and_that_of_a_body_are_no_one_key() -> None:
    other = b"+15550100"
    assert event_of(messages(id=other.decode())).key != event_of(other).key


@pytest.mark.parametrize("form", ["{}", "sha256:{}", "body-sha256:{}"])
def test_an_id_that_is_another_bodys_hash_does_not_take_its_key(form: str) -> None:
    other = b"not json"
    forged = form.format(hashlib.sha256(other).hexdigest())
    assert event_of(messages(id=forged)).key != event_of(other).key


def test_the_key_depends_on_the_source_and_not_on_the_rest_of_the_body() -> None:
    assert event_of(body_of("a", text="1")).key == event_of(body_of("a", text="2")).key
    assert event_of(body_of("a"), "one").key != event_of(body_of("a"), "two").key


def test_the_log_gets_what_the_body_says() -> None:
    event = event_of(body_of())
    assert (event.kind, event.space_id, event.sender_id) == ("messages", "space-1", "+15550100")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"type": "text", "text": "hi"}, "text"),
        ({"type": "attachment", "mimeType": "image/jpeg"}, "attachment image"),
        ({"type": "attachment", "mimeType": "VIDEO/mp4"}, "attachment video"),
        ({"type": "attachment", "mimeType": "application/pdf"}, "attachment"),
        ({"type": "attachment", "mimeType": "+15550100/x"}, "attachment"),
        ({"type": "attachment", "mimeType": 7}, "attachment"),
        ({"type": "reaction", "emoji": "\U0001f44d"}, "reaction"),
        ({"type": "x" * 99}, "x" * 40),
        ({"type": ["text"]}, None),
        ({}, None),
        ("text", None),
    ],
)
def test_the_log_gets_what_a_message_is_and_nothing_that_it_says(
    content: object, found: str | None
) -> None:
    assert event_of(messages(id="m", content=content)).message_type == found


def test_labels_are_shortened_and_can_be_written() -> None:
    event = event_of(json.dumps({"event": "\ud83d" + "x" * 999}).encode())
    assert event.kind == "?" + "x" * 199
    assert event.space_id is None


@given(st.binary())
def test_packing_loses_nothing(body: bytes) -> None:
    assert unpack(pack(body)) == body


def test_neither_body_nor_sender_stands_in_a_representation() -> None:
    body = body_of(text="canary")
    stored = StoredEvent(event_of(body), packed=body)
    existing = Existing(NOW, claimed_until=0, received_at=NOW, packed=body)
    for shown in map(repr, (stored.event, stored, existing)):
        assert "canary" not in shown
        assert "+15550100" not in shown


def test_what_came_with_an_event_is_kept_as_it_is_or_not_at_all() -> None:
    for came, kept in (("text/plain", "text/plain"), ("x" * 201, None), ("\udc80", None)):
        event = make_event(
            source="main",
            webhook_id="w",
            received_at=NOW,
            signed_at=int(NOW),
            body=b"{}",
            content_type=came,
            content_encoding=came,
        )
        assert (event.content_type, event.content_encoding) == (kept, kept)


@pytest.mark.parametrize(("first", "kept"), [("w", None), ("w-0", "w-0"), (None, None)])
def test_what_a_webhook_is_known_by_is_kept_where_it_is_not_its_id(
    first: str | None, kept: str | None
) -> None:
    event = make_event(
        source="main", webhook_id="w", received_at=NOW, signed_at=1, body=b"", first_id=first
    )
    assert event.first_id == kept


@pytest.mark.parametrize(("late", "told"), [(9, None), (10, 10), (-10, -10), (11, 11)])
def test_a_skew_is_worth_a_mention_from_ten_seconds_on(late: int, told: int | None) -> None:
    event = make_event(
        source="main", webhook_id="w", received_at=NOW + late, signed_at=int(NOW), body=b""
    )
    assert event.notable_skew == told


def test_a_type_is_shortened_to_forty_letters_and_other_labels_to_two_hundred() -> None:
    body = {"event": "e" * 201, "message": {"id": "1", "content": {"type": "t" * 41}}}
    event = event_of(json.dumps(body).encode())
    assert (event.kind, event.message_type) == ("e" * 200, "t" * 40)
