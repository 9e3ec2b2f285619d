"""A stack in memory: the real use cases, wired to memory stores through faulty ports.

Each instance of a function has its own copy of the settings, read through the real adapters. What
surrounds the stack (Spectrum, Lambda, time) is the world's; see world.py.
"""

import contextlib
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from spectrum_forwarder.adapters.webhook_registry import SecretWebhooks
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.destination import Destinations
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Facts, StoredEvent
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout.batch import FanOut
from spectrum_forwarder.receive import Receiver
from spectrum_forwarder.replay import Reopener, Replay
from spectrum_forwarder.storing import EventStore
from spectrum_forwarder.sweep import Sweeper
from spectrum_forwarder.watch import watch

from tests.prove.faults import Fates, Killed, Script
from tests.prove.faulty_ports import (
    FaultyHealthBoard,
    FaultyLines,
    FaultyNotes,
    FaultyPayloads,
    FaultyQuarantine,
    FaultyQueue,
    FaultySender,
    FaultyTable,
)
from tests.prove.instances import Instance, Instances, ParsedOnce, WatchedDestinations
from tests.prove.ledger import Ledger
from tests.prove.registries import WEBHOOKS, Registry
from tests.prove.watched_lines import WatchedLines
from tests.prove.watched_order import WatchedOrder
from tests.prove.watched_table import TracedQueue, WatchedTable
from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.lines import MemoryHealthBoard
from tests.support.in_memory.log import MemoryLog
from tests.support.in_memory.objects import MemoryPayloads, MemoryQuarantine
from tests.support.in_memory.queue import Queued
from tests.support.in_memory.registries import MemoryNotes
from tests.support.make import WEBHOOK

