"""Record: write down what became of a claimed event, and hint at what it owes next."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from spectrum_forwarder.domain.delivery import EARLY, Deliveries, Delivery, Status
from spectrum_forwarder.domain.errors import QueueUnavailable, Unavailable
from spectrum_forwarder.domain.ports import Clock, EventQueue, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import EventTable, Record
from spectrum_forwarder.fanout.claims import Claims
from spectrum_forwarder.fanout.fitting import Form
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.judge import Outcome
from spectrum_forwarder.fanout.lines.call import Calls
from spectrum_forwarder.fanout.lines.stand import Standing

# Seconds between tries to record what has been delivered already.
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 3.0
# How long it is tried on once the outcome is noted at least.
NOTED_PATIENCE = 8.0
DAY = 86_400.0
# What is told of deliveries that end so.
GIVEN_UP = {
    Status.DEAD_LETTERED: "delivery.dead_lettered",
    Status.REMOVED: "delivery.removed",
    Status.FILTERED: "delivery.filtered",
}


@dataclass(frozen=True, slots=True)
class Hint:
    """A hint to be sent: `delay` in seconds, to the slow lane or the main one."""

    slow: bool
    delay: float


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes outcomes. `sleep` takes seconds."""

    table: EventTable
    claims: Claims
    standing: Standing
    calls: Calls
    queue: EventQueue
    clock: Clock
    sleep: Callable[[float], None]
    facts: Facts
    timing: Timing
    retention_days: int
    gate: Gate

    def record(self, outcome: Outcome, *, told: bool = False) -> None:
        """Write the outcome and send its hints; raise TableUnavailable.

        What was given up is told, unless that is `told` already.
        """
        claimed = outcome.taken.claimed
        record, hints = self._next(outcome)

        def write(form: Form) -> bool:
            fitted = replace(record, deliveries=form.deliveries, payload=form.payload)
            return self.table.record(claimed.event_key, owner=claimed.owner, record=fitted)

        if not self.claims.fit(claimed, record.deliveries or {}, write):
            self.facts("claim.lost", event_key=claimed.event_key)
            return
        self.standing.leave(outcome)
        led_in = outcome.taken.record.drains
        self.calls.call_for(outcome.taken.deliveries, outcome.deliveries, led_in=led_in)
        if not told:
            self._report_given_up(outcome)
        unsent = [hint for hint in hints if not self._send(claimed.event_key, hint)]
        if unsent and record.due_at is not None:
            at = self.clock() + min(hint.delay for hint in unsent)
            self._hasten(claimed.event_key, record.due_at, at)

    def record_late(self, outcome: Outcome, *, deadline: float) -> Unavailable | None:
        """Try until `deadline`; return the failure that is left, if the queue is to keep the hint.

        The deliveries were made: forgetting them because the table blinked would repeat them. So
        they are noted, if they cannot be recorded; and if not even that, the event is held. In both
        cases it stays due, and the sweeper brings it back.
        """
        claimed, pause, noted = outcome.taken.claimed, FIRST_PAUSE, False
        while True:
            try:
                self.record(outcome, told=noted)
            except Unavailable as error:
                if not noted and self.claims.note(claimed, outcome.deliveries, error):
                    self._report_given_up(outcome)
                    noted, deadline = True, min(deadline, self.clock() + NOTED_PATIENCE)
                if self.clock() + pause > deadline:
                    return None if noted or self.claims.hold(claimed, error) else error
                self.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                return None

    def _send(self, event_key: str, hint: Hint) -> bool:
        """Whether it was sent; if not, the record carries a due time, and the sweeper will hint."""
        try:
            self.queue.send_hint(event_key, delay=hint.delay, slow=hint.slow)
        except QueueUnavailable as error:
            self.facts("hint.failed", event_key=event_key, cause=str(error))
            return False
        return True

    def _hasten(self, event_key: str, seen: float, at: float) -> None:
        """Have the sweeper look when the attempt is due, not when its hint would be late."""
        with contextlib.suppress(Unavailable):
            self.table.hasten(event_key, seen=seen, due_at=min(seen, at))

    def _report_given_up(self, outcome: Outcome) -> None:
        """Tell of each delivery that was settled without having been delivered."""
        before = outcome.taken.claimed.deliveries or {}
        for identity, delivery in outcome.deliveries.items():
            fact = GIVEN_UP.get(delivery.status)
            if fact is not None and delivery != before.get(identity):
                self.facts(
                    fact,
                    event_key=outcome.taken.claimed.event_key,
                    destination=self.gate.name_of(identity),
                    reason=delivery.reason,
                    attempts=delivery.attempts,
                )

    def _next(self, outcome: Outcome) -> tuple[Record, list[Hint]]:
        """When to look again: by a hint for each lane that has work soon, else by the sweeper.

        What waits for something else than a retry is left to the sweeper until it is due: nobody
        knows for how long, and each look of its own would only lead to the next.
        """
        claimed, now = outcome.taken.claimed, self.clock()
        # Each with whether a hint in the slow lane leads to it.
        looks = [
            (d.next_attempt_at + self._slack(d, now), False)
            for d in outcome.deliveries.values()
            if _waits(d, now)
        ]
        hints: list[Hint] = []
        for slow in (False, True):
            at = self._next_attempt(outcome.deliveries, slow, now)
            if at is None:
                continue
            wait = max(0.0, at - now)
            look = now + wait
            hinted = wait <= self.timing.longest_hint_delay
            if hinted:
                look += self.timing.hint_slack
                # A time that was set before has its hint: each look would add another one.
                before = self._next_attempt(claimed.deliveries or {}, slow, now)
                if at != before or wait <= EARLY:
                    hints.append(Hint(slow, wait))
            looks.append((look, slow and hinted))
        if looks:
            due_at, slow_lane = min(looks)
            return Record(outcome.deliveries, due_at, None, slow_lane=slow_lane), hints
        expires_at = now + self.retention_days * DAY
        return Record(outcome.deliveries, None, expires_at), []

    def _slack(self, delivery: Delivery, now: float) -> float:
        """By how much its look comes after its time: a retry in its line has its hint there.

        But for one that is farther off than a hint can be sent.
        """
        is_hinted_at = delivery.next_attempt_at - now <= self.timing.longest_hint_delay
        return self.timing.hint_slack if delivery.waiting_for is None and is_hinted_at else 0.0

    def _next_attempt(self, deliveries: Deliveries, slow: bool, now: float) -> float | None:
        """When the lane's next attempt is due; None where it owes none of its own accord."""
        times = [
            delivery.next_attempt_at
            for name, delivery in deliveries.items()
            if not delivery.settled
            and self.gate.is_slow(name) is slow
            and not _waits(delivery, now)
        ]
        return min(times, default=None)


def _waits(delivery: Delivery, now: float) -> bool:
    """Whether the delivery waits for something else than a retry, and not to be looked at now.

    Or for a retry in its conversation's line.
    """
    waits = delivery.waiting_for is not None or delivery.stood_at is not None
    return waits and not delivery.settled and not delivery.is_due(now)
