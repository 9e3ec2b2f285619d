"""What test processes remember of botocore's changes nothing that anyone hears."""

from __future__ import annotations

import copy
from typing import Any

from botocore.hooks import HierarchicalEmitter


def listener(name: str) -> Any:
    return lambda **_: name


def heard(emitter: HierarchicalEmitter) -> list[object]:
    return [answer for _, answer in emitter.emit("before-call.sqs.SendMessage")]


def test_who_listens_to_a_client_is_not_heard_by_its_session_or_another() -> None:
    first, second, third = listener("first"), listener("second"), listener("third")
    session = HierarchicalEmitter()
    session.register("before-call.sqs", first)
    client, other = copy.copy(session), copy.copy(session)
    client.register("before-call.sqs", second)
    client.register("before-call.*.SendMessage", third)
    other.unregister("before-call.sqs", first)
    assert heard(client) == ["third", "first", "second"]
    assert heard(session) == ["first"]
    assert heard(other) == []
    session.register("before-call", second)
    assert heard(session) == ["first", "second"]
    assert heard(client) == ["third", "first", "second"]
