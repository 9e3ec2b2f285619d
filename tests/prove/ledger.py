"""The ledger: what was promised, what arrived, and the verdict once the dust has settled.

It hears of effects where they happen, inside the faults, and knows nothing of the use cases.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from spectrum_forwarder.domain.delivery import Answer, Deliveries, Delivery, Status
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.retry import DEFAULT_MAX_ATTEMPTS

from tests.support.memory import Row

# How often a worker must have come to grief over an event before it may be given up as poison.
SETBACKS_OF_POISON = 4
LONGEST_OUTAGE = 4 * 86_400.0

Pair = tuple[str, str]


class Invariant(StrEnum):
    """What must hold whatever happened."""

    DURABLE_FIRST = "200 only after a durable write"
    NEVER_DROPPED = "an authentic request is never answered 4xx"
    NOTHING_OWED = "everything acknowledged is settled in the end"
    DELIVERED = "what counts as delivered has arrived"
    ONCE = "nothing arrives twice without an ambiguity"
    JUST_CAUSE = "nothing is given up, filtered or removed without its cause"
    DRAINED = "all queues are drained"
    ONE_ID = "all attempts of an event carry one webhook-id and the original bytes"
    CALM = "nothing is looked at over and over"
    IN_TIME = "no invocation outlasts its time limit"


@dataclass(frozen=True)
class Breach:
    """An invariant that did not hold, and where."""

    invariant: Invariant
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.detail}"


@dataclass
class Invocation:
    """One worker's life: what it holds, and what arrived through it without being recorded yet."""

    claimed: set[str] = field(default_factory=set)
    recorded: set[str] = field(default_factory=set)
    troubled: set[str] = field(default_factory=set)
    arrived: Counter[Pair] = field(default_factory=Counter)


