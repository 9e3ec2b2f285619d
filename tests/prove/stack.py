"""A stack in memory: the real use cases, wired to memory stores through faulty ports.

What surrounds it (Spectrum, Lambda, time) is the world's; see world.py.
"""

import contextlib
import itertools
import random
from dataclasses import dataclass, field, replace

from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout import FanOut
from spectrum_forwarder.receive import Receiver
from spectrum_forwarder.replay import Reopener, Replay
from spectrum_forwarder.storing import EventStore
from spectrum_forwarder.sweep import Sweeper

from tests.prove.faults import Fates, Killed, Script
from tests.prove.faulty_ports import (
    FaultyDestinations,
    FaultyHealthBoard,
    FaultyPayloads,
    FaultyQueue,
    FaultySender,
    FaultyTable,
    FaultyWebhooks,
)
from tests.prove.ledger import Ledger
from tests.prove.watched_table import WatchedTable
from tests.support.make import WEBHOOK
from tests.support.memory import (
    ManualClock,
    MemoryDestinations,
    MemoryHealthBoard,
    MemoryLog,
    MemoryPayloads,
    MemoryQueue,
    MemoryWebhooks,
    Queued,
)

# SQS's maxReceiveCount (template.yaml).
MAX_RECEIVES = 200
DELIVERED = Answer(status=200, seconds=0.01)


def no_facts(name: str, /, **fields: object) -> None:
    """The `Facts` port where nobody listens."""


@dataclass
class Consumer:
    """A destination's own side: its answers in turn, and how long it takes for each (seconds)."""

    answers: list[Answer] = field(default_factory=list)
    default: Answer = DELIVERED

    def answer(self) -> Answer:
        """The answer to the next attempt."""
        return self.answers.pop(0) if self.answers else self.default


class Stack:
    """The stores, the use cases over them, and what operators do to them."""

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
        self._numbers = itertools.count()
        self._wire(facts)

    def _wire(self, facts: Facts) -> None:
        fates, clock, timing = self.fates, self.clock, Timing()
        table = FaultyTable(self.table, fates, self.ledger.troubled)
        queue = FaultyQueue(self.queue, fates)
        store = EventStore(table, FaultyPayloads(self.payloads, fates), timing)
        self.receiver = Receiver(
            FaultyWebhooks(self.webhooks, fates), store, queue, clock, facts, tolerance=300
        )
        self.fan_out = FanOut(
            destinations=FaultyDestinations(self.destinations, fates),
            health=FaultyHealthBoard(self.health, fates),
            table=table,
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

    # Destinations: what the world makes of an attempt, and of the time that it takes

    def _arrive(self, attempt: Attempt) -> Answer:
        raise NotImplementedError

    def _failed(self, attempt: Attempt) -> None:
        raise NotImplementedError

    def _take(self, seconds: float) -> None:
        raise NotImplementedError

    def _meanwhile(self, seconds: float) -> None:
        raise NotImplementedError

    # Operators, and DynamoDB

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

    def replay(self, key: str) -> None:
        """An operator wants the event to be delivered once more, to all that there are."""
        configured = frozenset(self.destinations.usable)
        change = Replay(configured, destinations=None, status=None, begun_at=self.clock())
        with contextlib.suppress(Killed, TableUnavailable):
            self.reopener.reopen(key, change)

    def redrive(self) -> None:
        """Move what stands in the dead-letter queue back to where it came from."""
        for queued in self.dead_letters:
            self.queue.queued.append(replace(queued, id=f"{queued.id}+", at=self.clock()))
        self.dead_letters.clear()

    def expire(self) -> None:
        """DynamoDB deletes what its TTL has passed."""
        now = self.clock()
        for key, row in list(self.table.rows.items()):
            if row.expires_at is not None and row.expires_at < now:
                del self.table.rows[key]
