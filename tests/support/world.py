"""The whole data path in memory, its clock moved by hand and its services failing on demand."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from spectrum_forwarder.domain.delivery import Delivery
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.errors import (
    PayloadsUnavailable,
    QueueUnavailable,
    RegistryUnavailable,
    TableUnavailable,
)
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.inbound import InboundRequest, Reply
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import StoredEvent
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import QueueRecord
from spectrum_forwarder.fanout.batch import FanOut
from spectrum_forwarder.fanout.needs import InParallel
from spectrum_forwarder.loops import Loops
from spectrum_forwarder.receive import Receiver
from spectrum_forwarder.storing import EventStore
from spectrum_forwarder.sweep import Sweeper, Swept
from spectrum_forwarder.watch import watch

from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.facts import FactList
from tests.support.in_memory.lines import MemoryHealthBoard, MemoryLines
from tests.support.in_memory.objects import MemoryPayloads
from tests.support.in_memory.queue import MemoryQueue
from tests.support.in_memory.registries import MemoryDestinations, MemoryNotes, MemoryWebhooks
from tests.support.in_memory.table import MemoryTable, Row
from tests.support.make import WEBHOOK, body_of, signed_headers
from tests.support.taps import Tap
from tests.support.timed_sender import TimedSender

# What Lambda leaves the fan-out, less its margin; how long a kept record stays invisible (seconds).
INVOCATION = 57.0
VISIBILITY = 90.0
SWEEP_EVERY = 60.0
NONE_CHANGED: Mapping[str, str | None] = {}


@dataclass
class World:
    """All stand-ins, wired as the functions wire the real ones."""

    clock: ManualClock = field(default_factory=ManualClock)
    rows: MemoryTable = field(default_factory=MemoryTable)
    bodies: MemoryPayloads = field(default_factory=MemoryPayloads)
    webhooks: MemoryWebhooks = field(default_factory=lambda: MemoryWebhooks([WEBHOOK]))
    destinations: MemoryDestinations = field(default_factory=MemoryDestinations)
    board: MemoryHealthBoard = field(default_factory=MemoryHealthBoard)
    facts: FactList = field(default_factory=FactList)
    timing: Timing = field(default_factory=Timing)
    in_parallel: InParallel = map

    def __post_init__(self) -> None:
        self.destinations.clock = self.clock
        self.memory_queue = MemoryQueue(self.clock)
        self.sender = TimedSender(clock=self.clock)
        self.table = Tap(self.rows, TableUnavailable)
        self.queue = Tap(self.memory_queue, QueueUnavailable)
        self.payloads = Tap(self.bodies, PayloadsUnavailable)
        self.health = Tap(self.board, TableUnavailable)
        self.registry = Tap(self.webhooks, RegistryUnavailable)
        self.targets = Tap(self.destinations, RegistryUnavailable)
        self.places = MemoryLines()
        self.lines = Tap(self.places, TableUnavailable)
        self.notes = Tap(MemoryNotes(), TableUnavailable)
        self.loops = Loops(cast(Any, self.notes), self.clock)
        self.store = EventStore(cast(Any, self.table), cast(Any, self.payloads), self.timing)
        self.rng = random.Random(1)
        self.sleep: Callable[[float], None] = getattr(self.clock, "advance", lambda seconds: None)
        self._owners = 0
        self._receipts = 0

    # ---- The three functions -------------------------------------------------------------------

    def receiver(self) -> Receiver:
        return Receiver(
            webhooks=cast(Any, self.registry),
            store=self.store,
            queue=cast(Any, self.queue),
            clock=self.clock,
            facts=self.facts,
            tolerance=300,
            loops=self.loops,
        )

    def receive(
        self,
        body: bytes | None = None,
        headers: Mapping[str, str | None] = NONE_CHANGED,
        path: str = "/spectrum-webhook",
    ) -> Reply:
        """Receive a body, by default a text message; `headers` replace the right ones."""
        body = body_of() if body is None else body
        headers = signed_headers(body, now=self.clock()) | dict(headers)
        self._receipts += 1
        request = InboundRequest({n: v for n, v in headers.items() if v is not None}, body, path)
        return self.receiver().receive(request, receipt=f"request-{self._receipts}")

    def fan_out(self, *records: QueueRecord, deadline: float | None = None) -> list[str]:
        """One invocation; returns the ids of the records that it keeps."""
        ends = self.clock() + INVOCATION if deadline is None else deadline
        return self._fan_out().fan_out(records, deadline=ends)

    def sweeper(self) -> Sweeper:
        return Sweeper(
            table=cast(Any, self.table),
            queue=cast(Any, self.queue),
            clock=self.clock,
            sleep=self.sleep,
            facts=self.facts,
            timing=self.timing,
            in_parallel=map,
        )

    def sweep(self) -> Swept:
        self._watch()
        return self.sweeper().sweep(deadline=self.clock() + 40)

    def _watch(self) -> None:
        watch(
            cast(Any, self.health),
            cast(Any, self.targets),
            cast(Any, self.queue),
            clock=self.clock,
            facts=self.facts,
        )

    # ---- Time ----------------------------------------------------------------------------------

    def poll(self) -> None:
        """Fan out whatever is visible in the queue, ten at a time, until nothing is."""
        while batch := self.memory_queue.visible()[:10]:
            for queued in batch:
                queued.at = self.clock() + VISIBILITY
            kept = self.fan_out(*[queued.read() for queued in batch])
            for queued in batch:
                if queued.id not in kept:
                    self.memory_queue.queued.remove(queued)

    def live(self, seconds: float) -> None:
        """Let time pass, with a poller and a sweep every minute.

        Of weeks, most minutes find nothing overdue: their shards are not looked through.
        """
        end = self.clock() + seconds
        next_sweep = self.clock() + SWEEP_EVERY
        while self.clock() < end:
            self.poll()
            coming = [queued.at for queued in self.memory_queue.queued]
            self.clock.now = max(self.clock(), min([end, next_sweep, *coming]))
            if self.clock() >= next_sweep:
                if self.table.is_failing or self.rows.has_overdue(self.clock()):
                    self.sweep()
                else:
                    self._watch()
                next_sweep += SWEEP_EVERY

    # ---- What a test sets up and looks at ------------------------------------------------------

    def add(self, *destinations: Destination) -> None:
        self.destinations.usable |= {d.id: d for d in destinations}

    def add_quick(self, *destinations: Destination) -> None:
        """Add destinations that are known to answer quickly: the main lane serves them."""
        self.add(*destinations)
        for destination in destinations:
            self.board.health[destination.id] = Health(quick=True)

    def break_for(self, destination: str, seconds: float) -> None:
        """Open the breaker of a destination that was quick."""
        until = self.clock() + seconds
        self.board.health[destination] = Health(
            failures=20, failing_since=1.0, open_until=until, trips=1, quick=True
        )

    def outcome(
        self, destination: str = "crm", event_key: str = "main:spc-msg-1"
    ) -> tuple[str, int, str | None]:
        """How a delivery stands: status, attempts, and why it ended or what it waits for."""
        delivery = self.delivery(destination, event_key)
        return delivery.status.value, delivery.attempts, delivery.reason or delivery.waiting_for

    def put(self, stored: StoredEvent) -> QueueRecord:
        """Store an event; return the hint to it."""
        self.rows.put(stored, receipt="test", now=self.clock(), due_at=self.clock() + 75)
        return self.hint(stored.event.key)

    def hint(self, event_key: str, *, slow: bool = False) -> QueueRecord:
        return QueueRecord(f"hint to {event_key}", event_key, slow_lane=slow)

    def row(self, event_key: str = "main:spc-msg-1") -> Row:
        return self.rows.rows[event_key]

    def delivery(self, destination: str, event_key: str = "main:spc-msg-1") -> Delivery:
        deliveries = self.row(event_key).deliveries
        assert deliveries is not None
        return deliveries[destination]

    def sent_to(self, destination: str) -> list[Attempt]:
        return [attempt for attempt in self.sender.sent if attempt.destination == destination]

    def _fan_out(self) -> FanOut:
        return FanOut(
            destinations=cast(Any, self.targets),
            health=cast(Any, self.health),
            table=cast(Any, self.table),
            store=self.store,
            queue=cast(Any, self.queue),
            sender=self.sender,
            clock=self.clock,
            sleep=self.sleep,
            facts=self.facts,
            timing=self.timing,
            retention_days=14,
            new_owner=self._new_owner,
            in_parallel=self.in_parallel,
            rng=self.rng,
            loops=self.loops,
            lines=cast(Any, self.lines),
        )

    def _new_owner(self) -> str:
        self._owners += 1
        return f"owner-{self._owners}"
