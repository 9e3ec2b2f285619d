"""Fan out: claim an event, attempt what is due, record what became of it.

The table decides; a queue record is only a hint to look at an event. A destination's failure is
data and ends in the record; a failure of ours keeps the queue record, so that it comes again.
An event that kept killing its worker is handled alone, after the others, and given up as poison.
"""

import contextlib
import random
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from spectrum_forwarder.configured import Configured
from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer, Status, attempted, settled
from spectrum_forwarder.domain.errors import (
    ForwarderError,
    LaterFormat,
    PayloadMissing,
    Unavailable,
)
from spectrum_forwarder.domain.event import unpack
from spectrum_forwarder.domain.outbound import Attempt, outbound_headers, outgoing_id
from spectrum_forwarder.domain.ports import Clock, EventQueue, Facts, StoredEvent
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import (
    Claimed,
    DestinationRegistry,
    EventTable,
    HealthBoard,
    QueueRecord,
    Sender,
)
from spectrum_forwarder.gate import Gate
from spectrum_forwarder.loops import Loops
from spectrum_forwarder.plan import Plan, Planner
from spectrum_forwarder.record import Outcome, Recorder
from spectrum_forwarder.storing import EventStore

# Claims without a record from which on an event is handled alone.
SUSPECT_CLAIMS = 2
# Tries alone after which it is given up.
POISON_STRIKES = 3


Taken = tuple[QueueRecord, Claimed]
# A record, and until when its event is claimed: before, it would be looked at in vain.
Kept = tuple[QueueRecord, float]
Given = TypeVar("Given")
Made = TypeVar("Made")


class InParallel(Protocol):
    """`map`, or an executor's."""

    def __call__(self, make: Callable[[Given], Made], given: Iterable[Given], /) -> Iterator[Made]:
        """Apply `make` to all that is given, while it is given; the results in its order."""


@dataclass(slots=True)
class Work:
    """A claimed event on its way through one invocation; `open` are attempts not answered yet."""

    record: QueueRecord
    claimed: Claimed
    plan: Plan
    attempts: Sequence[Attempt] = ()
    open: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class FanOut:
    """What fanning out needs; `sleep` takes seconds."""

    destinations: DestinationRegistry
    health: HealthBoard
    table: EventTable
    store: EventStore
    queue: EventQueue
    sender: Sender
    clock: Clock
    sleep: Callable[[float], None]
    facts: Facts
    timing: Timing
    retention_days: int
    new_owner: Callable[[], str]
    in_parallel: InParallel
    rng: random.Random = field(default_factory=random.Random)
    loops: Loops | None = None

    def fan_out(self, records: Sequence[QueueRecord], *, deadline: float) -> list[str]:
        """Handle a batch until `deadline` (Unix seconds).

        Returns the ids of the records to be kept in the queue, because something of ours failed.
        They come again soon: whole events are nowhere else, and hints would hide that they lack.
        """
        try:
            configured = Configured(self.destinations, self.clock, self.timing)
            gate = Gate(
                self.health,
                clock=self.clock,
                facts=self.facts,
                timing=self.timing,
                rng=self.rng,
                name_of=configured.name_of,
            )
            planner = Planner(configured, gate, self.clock, self.timing, deadline, self.facts)
        except Unavailable as error:
            self.facts("batch.kept", records=len(records), cause=str(error))
            return self._kept([(record, 0.0) for record in records], deadline)
        recorder = Recorder(
            self.table,
            self.store.payloads,
            self.queue,
            self.clock,
            self.sleep,
            self.facts,
            self.timing,
            self.retention_days,
            gate,
        )
        batch = Batch(self, planner, recorder)
        batch.run(records)
        gate.publish()
        return self._kept(batch.kept, deadline)

    def _kept(self, kept: Sequence[Kept], deadline: float) -> list[str]:
        """Have records shown again long before the queue would; return their ids."""
        now = self.clock()
        if kept and now < deadline:
            # Else, and if this fails too, the queue shows them after its visibility timeout.
            with contextlib.suppress(Unavailable):
                self.queue.show_again(
                    [
                        (record, max(self.timing.comes_again(record.receives), until - now))
                        for record, until in kept
                    ]
                )
        return [record.id for record, _ in kept]


