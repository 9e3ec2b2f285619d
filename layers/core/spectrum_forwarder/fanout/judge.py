"""Judge: what an answer makes of its delivery, and what it says of the destination."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from spectrum_forwarder.domain.answers import said_by
from spectrum_forwarder.domain.delivery import NOT_STARTED, TOO_LARGE, Answer, Delivery, attempted
from spectrum_forwarder.domain.ports import Clock, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout.attempt import Answered
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.take import Taken


@dataclass(frozen=True, slots=True)
class Outcome:
    """An event's deliveries as they stand after an invocation."""

    taken: Taken
    deliveries: Mapping[str, Delivery]


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
        return None if plan.open else Outcome(plan.taken, plan.deliveries)

    def _settle(self, answered: Answered) -> None:
        plan, answer = answered.plan, answered.answer
        identity = answered.attempt.destination
        destination, now = plan.tries[identity].destination, self.clock()
        after = attempted(
            plan.deliveries[identity],
            answer,
            said=said_by(answer, answered.attempt, destination),
            max_attempts=destination.max_attempts,
            now=now,
            timing=self.timing,
            rng=self.rng,
        )
        plan.deliveries[identity] = after
        if speaks_of_destination(answer):
            self.gate.saw(identity, answer)
        self.facts(
            "delivery.attempted",
            event_key=answered.attempt.event_key,
            destination=destination.name,
            attempt=after.attempts,
            replay=after.replays or None,
            answer=str(answer),
            ms=round(answer.seconds * 1000),
            status=after.status.value,
            reason=after.reason,
            age_seconds=round(now - plan.taken.claimed.received_at, 3),
        )


def speaks_of_destination(answer: Answer) -> bool:
    """Whether the answer counts for other events: what is too large is the event's own fault."""
    return answer.error != TOO_LARGE.error
