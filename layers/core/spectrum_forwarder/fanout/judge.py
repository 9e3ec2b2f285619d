"""Judge: what an answer makes of its delivery, and what it says of the destination."""

import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from spectrum_forwarder.domain.answers import said_by
from spectrum_forwarder.domain.delivery import (
    NOT_STARTED,
    TOO_LARGE,
    Answer,
    Delivery,
    Status,
    attempted,
    settled,
)
from spectrum_forwarder.domain.order import SPLIT, TOO_MUCH, Order
from spectrum_forwarder.domain.pace import came_too_soon
from spectrum_forwarder.domain.ports import Clock, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout.attempt import Answered
from spectrum_forwarder.fanout.decide import FOR_RATE, Try, Wait
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.plan import Plan
from spectrum_forwarder.fanout.take import Taken


@dataclass(frozen=True, slots=True)
class Outcome:
    """An event's deliveries as they stand after an invocation.

    `waits` are those that shall stand in their lines, at this `position`.
    """

    taken: Taken
    deliveries: Mapping[str, Delivery]
    waits: Mapping[str, Wait] = field(default_factory=dict)
    position: str = ""

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """What a plan has come to."""
        return cls(plan.taken, plan.deliveries, plan.waits, plan.position)


@dataclass(frozen=True, slots=True)
class Judging:
    """What judging needs."""

    gate: Gate
    clock: Clock
    facts: Facts
    timing: Timing
    rng: random.Random

    def judge(self, answered: Answered) -> Outcome | None:
        """The event's outcome if this was the last answer that it waited for."""
        plan, identity = answered.plan, answered.attempt.destination
        plan.open.discard(identity)
        if answered.answer is not NOT_STARTED:
            self._settle(answered)
        return None if plan.open else Outcome.of(plan)

    def _settle(self, answered: Answered) -> None:
        plan, answer = answered.plan, answered.answer
        identity = answered.attempt.destination
        tried, now = plan.tries[identity], self.clock()
        destination, before = tried.destination, plan.deliveries[identity]
        in_turn = plan.taken.record.drains == identity
        too_soon = in_turn and not tried.as_probe and came_too_soon(answer, before)
        # It goes out with fewer others at once; who of them is to blame is not known yet.
        is_too_much = answered.together > 1 and answer.status in TOO_MUCH
        uses_one_up = not (tried.as_probe or too_soon or is_too_much)
        after = attempted(
            before,
            answer,
            said=said_by(answer, answered.attempt, destination),
            max_attempts=destination.max_attempts if uses_one_up else sys.maxsize,
            now=now,
            timing=self.timing,
            rng=self.rng,
        )
        if not uses_one_up and not after.settled:
            after = replace(after, attempts=before.attempts)
        if tried.as_probe and not after.settled:
            # It was sent for all that wait in line.
            after = self._after_probe(plan, tried, after)
        elif too_soon:
            # It keeps its place, and who drains the line waits for as long as was asked.
            plan.waits[identity] = Wait(after.next_attempt_at, FOR_RATE, in_line=True)
        elif is_too_much:
            wait = Wait(now, SPLIT, in_line=True, conversation=tried.conversation)
            plan.waits[identity] = wait
        elif tried.conversation and not after.settled:
            after = self._as_head(plan, tried, after)
        plan.deliveries[identity] = after
        # The answer to a batch is one answer, heard with the first of its events.
        is_heard = answered.together == 1 or not plan.taken.record.behind
        if is_heard and speaks_of_destination(answer) and not is_too_much:
            self.gate.saw(identity, answer)
        self.facts(
            "delivery.attempted",
            event_key=answered.attempt.event_key,
            destination=destination.name,
            attempt=before.attempts + 1,
            replay=after.replays or None,
            answer=str(answer),
            ms=round(answer.seconds * 1000),
            status=after.status.value,
            reason=after.reason,
            together=answered.together if answered.together > 1 else None,
            age_seconds=round(now - plan.taken.claimed.received_at, 3),
        )

    def _after_probe(self, plan: Plan, tried: Try, delivery: Delivery) -> Delivery:
        """One with which a breaker was probed in vain: it waits on, unless it has for too long."""
        now, given_up_at = self.clock(), tried.given_up_at
        if given_up_at is not None and now > given_up_at:
            return settled(delivery, Status.DEAD_LETTERED, "breaker_open")
        until, conversation = delivery.next_attempt_at, tried.conversation
        wait = Wait(until, "breaker", True, given_up_at, now, conversation)
        plan.waits[delivery.destination] = wait
        return delivery

    def _as_head(self, plan: Plan, tried: Try, delivery: Delivery) -> Delivery:
        """One that has failed in its turn: it stays the first, unless that would be for too long.

        Then it is late: recorded so with this attempt, before its place is given up.
        """
        order, until = tried.destination.order, delivery.next_attempt_at
        patience = (order or Order()).patience * self.timing.scale
        since = delivery.failing_since
        if since is None or until - since > patience:
            return replace(delivery, late=True)
        wait = Wait(until, None, in_line=True, conversation=tried.conversation)
        plan.waits[delivery.destination] = wait
        return delivery


def speaks_of_destination(answer: Answer) -> bool:
    """Whether the answer counts for other events: what is too large is the event's own fault."""
    return answer.error != TOO_LARGE.error
