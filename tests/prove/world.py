"""The world around the use cases: Spectrum, Lambda's pollers, the minute, and time itself.

The use cases are the real ones, over the memory stores that pass the contract suite. Time moves
from one thing that happens to the next; while a worker waits (for a destination, or between two
tries to record) others run, so that a claim that ends too early shows.
"""

import contextlib
import functools
import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from spectrum_forwarder.adapters.event_queue import read_record
from spectrum_forwarder.domain.delivery import Answer, Deliveries
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.inbound import InboundRequest
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Claimed, Existing, Facts, Record, StoredEvent, Webhook
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout import FanOut
from spectrum_forwarder.receive import Receiver
from spectrum_forwarder.record import LONGEST_PAUSE
from spectrum_forwarder.replay import Reopener, Replay
from spectrum_forwarder.storing import EventStore
from spectrum_forwarder.sweep import Sweeper

from tests.prove.faults import (
    Fates,
    FaultyDestinations,
    FaultyHealthBoard,
    FaultyPayloads,
    FaultyQueue,
    FaultySender,
    FaultyTable,
    FaultyWebhooks,
    Killed,
    Script,
)
from tests.prove.ledger import Breach, Invariant, Ledger
from tests.support.make import WEBHOOK, signed_headers
from tests.support.memory import (
    ManualClock,
    MemoryDestinations,
    MemoryHealthBoard,
    MemoryLog,
    MemoryPayloads,
    MemoryQueue,
    MemoryTable,
    MemoryWebhooks,
    Queued,
)

# Spectrum's six attempts (seconds before each), and Lambda's and SQS's settings (template.yaml).
UPSTREAM_DELAYS = (0.0, 0.2, 1.0, 5.0, 10.0, 10.0)
BATCH = 10
FANOUT_LIMIT, SWEEPER_LIMIT, MARGIN = 60.0, 50.0, 3.0
VISIBILITY = 360.0
MAX_RECEIVES = 200
MINUTE = 60.0
# No backlog, retry, breaker or pause of these runs lasts longer.
HORIZON = 40 * 86_400.0
# No single stretch of time in these runs has so much to do.
MOST_STEPS = 20_000

DELIVERED = Answer(status=200, seconds=0.01)


def no_facts(name: str, /, **fields: object) -> None:
    """The `Facts` port where nobody listens."""


class WatchedTable(MemoryTable):
    """Tells the ledger of effects where they happen, even if the caller never hears of them."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger

    def put(
        self, stored: StoredEvent, *, receipt: str, now: float, due_at: float
    ) -> Existing | None:
        before = self.rows.get(stored.event.key)
        existing = super().put(stored, receipt=receipt, now=now, due_at=due_at)
        if before is None or (before.expires_at is not None and before.expires_at < now):
            self._ledger.generations[stored.event.key] += 1
        return existing

    def claim(self, event_key: str, *, owner: str, now: float, until: float) -> Claimed | None:
        claimed = super().claim(event_key, owner=owner, now=now, until=until)
        if claimed is not None:
            self._ledger.claimed(event_key)
        return claimed

    def record(self, event_key: str, *, owner: str, record: Record) -> bool:
        recorded = super().record(event_key, owner=owner, record=record)
        if recorded:
            self._ledger.recorded(event_key, record.deliveries)
        return recorded

    def reopen(
        self,
        seen: LoggedEvent,
        *,
        owner: str,
        now: float,
        deliveries: Deliveries,
        due_at: float,
    ) -> bool:
        before = self.rows[seen.event_key].deliveries or {}
        done = super().reopen(seen, owner=owner, now=now, deliveries=deliveries, due_at=due_at)
        if done:
            self._ledger.reopened(seen.event_key, before, deliveries)
        return done


@dataclass
class Upstream:
    """One delivery by Spectrum: signed once, repeated while the answer is 5xx or none."""

    key: str
    request: InboundRequest
    attempts: int = 0


@dataclass
class Consumer:
    """A destination's own side: its answers in turn, and how long it takes for each (seconds)."""

    answers: list[Answer] = field(default_factory=list)
    default: Answer = DELIVERED

    def answer(self) -> Answer:
        """The answer to the next attempt."""
        return self.answers.pop(0) if self.answers else self.default


