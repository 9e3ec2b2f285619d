"""Deliveries: what each answer makes of one, and that nothing is changed in place."""

import random
from dataclasses import replace

import pytest
from spectrum_forwarder.domain.delivery import (
    KEPT_ATTEMPTS,
    NOT_STARTED,
    Answer,
    Attempted,
    Delivery,
    Status,
    attempted,
    held,
    planned,
    settled,
    shortened,
    standing,
    stands_of,
)
from spectrum_forwarder.domain.timing import Timing

from tests.support.make import NOW

NEW = planned("crm", NOW)


def after(delivery: Delivery, answer: Answer, *, max_attempts: int = 12) -> Delivery:
    return attempted(
        delivery,
        answer,
        max_attempts=max_attempts,
        now=NOW,
        timing=Timing(),
        rng=random.Random(1),
    )


def test_a_new_delivery_is_due_at_once() -> None:
    assert NEW.is_due(NOW)
    assert not NEW.settled


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_delivers(status: int) -> None:
    delivery = after(NEW, Answer(status=status))
    assert (delivery.status, delivery.attempts, delivery.reason) == (Status.DELIVERED, 1, None)


@pytest.mark.parametrize("status", [100, 199, 300, 301, 304, 400, 401, 404, 408, 429, 500, 503])
def test_any_other_status_is_retried(status: int) -> None:
    delivery = after(NEW, Answer(status=status))
    assert (delivery.status, delivery.attempts) == (Status.PENDING, 1)
    assert NOW + 4 <= delivery.next_attempt_at <= NOW + 6


def test_no_answer_is_retried() -> None:
    assert after(NEW, Answer(error="timeout")).status is Status.PENDING


def test_410_is_given_up_at_once() -> None:
    delivery = after(NEW, Answer(status=410))
    assert (delivery.status, delivery.reason) == (Status.DEAD_LETTERED, "gone")


@pytest.mark.parametrize("answer", [Answer(status=503), Answer(error="timeout")])
def test_the_last_attempt_is_given_up_with_its_answer(answer: Answer) -> None:
    once = after(NEW, answer, max_attempts=2)
    assert once.status is Status.PENDING
    twice = after(once, answer, max_attempts=2)
    assert (twice.status, twice.attempts) == (Status.DEAD_LETTERED, 2)
    assert twice.reason == f"exhausted: {answer}"


def test_the_last_attempt_may_still_deliver() -> None:
    assert after(NEW, Answer(status=200), max_attempts=1).status is Status.DELIVERED


def test_what_was_not_started_stays_as_it_was() -> None:
    assert after(NEW, NOT_STARTED, max_attempts=1) is NEW


def test_retry_after_moves_the_next_attempt() -> None:
    delivery = after(NEW, Answer(status=429, retry_after=120.0))
    assert delivery.next_attempt_at == NOW + 120


def test_an_attempt_is_kept_with_its_begin_and_length() -> None:
    (entry,) = after(NEW, Answer(status=503, seconds=1.5)).history
    assert (entry.at, entry.milliseconds, entry.answer) == (NOW - 1.5, 1500, "503")


def test_only_the_latest_attempts_are_kept() -> None:
    delivery = NEW
    for number in range(KEPT_ATTEMPTS + 5):
        delivery = after(delivery, Answer(status=500 + number), max_attempts=100)
    assert len(delivery.history) == KEPT_ATTEMPTS
    assert delivery.history[-1].answer == "524"


def test_waiting_uses_up_no_attempt_and_ends_with_one() -> None:
    waiting = held(NEW, NOW + 60, "breaker")
    assert (waiting.attempts, waiting.waiting_for) == (0, "breaker")
    assert not waiting.is_due(NOW + 59)
    assert waiting.is_due(NOW + 60)
    assert after(waiting, Answer(status=503)).waiting_for is None
    assert settled(waiting, Status.REMOVED).waiting_for is None


def test_whoever_waits_elsewhere_is_in_no_conversation_any_more() -> None:
    """Also one that was to stand in its line, which was out of reach."""
    for before in (replace(NEW, conversation="chat"), replace(NEW, stood_at=NOW)):
        after = held(before, NOW + 60, "paused")
        assert (after.stood_at, after.conversation) == (None, "")


def test_half_a_second_early_is_due() -> None:
    later = held(NEW, NOW + 0.5, "breaker")
    assert later.is_due(NOW)
    assert not later.is_due(NOW - 0.1)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PENDING])
def test_what_is_settled_is_never_due(status: Status) -> None:
    done = settled(NEW, status)
    assert done.settled
    assert not done.is_due(NOW + 10**9)


def test_nothing_is_changed_in_place() -> None:
    after(NEW, Answer(status=503))
    held(NEW, NOW, "paused")
    assert planned("crm", NOW) == NEW


@pytest.mark.parametrize(
    ("answer", "succeeded"),
    [("200", True), ("299", True), ("404", False), ("2nd", False), ("timeout", False), ("", False)],
)
def test_an_attempt_of_the_past_tells_whether_it_succeeded(answer: str, succeeded: bool) -> None:
    assert Attempted(NOW, 5, answer).succeeded is succeeded


@pytest.mark.parametrize(
    ("answer", "in_short"), [(Answer(404, "ignored"), "404"), (Answer(error="timeout"), "timeout")]
)
def test_an_answer_is_its_status_or_its_error(answer: Answer, in_short: str) -> None:
    assert str(answer) == in_short
    assert str(Answer()) == "unknown"


def test_answers_are_told_apart_by_what_came_and_not_by_what_was_said() -> None:
    assert Answer(500, line=b"a", said=b"b") == Answer(500)
    assert Answer(500).seconds == 0
    assert "canary" not in repr(Answer(500, line=b"canary", said=b"canary"))
    assert "canary" not in repr(Attempted(NOW, 5, "500", "canary"))


def test_a_delivery_fails_since_its_first_attempt_since_it_was_begun() -> None:
    past = tuple(Attempted(NOW + at, 5, "500") for at in (-1, 0, 1))
    assert replace(NEW, history=past).failing_since == NOW
    assert NEW.failing_since is None


@pytest.mark.parametrize(("kept", "left"), [(0, ""), (1, "2"), (3, "012"), (9, "012")])
def test_a_history_is_shortened_from_its_old_end(kept: int, left: str) -> None:
    past = tuple(Attempted(NOW, 5, str(number)) for number in range(3))
    short = shortened(replace(NEW, history=past), kept)
    assert "".join(each.answer for each in short.history) == left


def test_a_delivery_stands_in_one_line_or_in_none() -> None:
    in_line = standing(NEW, NOW - 5, NOW, "chat")
    assert in_line.stands_in is not None
    assert stands_of({"crm": in_line, "erp": planned("erp", NOW)}) == {in_line.stands_in: NOW - 5}
