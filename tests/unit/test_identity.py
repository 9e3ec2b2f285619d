"""Identity: which events are one, which are two under one id, and for how long a copy is a copy."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spectrum_forwarder.domain import identity as told_by
from spectrum_forwarder.domain.identity import FINGERPRINT, Identity, is_hashed, parse
from spectrum_forwarder.domain.sources import identify

from tests.unit.test_event import JSON, ODD_BODIES

MESSAGE = {
    "event": "messages",
    "space": {"id": "C0", "platform": "slack"},
    "message": {
        "id": "1764234300.000100",
        "direction": "inbound",
        "timestamp": "2026-11-27T09:05:01.000Z",
        "sender": {"id": "U0", "handle": "synth"},
        "subtype": "reaction_added",
        "content": {"type": "reaction", "emoji": "eyes", "target": {"id": "1764234300.000100"}},
        "dateRead": None,
    },
}


def identity_of(content: object) -> Identity:
    body = json.dumps(content).encode()
    return identify(body, parse(body))


def fingerprint(body: bytes) -> str:
    return identify(body, parse(body)).fingerprint


def changed(change: Callable[[Any], object]) -> Identity:
    content = copy.deepcopy(MESSAGE)
    change(content)
    return identity_of(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(event="edited"),
        lambda c: c["space"].update(id="C1"),
        lambda c: c["message"].update(timestamp="2026-11-27T09:05:02.000Z"),
        lambda c: c["message"].update(direction="outbound"),
        lambda c: c["message"]["sender"].update(id="U1"),
        lambda c: c["message"].update(subtype="reaction_removed"),
        lambda c: c["message"]["content"].update(emoji="+1"),
        lambda c: c["message"]["content"]["target"].update(id="1764234300.000200"),
        lambda c: c["message"].pop("content"),
    ],
    ids=range(9),
)
def test_another_event_under_the_same_id_has_another_fingerprint(
    change: Callable[[Any], object],
) -> None:
    assert changed(change).fingerprint != identity_of(MESSAGE).fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda c: c["message"].update(space={"id": "C1"}), {"id": "C2"}),
        (lambda c: c["message"].update(space="C1"), "C2"),
        (lambda c: c["message"].update(space={"id": None}), {"id": "C2"}),
    ],
    ids=range(3),
)
def test_contract_4_a_chat_that_only_the_message_names_tells_events_apart(
    one: Callable[[Any], object], other: object
) -> None:
    """The vendor's schema requires message.space.id, and no other naming of the chat."""
    content: Any = copy.deepcopy(MESSAGE)
    del content["space"]
    one(content)
    first = identity_of(content)
    content["message"]["space"] = other
    assert identity_of(content).id == first.id
    assert identity_of(content).fingerprint != first.fingerprint


def test_contract_4_senders_of_another_form_tell_events_apart() -> None:
    prints = {
        changed(lambda c, who=sender: c["message"].update(sender=who)).fingerprint  # type: ignore[misc]
        for sender in ("U1", "U2", None, {"id": "U3"})
    }
    assert len(prints) == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["message"].update(dateRead="2026-11-27T09:06:00.000Z"),
        lambda c: c["message"].update(isDelivered=True, partIndex=1),
        lambda c: c["message"]["sender"].update(handle="changed"),
        lambda c: c["space"].update(phone="shared"),
        lambda c: c["message"].update(space={"id": "C1"}),
        lambda c: c.update(more=1),
    ],
    ids=range(6),
)
def test_fields_that_change_from_copy_to_copy_do_not_count(change: Callable[[Any], object]) -> None:
    assert changed(change) == identity_of(MESSAGE)


def test_the_order_of_fields_and_the_spelling_of_text_do_not_count() -> None:
    one = b'{"event":"messages","message":{"id":"a","content":{"a":"\xc3\xa9","b":1}}}'
    two = b' { "message":{"content":{"b":1,"a":"\\u00e9"},"id":"a"}, "event":"messages"}'
    assert fingerprint(one) == fingerprint(two)