class Batch:
    """One invocation's share of the work, and the records it could not finish."""

    def __init__(self, needs: FanOut, planner: Planner, recorder: Recorder) -> None:
        self._needs = needs
        self._planner = planner
        self._recorder = recorder
        self._unrecorded: list[tuple[QueueRecord, Outcome]] = []
        self.kept: list[Kept] = []

    def run(self, records: Sequence[QueueRecord]) -> None:
        """Claim all, attempting what is due of each as soon as it is claimed; then suspects alone.

        A suspect is an event under which several workers have ended.
        """
        suspects: list[Taken] = []
        self._deliver(self._trusted(records, suspects))
        for record, claimed in suspects:
            if self._survives_alone(record, claimed):
                self._deliver([(record, claimed)])
        for record, outcome in self._unrecorded:
            left = self._recorder.record_late(outcome, deadline=self._planner.deadline)
            if left is not None:
                self._keep(record, left, until=outcome.claimed.until)

    def _trusted(self, records: Sequence[QueueRecord], suspects: list[Taken]) -> Iterator[Taken]:
        claims = self._needs.in_parallel(self._take, records)
        for record, claimed in zip(records, claims, strict=True):
            if claimed is None:
                continue
            if claimed.claims >= SUSPECT_CLAIMS:
                suspects.append((record, claimed))
            else:
                yield record, claimed

    def _take(self, record: QueueRecord) -> Claimed | None:
        needs, now = self._needs, self._needs.clock()
        try:
            key = record.event_key if record.whole is None else self._put(record, record.whole, now)
            until = now + needs.timing.claim(self._planner.configured.now.longest_timeout)
            owner = needs.new_owner()
            claimed = needs.table.claim(key, owner=owner, now=now, until=until)
            if claimed is None or not claimed.is_doubtful:
                return claimed
            return self._proved(record, claimed)
        except LaterFormat as error:
            # Whoever can read it will be hinted at it by the sweeper, which tells how late it is.
            needs.facts("event.later_format", event_key=record.event_key, cause=str(error))
            return None
        except Exception as error:  # one event's trouble must not keep the others waiting
            self._keep(record, error)
            return None

    def _put(self, record: QueueRecord, whole: StoredEvent, now: float) -> str:
        """Store an event that the table could not take when it came; return its key there."""
        store = self._needs.store
        placed = store.put(store.fit(whole), receipt=record.id, now=now)
        if placed.existing is None and placed.key != record.event_key:
            self._needs.facts("event.same_id", event_key=placed.key, known=record.event_key)
        return placed.key

    def _proved(self, record: QueueRecord, claimed: Claimed) -> Claimed | None:
        """The event, if a record of it could be written; else it waits, and nothing is sent."""
        bound = self._planner.bound(claimed, self._needs.clock())
        try:
            return claimed if self._recorder.prove(claimed, bound) else None
        except Unavailable as error:
            if not self._recorder.hold(claimed, error):
                self._keep(record, error, until=claimed.until)
            return None

    def _deliver(self, taken: Iterable[Taken]) -> None:
        """Attempt all that is due, and record each event once its last answer is there."""
        for _ in self._needs.in_parallel(self._finish, self._answered(taken)):
            pass

    def _answered(self, taken: Iterable[Taken]) -> Iterator[Work]:
        works: dict[str, Work] = {}
        for attempt, answer in self._needs.sender.send(self._due(taken, works)):
            work = works[attempt.event_key]
            self._settle(work, attempt, answer)
            if not work.open:
                yield work

    def _due(self, taken: Iterable[Taken], works: dict[str, Work]) -> Iterator[Attempt]:
        """The attempts to make now; `works` gets each event that has any."""
        for record, claimed in taken:
            work = self._open(record, claimed)
            if work is None:
                continue
            if work.attempts:
                works[claimed.event_key] = work
                yield from work.attempts
            else:
                self._finish(work)

    def _open(self, record: QueueRecord, claimed: Claimed) -> Work | None:
        """Read the body and plan; an event whose body is gone is dead-lettered."""
        try:
            body = unpack(claimed.packed or self._needs.store.payloads.get(claimed.payload or ""))
            plan = self._planner.plan(claimed, body, slow_lane=record.slow_lane)
            attempts = list(self._attempts(claimed, body, plan))
        except PayloadMissing:
            self._give_up(record, claimed, "payload_missing")
            return None
        except Unavailable as error:
            self._recorder.release(claimed)
            self._keep(record, error)
            return None
        except Exception as error:  # one event's trouble must not keep the others waiting
            self._keep(record, error, until=claimed.until)
            return None
        return Work(record, claimed, plan, attempts, set(plan.attempts))

    def _attempts(self, claimed: Claimed, body: bytes, plan: Plan) -> Iterator[Attempt]:
        loops = self._needs.loops
        via = loops.marked(claimed.via, body) if loops and plan.attempts else claimed.via
        for identity, destination in plan.attempts.items():
            headers = outbound_headers(
                destination,
                outgoing_id=outgoing_id(claimed.event_key, claimed.format),
                kind=claimed.kind,
                webhook_id=claimed.first_id or claimed.webhook_id,
                content_type=claimed.content_type,
                content_encoding=claimed.content_encoding,
                body=body,
                now=self._needs.clock(),
                replays=plan.deliveries[identity].replays,
                via=via,
            )
            yield Attempt(
                event_key=claimed.event_key,
                destination=identity,
                url=destination.url,
                headers=headers,
                body=body,
                timeout_seconds=destination.timeout_seconds,
                begin_by=self._planner.begin_by(destination, claimed),
                kind=destination.kind,
                options=destination.options,
                event_kind=claimed.kind,
            )

    def _settle(self, work: Work, attempt: Attempt, answer: Answer) -> None:
        identity = attempt.destination
        work.open.discard(identity)
        if answer is NOT_STARTED:
            return
        now = self._needs.clock()
        after = attempted(
            work.plan.deliveries[identity],
            answer,
            max_attempts=work.plan.attempts[identity].max_attempts,
            now=now,
            timing=self._needs.timing,
            rng=self._needs.rng,
        )
        work.plan.deliveries[identity] = after
        self._planner.gate.saw(identity, answer)
        self._needs.facts(
            "delivery.attempted",
            event_key=attempt.event_key,
            destination=work.plan.attempts[identity].name,
            attempt=after.attempts,
            replay=after.replays or None,
            answer=str(answer),
            ms=round(answer.seconds * 1000),
            status=after.status.value,
            reason=after.reason,
            age_seconds=round(now - work.claimed.received_at, 3),
        )

    def _survives_alone(self, record: QueueRecord, claimed: Claimed) -> bool:
        """Count a try alone; after too many that ended its worker the event is given up."""
        try:
            strikes = self._needs.table.strike(claimed.event_key, owner=claimed.owner)
        except Unavailable as error:
            # It may have been counted all the same, and nobody has died.
            self._recorder.release(claimed)
            self._keep(record, error)
            return False
        if strikes <= POISON_STRIKES:
            return True
        self._give_up(record, claimed, "poison")
        return False

    def _give_up(self, record: QueueRecord, claimed: Claimed, reason: str) -> None:
        bound = self._planner.bound(claimed, self._needs.clock())
        deliveries = {
            name: delivery if delivery.settled else settled(delivery, Status.DEAD_LETTERED, reason)
            for name, delivery in bound.items()
        }
        self._finish(Work(record, claimed, Plan(deliveries)))

    def _finish(self, work: Work) -> None:
        """Record the outcome: now, or if the table fails, once all attempts are done."""
        outcome = Outcome(work.claimed, work.plan.deliveries)
        try:
            self._recorder.record(outcome)
        except Unavailable:
            self._unrecorded.append((work.record, outcome))

    def _keep(self, record: QueueRecord, cause: Exception, *, until: float = 0.0) -> None:
        self.kept.append((record, until))
        self._needs.facts("record.kept", event_key=record.event_key, cause=_described(cause))


def _described(error: Exception) -> str:
    """What an error of ours says; of any other, which may quote a body, its kind and place."""
    if isinstance(error, ForwarderError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {frames[-1].name}" if frames else type(error).__name__
