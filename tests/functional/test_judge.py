"""Judge: what an answer says of its destination, beside what it makes of the delivery."""

import random
from dataclasses import replace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import (
    NOT_STARTED,
    TOO_LARGE,
    Answer,
    Attempted,
    Delivery,
    planned,
)
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.order import Order
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout.attempt import Answered
from spectrum_forwarder.fanout.decide import Try, Wait
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.judge import Judging, Outcome
from spectrum_forwarder.fanout.plan import Plan
from spectrum_forwarder.fanout.take import Taken

from tests.support.make import destination_of, stored_of
from tests.support.world import World

KEY = "main:spc-msg-1"
BUSY = Answer(status=503, seconds=0.01)


@pytest.fixture
def world() -> World:
    """A world in which the breaker of `crm` waits for a probe."""
    world = World()
    world.add(destination_of("crm"))
    world.break_for("crm", -1.0)
    return world


def judged(world: World, answer: Answer) -> Health:
    world.sender.script["crm"] = [answer]
    assert world.fan_out(world.put(stored_of())) == []
    return world.board.health["crm"]


def test_what_is_too_large_says_nothing_of_its_destination(world: World) -> None:
    before = world.board.health["crm"]
    after = judged(world, TOO_LARGE)
    assert (after.failures, after.trips) == (before.failures, before.trips)
    assert world.outcome()[0] == "dead_lettered"


def test_a_refusal_does(world: World) -> None:
    assert judged(world, Answer(status=503)).trips == 2


def test_what_was_not_begun_is_no_attempt(world: World) -> None:
    before = world.board.health["crm"]
    after = judged(world, NOT_STARTED)
    assert (after.failures, after.trips) == (before.failures, before.trips)
    assert world.outcome()[:2] == ("pending", 0)


def outcome_of(
    world: World,
    tried: Try,
    delivery: Delivery,
    answer: Answer = BUSY,
    *,
    together: int = 1,
    drains: str | None = None,
    behind: str = "",
) -> Outcome:
    """What the answer to one attempt comes to; what it says of its destination is published."""
    gate = Gate(cast(Any, world.health), clock=world.clock, facts=world.facts, timing=world.timing)
    now, hint = world.clock(), world.put(stored_of(received_at=world.clock() - 2.1234))
    record = replace(hint, drains=drains, behind=behind)
    claimed = world.rows.claim(record.event_key, owner="a", now=now, until=now + 75)
    assert claimed is not None
    plan = Plan(Taken(record, claimed, {"crm": delivery}), b"{}", {"crm": delivery})
    plan.tries["crm"] = tried
    plan.open.add("crm")
    attempt = Attempt(KEY, "crm", "https://x/", {}, b"{}", 10.0, now)
    judging = Judging(gate, world.clock, world.facts, world.timing, random.Random(1))
    outcome = judging.judge(Answered(plan, attempt, answer, together))
    assert outcome is not None
    gate.publish()
    return outcome


@pytest.mark.parametrize(
    ("order", "scale", "patience"),
    [(Order(60.0), 1.0, 60.0), (Order(60.0), 0.5, 30.0), (None, 1.0, 900.0)],
)
def test_the_head_of_a_conversation_stays_that_for_as_long_as_its_destination_has_patience(
    world: World, order: Order | None, scale: float, patience: float
) -> None:
    world.timing = Timing(scale)
    destination = destination_of("crm", order=order)
    tried = Try(destination, world.clock() + 9, conversation="chat")
    fresh = planned("crm", world.clock() - 3600)
    retry_at = outcome_of(world, tried, fresh).deliveries["crm"].next_attempt_at
    wait = Wait(retry_at, None, in_line=True, conversation="chat")

    failing = replace(fresh, history=(Attempted(retry_at - patience, 10, "503"),))
    outcome = outcome_of(world, tried, failing)
    assert outcome.waits == {"crm": wait}
    assert not outcome.deliveries["crm"].late

    failing = replace(fresh, history=(Attempted(retry_at - patience - 0.5, 10, "503"),))
    outcome = outcome_of(world, tried, failing)
    assert outcome.waits == {}
    assert outcome.deliveries["crm"].late


