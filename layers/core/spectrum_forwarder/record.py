"""Record: write down what became of a claimed event, and hint at what it owes next."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from spectrum_forwarder.domain.delivery import EARLY, Deliveries, Delivery, Status
from spectrum_forwarder.domain.errors import QueueUnavailable, Unavailable
from spectrum_forwarder.domain.ports import Clock, EventQueue, Facts, Payloads
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import Claimed, EventTable, Record
from spectrum_forwarder.fitting import Form, write_fitted
from spectrum_forwarder.gate import Gate

# Seconds between tries to record what has been delivered already.
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 3.0
# How long it is tried on once the outcome is noted at least.
NOTED_PATIENCE = 8.0
# For how long an event of which nothing can be written down is left alone: at first, and at most.
FIRST_HOLD, LONGEST_HOLD = 120.0, 3600.0
DAY = 86_400.0
# What is told of deliveries that end so.
GIVEN_UP = {
    Status.DEAD_LETTERED: "delivery.dead_lettered",
    Status.REMOVED: "delivery.removed",
    Status.FILTERED: "delivery.filtered",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Deliveries as they stand after an invocation."""

    claimed: Claimed
    deliveries: Mapping[str, Delivery]


@dataclass(frozen=True, slots=True)
class Hint:
    """A hint to be sent: `delay` in seconds, to the slow lane or the main one."""

    slow: bool
    delay: float


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes outcomes. `sleep` takes seconds."""

    table: EventTable
    payloads: Payloads
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
        claimed = outcome.claimed
        record, hints = self._next(outcome)

        def write(form: Form) -> bool:
            fitted = replace(record, deliveries=form.deliveries, payload=form.payload)
            return self.table.record(claimed.event_key, owner=claimed.owner, record=fitted)

        if not self._fit(claimed, record.deliveries or {}, write):
            self.facts("claim.lost", event_key=claimed.event_key)
            return
        if not told:
            self._report_given_up(outcome)
        for hint in hints:
            try:
                self.queue.send_hint(claimed.event_key, delay=hint.delay, slow=hint.slow)
            except QueueUnavailable as error:
                # The record carries the due time: the sweeper will hint.
                self.facts("hint.failed", event_key=claimed.event_key, cause=str(error))

    def record_late(self, outcome: Outcome, *, deadline: float) -> Unavailable | None:
        """Try until `deadline`; return the failure that is left, if the queue is to keep the hint.

        The deliveries were made: forgetting them because the table blinked would repeat them. So
        they are noted, if they cannot be recorded; and if not even that, the event is held. In both
        cases it stays due, and the sweeper brings it back.
        """
        pause, noted = FIRST_PAUSE, False
        while True:
            try:
                self.record(outcome, told=noted)
            except Unavailable as error:
                if not noted and self._note(outcome, error):
                    noted, deadline = True, min(deadline, self.clock() + NOTED_PATIENCE)
                if self.clock() + pause > deadline:
                    return None if noted or self.hold(outcome.claimed, error) else error
                self.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                return None

    def prove(self, claimed: Claimed, deliveries: Deliveries) -> bool:
        """Show that what an attempt comes to could be written down; raise TableUnavailable.

        Asked where a claim has ended without a record before: an event of which nothing can be
        recorded would be delivered with each claim. False where another owner holds it by now.
        """
        return self._fit(
            claimed,
            deliveries,
            lambda form: self.table.prove(
                claimed.event_key,
                owner=claimed.owner,
                deliveries=form.deliveries,
                payload=form.payload,
            ),
        )

    def hold(self, claimed: Claimed, cause: Unavailable) -> bool:
        """Keep the event from being claimed for a while, longer each time: nothing can be written.

        The worker has come through it, and says so: this is no poison. False where not even that
        can be written.
        """
        doublings = min(claimed.unrecorded, 10)
        pause = min(FIRST_HOLD * 2**doublings, LONGEST_HOLD) * self.timing.scale
        try:
            self._note_down(claimed, self.clock() + pause, None, None)
        except Unavailable:
            pause = 0.0
        self.facts(
            "outcome.unwritten",
            event_key=claimed.event_key,
            cause=str(cause),
            held_seconds=round(pause),
        )
        return bool(pause)

    def release(self, claimed: Claimed) -> None:
        """End a claim under which nothing could be done, for a fault of ours that is no poison.

        The queue record is kept and comes back; should it get lost, the sweeper looks later.
        """
        due_at = self.clock() + self.timing.hint_slack
        try:
            record = Record(None, due_at, None)
            self.table.record(claimed.event_key, owner=claimed.owner, record=record)
        except Unavailable:
            try:
                self._note_down(claimed, self.clock(), None, None)
            except Unavailable as error:
                self.facts("claim.unreleased", event_key=claimed.event_key, cause=str(error))

    def _fit(self, claimed: Claimed, deliveries: Deliveries, write: Callable[[Form], bool]) -> bool:
        return write_fitted(claimed, deliveries, self.payloads, self.facts, write)

    def _note(self, outcome: Outcome, cause: Unavailable) -> bool:
        """Note the outcome; return whether it is written down now."""
        claimed, now = outcome.claimed, self.clock()
        try:
            noted = self._fit(
                claimed,
                outcome.deliveries,
                lambda form: self._note_down(claimed, now, form.deliveries, form.payload),
            )
        except Unavailable:
            return False
        if noted:
            self.facts("outcome.noted", event_key=claimed.event_key, cause=str(cause))
            self._report_given_up(outcome)
        return noted

    def _note_down(
        self, claimed: Claimed, until: float, deliveries: Deliveries | None, payload: str | None
    ) -> bool:
        return self.table.note(
            claimed.event_key,
            owner=claimed.owner,
            until=until,
            notes=claimed.unrecorded + 1,
            deliveries=deliveries,
            payload=payload,
        )

    def _report_given_up(self, outcome: Outcome) -> None:
        """Tell of each delivery that was settled without having been delivered."""
        before = outcome.claimed.deliveries or {}
        for identity, delivery in outcome.deliveries.items():
            fact = GIVEN_UP.get(delivery.status)
            if fact is not None and delivery != before.get(identity):
                self.facts(
                    fact,
                    event_key=outcome.claimed.event_key,
                    destination=self.gate.name_of(identity),
                    reason=delivery.reason,
                    attempts=delivery.attempts,
                )

    def _next(self, outcome: Outcome) -> tuple[Record, list[Hint]]:
        """When to look again: by a hint for each lane that has work soon, else by the sweeper.

        What waits for something else than a retry is left to the sweeper until it is due: nobody
        knows for how long, and each look of its own would only lead to the next.
        """
        now = self.clock()
        looks = [d.next_attempt_at for d in outcome.deliveries.values() if _waits(d, now)]
        hints: list[Hint] = []
        for slow in (False, True):
            at = self._next_attempt(outcome.deliveries, slow, now)
            if at is None:
                continue
            wait = max(0.0, at - now)
            look = now + wait
            if wait <= self.timing.longest_hint_delay:
                look += self.timing.hint_slack
                # A time that was set before has its hint: each look would add another one.
                before = self._next_attempt(outcome.claimed.deliveries or {}, slow, now)
                if at != before or wait <= EARLY:
                    hints.append(Hint(slow, wait))
            looks.append(look)
        if looks:
            return Record(outcome.deliveries, min(looks), None), hints
        expires_at = now + self.retention_days * DAY
        return Record(outcome.deliveries, None, expires_at), []

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
    """Whether the delivery waits for something else than a retry, and not to be looked at now."""
    waits = delivery.waiting_for is not None and not delivery.settled
    return waits and not delivery.is_due(now)