class World:
    """One run. `script` says which calls meet which faults; `told` collects the story."""

    def __init__(
        self,
        destinations: dict[str, Destination],
        *,
        script: Script | None = None,
        told: list[str] | None = None,
        facts: Facts = no_facts,
    ) -> None:
        self.clock = ManualClock()
        self.fates = Fates({} if script is None else script, told=told)
        self.ledger = Ledger()
        self.table = WatchedTable(self.ledger)
        self.queue = MemoryQueue(self.clock)
        self.webhooks = MemoryWebhooks([WEBHOOK])
        self.destinations = MemoryDestinations(dict(destinations))
        self.health = MemoryHealthBoard()
        self.payloads = MemoryPayloads()
        self.consumers = {name: Consumer() for name in destinations}
        self.dead_letters: list[Queued] = []
        self.sweeping = True
        self.max_receives = MAX_RECEIVES
        # The queues that are polled: the slow one or not.
        self.lanes: tuple[bool, ...] = (False, True)
        self.killers: set[str] = set()
        self.steps = 0
        self._most_steps = 0
        self._receives: Counter[str] = Counter()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._last_sweep = self.clock() // MINUTE * MINUTE
        self._wire(facts)

    def _wire(self, facts: Facts) -> None:
        fates, clock, timing = self.fates, self.clock, Timing()
        table = FaultyTable(self.table, fates, self._troubled)
        queue = FaultyQueue(self.queue, fates)
        store = EventStore(table, FaultyPayloads(self.payloads, fates), timing)
        self.receiver = Receiver(
            FaultyWebhooks(self.webhooks, fates), store, queue, clock, facts, tolerance=300
        )
        self.fan_out = FanOut(
            destinations=FaultyDestinations(self.destinations, fates),
            health=FaultyHealthBoard(self.health, fates),
            store=store,
            queue=queue,
            sender=FaultySender(
                self._arrive, self.ledger.lost, self._failed, self._take, clock, fates
            ),
            clock=clock,
            sleep=self._meanwhile,
            facts=facts,
            timing=timing,
            retention_days=14,
            new_owner=lambda: f"owner-{next(self._numbers)}",
            in_parallel=map,
            rng=random.Random(7),
        )
        self.reopener = Reopener(
            MemoryLog(self.table),
            table,
            queue,
            clock,
            self._meanwhile,
            timing,
            new_owner=lambda: f"operator-{next(self._numbers)}",
        )
        self.sweeper = Sweeper(table, queue, clock, facts, timing, in_parallel=map)

    # Spectrum

    def deliver(self, body: bytes, key: str, *, webhook: Webhook = WEBHOOK) -> None:
        """Spectrum has an event for us; `key` is what it must be deduplicated on."""
        self.ledger.bodies[key] = body
        headers = signed_headers(body, now=self.clock(), webhook=webhook)
        self._attempt_later(Upstream(key, InboundRequest(headers, body)))

    def _attempt_later(self, upstream: Upstream) -> None:
        if upstream.attempts < len(UPSTREAM_DELAYS):
            self.later(UPSTREAM_DELAYS[upstream.attempts], lambda: self._post(upstream))

    def _post(self, upstream: Upstream) -> None:
        upstream.attempts += 1
        receipt = f"request-{next(self._numbers)}"
        try:
            status = self.receiver.receive(upstream.request, receipt=receipt).status
        except Killed:
            self.fates.tell("     the receiver dies")
            status = 504
        self.fates.tell(f"     Spectrum is answered {status}")
        if status == 200:
            self._acknowledged(upstream.key)
        elif status >= 500:
            self._attempt_later(upstream)
        else:
            self.ledger.breach(Invariant.NEVER_DROPPED, f"{upstream.key}: {status}")

    def _acknowledged(self, key: str) -> None:
        queued_whole = any(self._holds_whole(queued, key) for queued in self.queue.queued)
        if key not in self.table.rows and not queued_whole:
            self.ledger.breach(Invariant.DURABLE_FIRST, key)
        self.ledger.acknowledged.add(key)
        configured = {*self.destinations.usable, *self.destinations.broken}
        self.ledger.known.setdefault(key, configured)

    def _holds_whole(self, queued: Queued, key: str) -> bool:
        record = read_record({"messageId": queued.id, "body": queued.body})
        return record.whole is not None and record.event_key == key

    # Destinations

    def _arrive(self, attempt: Attempt) -> Answer:
        if attempt.event_key in self.killers:
            raise Killed("poison")
        answer = self.consumers[attempt.destination].answer()
        answer = replace(answer, seconds=min(answer.seconds, attempt.timeout_seconds))
        self.fates.tell(f"     {attempt.destination} got {attempt.event_key}: {answer}")
        self.ledger.arrived(attempt, answer)
        if not answer.succeeded:
            self._failed(attempt)
        return answer

    def _failed(self, attempt: Attempt) -> None:
        self.ledger.failed[(attempt.event_key, attempt.destination)] += 1

    def _troubled(self, key: str) -> None:
        self.ledger.troubled(key)

    # Lambda

    def _poll(self, slow: bool) -> None:
        """One invocation of the fan-out with what one of the queues has."""
        visible = [queued for queued in self.queue.visible() if queued.slow is slow]
        batch = [queued for queued in visible[:BATCH] if self._receive(queued)]
        records = [read_record({"messageId": q.id, "body": q.body}) for q in batch]
        began = self.clock()
        deadline = began + FANOUT_LIMIT - MARGIN
        self.ledger.begin()
        killed, kept = False, {record.id for record in records}
        self.fates.tell(f"     a worker begins at {began:.1f} with {', '.join(sorted(kept))}")
        try:
            kept = set(self.fan_out.fan_out(records, deadline=deadline))
        except Killed as death:
            killed = True
            self.fates.tell(f"     the worker dies: {death}")
        out_of_time = self.clock() > deadline - LONGEST_PAUSE - 1
        self.ledger.end(killed=killed, out_of_time=out_of_time)
        if self.clock() > began + FANOUT_LIMIT:
            self.ledger.breach(Invariant.IN_TIME, f"{self.clock() - began:.1f} s")
        done = {record.id for record in records} - kept
        self.queue.queued = [queued for queued in self.queue.queued if queued.id not in done]

    def _receive(self, queued: Queued) -> bool:
        queued.at = self.clock() + VISIBILITY
        self._receives[queued.id] += 1
        if self._receives[queued.id] <= self.max_receives:
            return True
        self.queue.queued.remove(queued)
        self.dead_letters.append(queued)
        return False

    def expire(self) -> None:
        """DynamoDB deletes what its TTL has passed."""
        now = self.clock()
        for key, row in list(self.table.rows.items()):
            if row.expires_at is not None and row.expires_at < now:
                del self.table.rows[key]

    def replay(self, key: str) -> None:
        """An operator wants the event to be delivered once more, to all that there are."""
        configured = frozenset(self.destinations.usable)
        change = Replay(configured, destinations=None, status=None, begun_at=self.clock())
        with contextlib.suppress(Killed, TableUnavailable):
            self.reopener.reopen(key, change)

    def add(self, destination: Destination) -> None:
        """Configure a destination, or change or mend its entry."""
        self.destinations.broken.pop(destination.name, None)
        self.destinations.usable[destination.name] = destination
        self.consumers.setdefault(destination.name, Consumer())

    def remove(self, name: str) -> None:
        """Take a destination out of the configuration."""
        if self.destinations.usable.pop(name, None) or self.destinations.broken.pop(name, None):
            self.ledger.removed.add(name)

    def purge(self) -> None:
        """Lose all hints. Whole events are none: while the table is down the queue is the truth."""
        self.queue.queued = [queued for queued in self.queue.queued if '"event":' in queued.body]

    def redrive(self) -> None:
        """Move what stands in the dead-letter queue back to where it came from."""
        for queued in self.dead_letters:
            self.queue.queued.append(replace(queued, id=f"{queued.id}+", at=self.clock()))
        self.dead_letters.clear()

    def sweep(self) -> None:
        """One invocation of the sweeper."""
        self._last_sweep = self.clock()
        self.fates.tell(f"     a sweep at {self.clock():.1f}")
        try:
            self.sweeper.sweep(deadline=self.clock() + SWEEPER_LIMIT - MARGIN)
        except Killed:
            self.fates.tell("     the sweeper dies")

    # Time

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something once so much time has passed."""
        heapq.heappush(self._agenda, (self.clock() + seconds, next(self._numbers), action))

    def _do_next(self) -> None:
        heapq.heappop(self._agenda)[2]()

    def _next(self) -> tuple[float, Callable[[], None]] | None:
        """What happens next, and when."""
        happenings: list[tuple[float, Callable[[], None]]] = []
        if self._agenda:
            happenings.append((self._agenda[0][0], self._do_next))
        for slow in self.lanes:
            times = [queued.at for queued in self.queue.queued if queued.slow is slow]
            if times:
                happenings.append((min(times), functools.partial(self._poll, slow)))
        due = [row.due_at for row in self.table.rows.values() if row.due_at is not None]
        if due and self.sweeping:
            tick = max(-(-min(due) // MINUTE) * MINUTE, self._last_sweep + MINUTE)
            happenings.append((tick, self.sweep))
        return min(happenings, key=lambda happening: happening[0], default=None)

    def step(self, until: float) -> bool:
        """Let the next thing happen; False if that would be later than `until`."""
        happening = self._next()
        if happening is None or happening[0] > until:
            return False
        if self.steps >= self._most_steps:
            self.ledger.breach(Invariant.CALM, f"at {self.clock():.1f}")
            return False
        self.clock.now = max(self.clock.now, happening[0])
        self.steps += 1
        happening[1]()
        return True

    def _meanwhile(self, seconds: float) -> None:
        """A worker waits; others run, unless this one is itself such another."""
        end = self.clock() + seconds
        if len(self.ledger.at_work) == 1 and not self.fates.down:
            while self.step(end):
                pass
        self.clock.now = max(self.clock.now, end)

    def _take(self, seconds: float) -> None:
        """Answers take their time; those of such another come at once, or two would add up."""
        if len(self.ledger.at_work) == 1:
            self._meanwhile(seconds)

    def let_pass(self, seconds: float) -> None:
        """Let everything happen that falls into this time."""
        self._most_steps = self.steps + MOST_STEPS
        end = self.clock() + seconds
        while self.step(end):
            pass
        self.clock.now = max(self.clock.now, end)

    def run_out(self) -> None:
        """Let everything happen that still can."""
        self._most_steps = self.steps + MOST_STEPS
        end = self.clock() + HORIZON
        while self.step(end):
            pass

    def settle(self) -> list[Breach]:
        """Let everything happen until nothing is owed, then judge."""
        self.run_out()
        left = [f"{queued.id}: {queued.body[:60]}" for queued in self.queue.queued]
        left += [f"dead-letter {queued.id}" for queued in self.dead_letters]
        return self.ledger.judge(self.table.rows, left, self.clock())