# SQS's maxReceiveCount (template.yaml).
MAX_RECEIVES = 600
# Invocations in one chain of calls, after which Lambda refuses a function that may not loop.
LONGEST_CHAIN = 16
# Instances that are kept warm.
FAN_OUTS, RECEIVERS = 3, 2
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
    """The stores, the use cases over them, and what operators do to them.

    `destinations` are the fields of each one's entry that are not the usual ones.
    """

    def __init__(
        self,
        destinations: Mapping[str, Mapping[str, object]],
        *,
        script: Script | None = None,
        told: list[str] | None = None,
        facts: Facts = no_facts,
    ) -> None:
        self.clock = ManualClock()
        self.fates = Fates({} if script is None else script, told=told)
        self.ledger = Ledger()
        self.payloads = MemoryPayloads()
        self.table = WatchedTable(self.ledger, self.payloads, self.clock)
        self.queue = TracedQueue(self.clock, self._queued_whole)
        self.registry = Registry(self.clock)
        self.registry.accept(WEBHOOK)
        self.order = WatchedOrder(self.ledger, self.registry, self.table.rows)
        self.quarantine = MemoryQuarantine()
        self.health = MemoryHealthBoard()
        self.lines = WatchedLines(self.ledger, self.table)
        self.notes = MemoryNotes()
        self.consumers: defaultdict[str, Consumer] = defaultdict(Consumer)
        self.dead_letters: list[Queued] = []
        self.sweeping = True
        self.max_receives = MAX_RECEIVES
        # The template's RecursiveLoop.
        self.may_loop = True
        # The queues that are polled: the slow one or not.
        self.lanes: tuple[bool, ...] = (False, True)
        self.killers: set[str] = set()
        self._numbered = 0
        # What the destinations' texts come to.
        self._parsed: dict[str, Destinations] = {}
        for name, fields in destinations.items():
            self.registry.add(name, **fields)
        self._wire(facts)

    def _wire(self, facts: Facts) -> None:
        fates, timing = self.fates, Timing()
        self._timing, self._facts = timing, facts
        self._faulty_table = table = FaultyTable(self.table, fates)
        self._faulty_queue = queue = FaultyQueue(self.queue, fates)
        self._store = EventStore(table, FaultyPayloads(self.payloads, fates), timing)
        self.receivers = Instances(self._receiver, RECEIVERS)
        self.fan_outs = Instances(self._fan_out, FAN_OUTS)
        self.reopener = Reopener(
            MemoryLog(self.table),
            table,
            queue,
            self.clock,
            self._meanwhile,
            timing,
            new_owner=lambda: f"operator-{self._number()}",
        )
        reader = self.registry.reader(self.fates)
        self._watched_destinations = ParsedOnce(reader, self._parsed, facts=facts)
        self.sweeper = Sweeper(
            table, queue, self.clock, self._meanwhile, facts, timing, in_parallel=map
        )

    def _number(self) -> int:
        """Another at each call: not by itertools, for a moment's copies count on from there."""
        self._numbered += 1
        return self._numbered

    def _queued_whole(self, stored: StoredEvent) -> None:
        # Of what has no id or time of its own, copies that met a table too late are told apart by
        # guessing, and another of the same may have come meanwhile.
        if not stored.event.lasting:
            self.ledger.wholes[self.table.name_of(stored)] += 1

    def _receiver(self) -> Instance[Receiver]:
        reader = self.registry.reader(self.fates)
        webhooks = SecretWebhooks(
            reader,  # type: ignore[arg-type]
            WEBHOOKS,
            clock=self.clock,
            facts=self._facts,
            notes=FaultyNotes(self.notes, self.fates),
        )
        receiver = Receiver(
            webhooks,
            self._store,
            self._faulty_queue,
            self.clock,
            self._facts,
            tolerance=300,
            quarantine=FaultyQuarantine(self.quarantine, self.fates, self.ledger.unkept.add),
        )
        return Instance(receiver, reader)

    def _fan_out(self) -> Instance[FanOut]:
        fates, clock, reader = self.fates, self.clock, self.registry.reader(self.fates)
        secret = ParsedOnce(reader, self._parsed, facts=self._facts)
        fan_out = FanOut(
            destinations=WatchedDestinations(secret, reader, clock, self.ledger),
            health=FaultyHealthBoard(self.health, fates),
            table=self._faulty_table,
            store=self._store,
            queue=self._faulty_queue,
            sender=FaultySender(
                self._arrive, self._lost, self._failed, self._take, clock, fates, self.order
            ),
            clock=clock,
            sleep=self._meanwhile,
            facts=self._facts,
            timing=self._timing,
            retention_days=14,
            new_owner=lambda: f"owner-{self._number()}",
            in_parallel=map,
            rng=random.Random(7),
            lines=FaultyLines(self.lines, fates),
        )
        return Instance(fan_out, reader)

    def watch_lines(self) -> None:
        """What the sweeper's function does first."""
        watch(
            FaultyHealthBoard(self.health, self.fates),
            self._watched_destinations,
            self._faulty_queue,
            clock=self.clock,
            facts=self._facts,
        )

    # Destinations: what the world makes of an attempt, and of the time that it takes

    def _arrive(self, attempt: Attempt) -> Answer:
        raise NotImplementedError

    def _lost(self, attempt: Attempt, answer: Answer) -> None:
        raise NotImplementedError

    def _failed(self, attempt: Attempt) -> None:
        raise NotImplementedError

    def _take(self, seconds: float) -> None:
        raise NotImplementedError

    def _meanwhile(self, seconds: float) -> None:
        raise NotImplementedError

    # Operators, and DynamoDB

    def warm(self, *numbers: int) -> None:
        """Let these instances of the fan-out read the destinations, before anything else does."""
        for number in numbers:
            reader = self.fan_outs.idle[number].use_case.destinations
            with self.fates.suspended():
                reader.load()

    def purge(self) -> None:
        """Lose all hints. Whole events are none: while the table is down the queue is the truth."""
        self.queue.queued = [queued for queued in self.queue.queued if '"event":' in queued.body]

    def replay(
        self, key: str, *, to: str | None = None, in_order: dict[str | None, float] | None = None
    ) -> None:
        """An operator wants the event to be delivered once more, to all its own or to this one.

        Those of one run are to go out `in_order`, by the same of these.
        """
        configured = frozenset(self.registry.identities())
        wanted = None if to is None else frozenset({self.registry.identity(to)})
        change = Replay(configured, wanted, None, begun_at=self.clock(), in_order=in_order)
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