@dataclass
class Ledger:
    """All accounts of one run. Events are named by their keys."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    generations: Counter[str] = field(default_factory=Counter)
    accepted: Counter[Pair] = field(default_factory=Counter)
    failed: Counter[Pair] = field(default_factory=Counter)
    ambiguous: Counter[Pair] = field(default_factory=Counter)
    replays: Counter[Pair] = field(default_factory=Counter)
    gone: set[Pair] = field(default_factory=set)
    setbacks: Counter[str] = field(default_factory=Counter)
    removed: set[str] = field(default_factory=set)
    down_for_days: set[str] = field(default_factory=set)
    known: dict[str, set[str]] = field(default_factory=dict)
    states: dict[str, Deliveries] = field(default_factory=dict)
    breaches: list[Breach] = field(default_factory=list)
    at_work: list[Invocation] = field(default_factory=list)

    def breach(self, invariant: Invariant, detail: str) -> None:
        """Note what cannot be explained later."""
        self.breaches.append(Breach(invariant, detail))

    def begin(self) -> Invocation:
        """A worker begins."""
        self.at_work.append(Invocation())
        return self.at_work[-1]

    def end(self, *, killed: bool, out_of_time: bool) -> None:
        """A worker has ended: what it leaves unrecorded may arrive again.

        That is an ambiguity only if the worker was killed, or tried to record until its time
        was up; a worker that gives up earlier has no excuse.
        """
        ended = self.at_work.pop()
        if killed or out_of_time:
            self.ambiguous += ended.arrived
        for key in ended.claimed - ended.recorded:
            if killed or key in ended.troubled:
                self.setbacks[key] += 1

    def arrived(self, attempt: Attempt, answer: Answer) -> None:
        """A destination got an attempt and made up its answer."""
        pair = (attempt.event_key, attempt.destination)
        if attempt.headers.get("webhook-id") != attempt.event_key:
            self.breach(Invariant.ONE_ID, f"{pair}: {attempt.headers.get('webhook-id')}")
        if attempt.body != self.bodies.get(attempt.event_key):
            self.breach(Invariant.ONE_ID, f"{pair}: another body")
        if answer.succeeded:
            self.accepted[pair] += 1
            self.at_work[-1].arrived[pair] += 1
        elif answer.status == 410:
            self.gone.add(pair)

    def lost(self, attempt: Attempt, answer: Answer) -> None:
        """The destination's answer did not come back."""
        pair = (attempt.event_key, attempt.destination)
        if answer.succeeded:
            self.ambiguous[pair] += 1
            self.at_work[-1].arrived[pair] -= 1

    def troubled(self, key: str) -> None:
        """The table failed a worker that holds, or means to hold, this event."""
        self.at_work[-1].troubled.add(key)

    def claimed(self, key: str) -> None:
        """A worker holds this event."""
        self.at_work[-1].claimed.add(key)

    def recorded(self, key: str, deliveries: Deliveries | None) -> None:
        """An outcome is in the table."""
        if deliveries is not None:
            self.states[key] = dict(deliveries)
        if not any(delivery.reason == "poison" for delivery in (deliveries or {}).values()):
            self.setbacks[key] = 0
        worker = self.at_work[-1]
        worker.recorded.add(key)
        for pair in [pair for pair in worker.arrived if pair[0] == key]:
            del worker.arrived[pair]

    def reopened(self, key: str, before: Deliveries, after: Deliveries) -> None:
        """An operator began deliveries anew: each may arrive once more."""
        for name, delivery in after.items():
            if name in before and delivery.replays > before[name].replays:
                self.replays[(key, name)] += 1

    def judge(self, rows: Mapping[str, Row], left_over: Sequence[str], now: float) -> list[Breach]:
        """Everything that does not hold. `left_over` names what still is in some queue."""
        for key in sorted(self.acknowledged):
            self._judge_event(key, rows.get(key), now)
        for key, row in rows.items():
            if row.due_at is not None:
                self.breach(Invariant.NOTHING_OWED, f"{key} is still due")
        for pair, times in self.accepted.items():
            allowed = self.generations[pair[0]] + self.replays[pair] + self.ambiguous[pair]
            if times > allowed:
                self.breach(Invariant.ONCE, f"{pair} arrived {times} times, {allowed} explained")
        for record in left_over:
            self.breach(Invariant.DRAINED, record)
        return self.breaches

    def _judge_event(self, key: str, row: Row | None, now: float) -> None:
        deliveries = row.deliveries if row else self.states.get(key)
        if deliveries is None:
            self.breach(Invariant.NOTHING_OWED, f"{key} is bound for nobody")
            return
        for name in sorted(self.known.get(key, set()) - self.removed - set(deliveries)):
            self.breach(Invariant.NOTHING_OWED, f"{key} was never bound for {name}")
        for delivery in deliveries.values():
            self._judge_delivery(key, delivery, now)

    def _judge_delivery(self, key: str, delivery: Delivery, now: float) -> None:
        pair = (key, delivery.destination)
        if delivery.status is Status.PENDING:
            self.breach(Invariant.NOTHING_OWED, f"{pair} is pending")
        elif delivery.status is Status.DELIVERED:
            if not self.accepted[pair]:
                self.breach(Invariant.DELIVERED, f"{pair} never arrived")
        elif not self._just(delivery, pair, now):
            self.breach(Invariant.JUST_CAUSE, f"{pair}: {delivery.status} {delivery.reason}")

    def _just(self, delivery: Delivery, pair: Pair, now: float) -> bool:
        if delivery.status is Status.REMOVED:
            return delivery.destination in self.removed
        if delivery.status is Status.FILTERED:
            return b"unwanted" in self.bodies[pair[0]]
        reason = delivery.reason or ""
        if reason.startswith("exhausted"):
            return self.failed[pair] >= delivery.attempts >= DEFAULT_MAX_ATTEMPTS
        if reason == "gone":
            return pair in self.gone
        if reason == "breaker_open":
            down_for_days = delivery.destination in self.down_for_days
            return down_for_days and now - delivery.planned_at > LONGEST_OUTAGE
        return reason == "poison" and self.setbacks[pair[0]] >= SETBACKS_OF_POISON