@pytest.mark.parametrize(("ahead", "ends"), [(None, False), (0.0, False), (-0.5, True)])
def test_a_probe_in_vain_waits_on_until_the_outage_has_been_too_long(
    world: World, ahead: float | None, ends: bool
) -> None:
    given_up_at = None if ahead is None else world.clock() + ahead
    tried = Try(destination_of("crm"), world.clock() + 9, True, given_up_at, None, "chat")
    outcome = outcome_of(world, tried, planned("crm", world.clock()))
    after = outcome.deliveries["crm"]
    assert after.reason == ("breaker_open" if ends else None)
    until = after.next_attempt_at
    wait = Wait(until, "breaker", True, given_up_at, world.clock(), "chat")
    assert outcome.waits == ({} if ends else {"crm": wait})


@pytest.mark.parametrize(("together", "told"), [(1, None), (2, 2)])
def test_what_is_told_of_an_attempt(world: World, together: int, told: int | None) -> None:
    tried = Try(destination_of("crm"), world.clock() + 9)
    delivery = replace(planned("crm", world.clock()), replays=3)
    outcome_of(world, tried, delivery, Answer(status=200, seconds=2.0), together=together)
    (fact,) = world.facts.named("delivery.attempted")
    assert (fact["age_seconds"], fact["ms"], fact["attempt"]) == (2.123, 2000, 1)
    assert (fact.get("replay"), fact.get("together")) == (3, told)


TOO_SOON, TOO_MUCH = Answer(status=429), Answer(status=413)


@pytest.mark.parametrize(
    ("answer", "changes", "waiting_for"),
    [
        # What was its own is counted, and here it may be attempted once.
        (BUSY, {}, None),
        (TOO_SOON, {}, None),
        (BUSY, {"drains": "crm"}, None),
        (TOO_SOON, {"drains": "crm/chat"}, None),
        (TOO_MUCH, {}, None),
        (BUSY, {"together": 2}, None),
        # Whose turn it was came too soon, or was with too many others.
        (TOO_SOON, {"drains": "crm"}, "rate"),
        (TOO_MUCH, {"together": 2}, "smaller_batch"),
        (Answer(status=422), {"together": 3, "drains": "crm/chat"}, "smaller_batch"),
    ],
)
def test_an_attempt_that_is_not_to_be_blamed_on_its_event_uses_none_up(
    answer: Answer, changes: dict[str, Any], waiting_for: str | None
) -> None:
    world = World()
    tried = Try(destination_of("crm", max_attempts=1), world.clock() + 9, conversation="chat")
    outcome = outcome_of(world, tried, planned("crm", world.clock()), answer, **changes)
    after = outcome.deliveries["crm"]
    if waiting_for is None:
        assert (after.status.value, after.attempts, outcome.waits) == ("dead_lettered", 1, {})
        return
    assert (after.status.value, after.attempts) == ("pending", 0)
    conversation, until = ("", after.next_attempt_at)
    if waiting_for == "smaller_batch":
        conversation, until = "chat", world.clock()
    wait = Wait(until, waiting_for, in_line=True, conversation=conversation)
    assert outcome.waits == {"crm": wait}


@pytest.mark.parametrize("drains", ["crm", None])
def test_a_probe_is_none_of_its_events_attempts_and_never_too_soon(
    world: World, drains: str | None
) -> None:
    tried = Try(destination_of("crm", max_attempts=1), world.clock() + 9, as_probe=True)
    outcome = outcome_of(world, tried, planned("crm", world.clock()), TOO_SOON, drains=drains)
    after = outcome.deliveries["crm"]
    assert (after.status.value, after.attempts) == ("pending", 0)
    assert outcome.waits["crm"].waiting_for == "breaker"


@pytest.mark.parametrize(
    ("together", "behind", "answer", "failures"),
    [
        (1, "", BUSY, 1),
        (1, "main:other", BUSY, 1),
        (2, "", BUSY, 1),
        (2, "main:other", BUSY, 0),
        # A batch that is too much says nothing of its destination; one event says something.
        (2, "", TOO_MUCH, 0),
        (1, "", TOO_MUCH, 1),
    ],
)
def test_an_answer_is_heard_once_for_all_that_went_together(
    together: int, behind: str, answer: Answer, failures: int
) -> None:
    world = World()
    tried, new = Try(destination_of("crm"), world.clock() + 9), planned("crm", world.clock())
    outcome_of(world, tried, new, answer, together=together, behind=behind)
    assert world.board.health.get("crm", Health()).failures == failures
