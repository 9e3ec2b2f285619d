"""What a record of the queue says that lacks what it could have."""

import base64
import json
from typing import Any

import pytest
from spectrum_forwarder.adapters.event_queue import encode_event, encode_hint, read_record
from spectrum_forwarder.domain.errors import InvalidEntry

from tests.support.make import stored_of


def record(body: object, **more: Any) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"messageId": "m-1", "body": text, **more}


def test_a_hint_without_attributes_is_received_for_the_first_time() -> None:
    hint = read_record(record(encode_hint("main:1")))
    assert (hint.id, hint.event_key, hint.slow_lane) == ("m-1", "main:1", False)
    assert (hint.receives, hint.receipt, hint.whole) == (1, "", None)


def test_a_hint_says_how_often_it_came_and_by_which_lane() -> None:
    attributes = {"ApproximateReceiveCount": "7"}
    text = encode_hint("main:1", slow=True)
    hint = read_record(record(text, attributes=attributes, receiptHandle="r"))
    assert (hint.receives, hint.receipt, hint.slow_lane) == (7, "r", True)


def test_a_whole_event_of_0_1_0_is_known_by_its_body_or_by_where_that_is() -> None:
    stored = stored_of()
    whole = json.loads(encode_event(stored))
    del whole["identity"]
    found = read_record(record(whole)).whole
    assert found is not None
    assert found.event.fingerprint == stored.event.fingerprint
    elsewhere = [read_record(record(whole | {"packed": None, "payload": n})).whole for n in "abb"]
    prints = [each.event.fingerprint for each in elsewhere if each]
    assert prints[0] != prints[1] == prints[2]
    assert all(each and each.event.lasting for each in elsewhere)


@pytest.mark.parametrize("packed", ["YW I=", "YWI", "!"])
def test_a_whole_event_whose_body_is_no_base64_is_refused(packed: str) -> None:
    whole = json.loads(encode_event(stored_of()))
    with pytest.raises(InvalidEntry):
        read_record(record(whole | {"packed": packed}))


@pytest.mark.parametrize(
    "body",
    [
        *("", "[", "7", "[]", "null", "{}", "[" * 100_000),
        {"event": {}, "packed": None, "payload": None},
        {"event": {}, "packed": "!", "payload": None},
        {"event": {}, "packed": base64.b64encode(b"no zlib").decode(), "payload": None},
    ],
)
def test_what_is_neither_a_hint_nor_an_event_is_refused(body: object) -> None:
    with pytest.raises(InvalidEntry):
        read_record(record(body))