CONTENTS = [
    *("1", "1.0", '"1"', "true", '"true"', "null", "[]", "{}", "[1]", '"[1]"', '{"1":1}', "0"),
    *("9007199254740993", "9007199254740992", "1e999", '"1e999"', "NaN", '"NaN"', '"'),
    *("9" * 5000, "9" * 4999, "[" + "9" * 5000 + "]", '"\\ud83d"', '"\\ud83e"', '"?"'),
    *("[" * n + "]" * n for n in (900, 901, 100_000, 100_001)),
]


def test_contents_that_differ_have_fingerprints_that_differ_whatever_they_hold() -> None:
    """Types, integers beyond 2^53, numbers of 5,000 digits, lone surrogates, deep nesting."""
    bodies = [
        b'{"event":"messages","message":{"id":"a","content":%b}}' % text.encode()
        for text in CONTENTS
    ]
    prints = [fingerprint(body) for body in bodies]
    assert len(set(prints)) == len(CONTENTS)
    assert prints == [fingerprint(body) for body in bodies]


def test_of_a_key_that_stands_twice_the_last_counts_as_for_every_reader() -> None:
    twice = b'{"event":"messages","message":{"id":"a","content":1,"content":2}}'
    once = b'{"event":"messages","message":{"id":"a","content":2}}'
    assert fingerprint(twice) == fingerprint(once)


@pytest.mark.parametrize("body", ODD_BODIES, ids=range(len(ODD_BODIES)))
def test_any_other_body_has_a_fingerprint_and_is_known_for_minutes_only(body: bytes) -> None:
    found = identify(body, parse(body))
    assert len(found.fingerprint) == FINGERPRINT
    assert not found.lasting


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_every_body_has_the_same_identity_each_time(body: bytes) -> None:
    assert identify(body, parse(body)) == identify(body, parse(body))


@given(JSON, JSON)
def test_two_contents_share_a_fingerprint_only_if_they_are_one(one: Any, other: Any) -> None:
    def body(content: Any) -> str:
        return json.dumps(MESSAGE | {"message": {"id": "a", "content": content}}, sort_keys=True)

    same = fingerprint(body(one).encode()) == fingerprint(body(other).encode())
    assert same == (body(one) == body(other))


def test_what_has_id_and_time_is_known_for_as_long_as_it_is_kept() -> None:
    assert identity_of(MESSAGE).lasting
    for missing in ({"timestamp": None}, {"timestamp": ""}, {"id": None}, {"id": ""}):
        assert not changed(lambda c, gone=missing: c["message"].update(gone)).lasting  # type: ignore[misc]


def test_a_key_says_whether_it_is_a_hash() -> None:
    assert is_hashed("main:id-sha256:ab")
    assert is_hashed("main:body-sha256:ab")
    assert is_hashed("main:sha256:ab")
    assert not is_hashed("main:57")


def test_an_integer_of_a_hundred_digits_is_read_and_a_longer_one_makes_the_body_tell() -> None:
    def told_apart(digits: int) -> bool:
        number = "9" * digits
        bodies = [f'{{"n":{number},"x":{x}}}'.encode() for x in (1, 2)]
        prints = {told_by.fingerprint(body, parse(body), ["same"]) for body in bodies}
        return len(prints) == 2

    assert not told_apart(100)
    assert told_apart(101)


def test_a_fingerprint_does_not_depend_on_the_order_of_keys() -> None:
    one, other = ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1})
    assert told_by.fingerprint(b"x", one, [one]) == told_by.fingerprint(b"y", other, [other])
    assert told_by.fingerprint(b"x", {}, [{}]) != told_by.fingerprint(b"y", {}, [{}])


@pytest.mark.parametrize(
    "body",
    [
        # An integer that is too long, and then what cannot be read without it either.
        b'{"n":' + b"9" * 200 + b',"d":' + b"[" * 100_000,
        b'{"n":' + b"9" * 200 + b',"d":',
        b'{"n":' + b"9" * 200 + b"}x",
    ],
)
def test_what_cannot_be_read_without_its_numbers_either_is_empty(body: bytes) -> None:
    assert parse(body) == {}
