"""What the demo says of order and of a burst is true to what was heard, and of nothing untrue."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from spectrum_cli.demo import order
from spectrum_cli.demo.conversations import Conversations
from spectrum_cli.demo.order import Heard, in_one, in_order, numbered, place_of
from spectrum_cli.local.consumer import Received

TALKS, DOZEN = order.talks(), order.dozen()


def heard(body: bytes, status: int = 200) -> Heard:
    return Heard(body, verifies=True, late=False, status=status)


def a_good_talk() -> list[Heard]:
    """Each third POST refused, and sent again before what follows it."""
    return [
        each
        for number, body in enumerate(TALKS)
        for each in ([heard(body, 503), heard(body)] if number % 2 else [heard(body)])
    ]


def without(body: bytes) -> list[Heard]:
    return [each for each in a_good_talk() if each.body != body]


def bundle(bodies: Sequence[bytes]) -> Heard:
    return heard(json.dumps({"events": [{"body": body.decode()} for body in bodies]}).encode())


def missing(found: Sequence[Heard]) -> str:
    return " ".join(in_order(found, TALKS).missing)


def test_conversations_in_order_keep_the_promise_and_show_it() -> None:
    promise = in_order(a_good_talk(), TALKS)
    assert promise.kept
    assert promise.seen[:2] == ("talk-1: 1 2 3 4", "talk-2: 1✗ 1 2✗ 2 3✗ 3 4✗ 4")
    assert len(promise.seen) == len(order.TALKS)


def test_nothing_that_was_heard_keeps_no_promise() -> None:
    assert not in_order([], TALKS).kept
    assert not in_order([], []).kept
    assert not in_one([], DOZEN).kept
    assert not in_one([], []).kept
    assert not in_one([bundle([])], []).kept


def test_a_younger_one_that_came_first_breaks_the_promise() -> None:
    assert "out of order in talk-1: 2 1 3 4" in missing([heard(TALKS[4]), *without(TALKS[4])])


def test_one_that_says_that_it_is_late_may_come_later() -> None:
    late = replace(heard(TALKS[0]), late=True)
    promise = in_order([*without(TALKS[0]), late], TALKS)
    assert promise.kept
    assert promise.seen[0] == "talk-1: 2 3 4 1 (late)"


def test_a_conversation_that_is_mostly_late_breaks_the_promise() -> None:
    found = [replace(h, late=place_of(h.body)[0] == order.TALKS[0]) for h in a_good_talk()]
    assert "out of order in talk-1" in missing(found)


def test_one_that_never_came_or_came_twice_breaks_the_promise() -> None:
    assert "not each once in talk-1" in missing(without(TALKS[0]))
    assert "not each once in talk-4" in missing([*a_good_talk(), heard(TALKS[-1])])


def test_without_refusals_the_promise_is_broken() -> None:
    assert "only 0 of 16" in missing([heard(body) for body in TALKS])


def test_bytes_that_nobody_sent_and_what_does_not_verify_break_the_promise() -> None:
    strange = replace(a_good_talk()[0], body=numbered(order.TALKS[0], 1))
    assert "nobody sent" in missing([strange, *a_good_talk()[1:]])
    forged = replace(a_good_talk()[0], verifies=False)
    assert "verifies" in missing([forged, *a_good_talk()[1:]])


def test_a_burst_in_one_post_keeps_the_promise_and_shows_it() -> None:
    promise = in_one([bundle(DOZEN)], DOZEN)
    assert promise.kept
    assert promise.seen == ("dozen: 1 2 3 4 5 6 7 8 9 10 11 12, in one POST",)


@pytest.mark.parametrize(
    "found",
    [
        [bundle(DOZEN[:6]), bundle(DOZEN[6:])],
        [bundle(DOZEN[::-1])],
        [bundle(DOZEN[:-1])],
        [bundle(DOZEN), bundle(DOZEN)],
        [heard(body) for body in DOZEN],
        [replace(bundle(DOZEN), verifies=False)],
    ],
    ids=("two halves", "backwards", "one short", "twice", "each alone", "forged"),
)
def test_a_burst_that_came_otherwise_breaks_the_promise(found: list[Heard]) -> None:
    assert not in_one(found, DOZEN).kept


# ---- The agent -----------------------------------------------------------------------------------


def received(body: bytes) -> Received:
    return Received("/events", {}, body, verified=True, at=time.time())


def test_the_agent_refuses_a_third_of_its_posts_and_no_event_more_than_twice() -> None:
    agent, refused = Conversations()._agent, Counter[bytes]()
    for body in TALKS:
        while agent(received(body)) == 503:
            refused[body] += 1
    posts = len(TALKS) + refused.total()
    assert max(refused.values()) <= order.MOST_REFUSALS
    assert posts // order.THIRD - 1 <= refused.total() <= posts // order.THIRD


def test_an_event_that_comes_again_and_again_is_refused_no_third_time() -> None:
    agent = Conversations()._agent
    answers = [agent(received(TALKS[0])) for _ in range(20)]
    assert answers.count(503) == order.MOST_REFUSALS


def test_conversations_that_nobody_had_keep_no_promise() -> None:
    assert [promise.kept for promise in Conversations().promises()] == [False, False]
