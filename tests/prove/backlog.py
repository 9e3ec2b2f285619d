"""A backlog and what works it off: one slot, in which every call to AWS takes its time.

Fan-out, sweeper and their timing are the real ones. A copy of a hint is refused by the claim, and
that costs the slot a call, in front of fresh events. Receiver and sweeper have functions of their
own and take no time here.
"""

import bisect
import itertools
import random
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from spectrum_forwarder.adapters import items
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.errors import QueueUnavailable
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import SHARDS, Depth, StoredEvent
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import Overdue, Owing, QueueRecord, Record
from spectrum_forwarder.fanout.batch import FanOut
from spectrum_forwarder.storing import EventStore
from spectrum_forwarder.sweep import Sweeper

from tests.prove.stack import no_facts
from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.lines import MemoryHealthBoard
from tests.support.in_memory.objects import MemoryPayloads
from tests.support.in_memory.registries import MemoryDestinations
from tests.support.in_memory.table import MemoryTable
from tests.support.make import destination_of, stored_of

BATCH = 10
LIMIT = 57.0
# No invocation with a full batch takes longer (seconds); where calls are so slow, it is small.
LONGEST_BATCH = 30.0


class IndexedTable(MemoryTable):
    """A memory table that finds and counts what is due without looking at every row."""

    def __init__(self) -> None:
        super().__init__()
        self._due: list[list[tuple[float, str]]] = [[] for _ in range(SHARDS)]
        self._noted: dict[str, float] = {}
        # As they were last told: a queue that stands still is told anew with every sweep.
        self._told: dict[str, Overdue] = {}

    def put(self, stored: StoredEvent, **given: Any) -> Any:
        existing = super().put(stored, **given)
        self._note(stored.event.key)
        return existing

    def record(self, event_key: str, *, owner: str, record: Record) -> bool:
        done = super().record(event_key, owner=owner, record=record)
        self._note(event_key)
        return done

    def postpone(self, overdue: Overdue, *, until: float) -> bool:
        done = super().postpone(overdue, until=until)
        self._note(overdue.event_key)
        return done

    def overdue(self, shard: int, *, now: float) -> Iterator[Sequence[Overdue]]:
        found = self._due[shard][: self._place(shard, now)]
        for start in range(0, len(found), 100):
            yield [
                self._told.get(key) or self._tell(key, at) for at, key in found[start : start + 100]
            ]

    def _tell(self, key: str, at: float) -> Overdue:
        self._told[key] = told = self._overdue(key, at)
        return told

    def owing(self, shard: int, *, now: float, soon: float, in_main: bool = False) -> Owing:
        assert not in_main  # there is one lane
        overdue = self._place(shard, now)
        return Owing(overdue, self._place(shard, soon) - overdue)

    def _place(self, shard: int, at: float) -> int:
        return bisect.bisect_right(self._due[shard], (at, "\uffff"))

    def _note(self, key: str) -> None:
        due, at = self._due[items.shard(key)], self.rows[key].due_at
        self._told.pop(key, None)
        if key in self._noted:
            del due[bisect.bisect_left(due, (self._noted.pop(key), key))]
        if at is not None:
            self._noted[key] = at
            bisect.insort(due, (at, key))


class Lane:
    """The `EventQueue` port: hints in the order they came, and how many there were of each event.

    `junk` are records besides that nobody ever takes; `late` is how old its depth is when told
    (seconds); it refuses to tell it while it is `silent`.
    """

    def __init__(self, clock: ManualClock) -> None:
        self.waiting: deque[str] = deque()
        self.hints: Counter[str] = Counter()
        self.junk = 0
        self.late = 0.0
        self.silent = False
        self._clock = clock
        self._changes: deque[tuple[float, int]] = deque()
        self._told = 0

    def send_hint(self, event_key: str, *, delay: float = 0.0, slow: bool = False) -> None:
        assert not delay and not slow
        self._change(1)
        self.hints[event_key] += 1
        self.waiting.append(event_key)

    def send_hints(self, event_keys: Sequence[str]) -> Sequence[str]:
        for event_key in event_keys:
            self.send_hint(event_key)
        return []

    def show_again(self, records: Sequence[tuple[QueueRecord, float]]) -> None:
        raise AssertionError("nothing of ours fails here")

    def send_event(self, stored: StoredEvent) -> None:
        raise AssertionError("the table is never down here")

    def depth(self) -> Depth:
        if self.silent:
            raise QueueUnavailable("silent")
        while self._changes and self._changes[0][0] <= self._clock() - self.late:
            self._told += self._changes.popleft()[1]
        return Depth(self._told + self.junk, 0)

    def take(self, most: int) -> list[str]:
        """A batch from the front."""
        taken = [self.waiting.popleft() for _ in range(min(most, len(self.waiting)))]
        self._change(-len(taken))
        return taken

    def purge(self) -> None:
        """Lose all hints."""
        self._change(-len(self.waiting))
        self.waiting.clear()

    def _change(self, by: int) -> None:
        self._changes.append((self._clock(), by))


class Costly:
    """A port whose every call takes so long (seconds)."""

    def __init__(self, port: object, clock: ManualClock, seconds: float) -> None:
        self._port, self._clock, self._seconds = port, clock, seconds

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if name != "lines":  # which come with the board
                self._clock.advance(self._seconds)
            return getattr(self._port, name)(*arguments, **named)

        return call


class Backlog:
    """Events come every so many seconds, and `capacity` times as many can be worked off.

    `table` is an `EventTable`. While not `working` the fan-out is away; while `losing` the
    receiver's hints get lost.
    """

    def __init__(
        self, *, every: float, capacity: float, timing: Timing | None = None, table: Any = None
    ) -> None:
        self.clock = ManualClock()
        self.timing = timing or Timing()
        self.table = IndexedTable() if table is None else table
        self.queue = Lane(self.clock)
        self.working, self.losing = True, False
        self.arrived: dict[str, float] = {}
        self.handled: dict[str, float] = {}
        self._every = every
        self._number = itertools.count()
        # By their keys alone events are told apart here.
        self._alike = stored_of()
        self._next_arrival = self.clock()
        self._next_sweep = self.clock() + 60.0 * self.timing.scale
        self._batch = max(1, min(BATCH, int(LONGEST_BATCH * capacity / every)))
        # Health is read once an invocation, then each event claimed and recorded.
        self._wire(self._batch * every / capacity / (1 + 2 * self._batch))

    def _wire(self, call: float) -> None:
        owners = itertools.count()
        board = MemoryHealthBoard()
        board.health["crm"] = Health(quick=True)
        table: Any = Costly(self.table, self.clock, call)
        health: Any = Costly(board, self.clock, call)
        self._store = EventStore(self.table, MemoryPayloads(), self.timing)
        self._fan_out = FanOut(
            destinations=MemoryDestinations({"crm": destination_of("crm")}),
            health=health,
            table=table,
            store=self._store,
            queue=self.queue,
            sender=self,
            clock=self.clock,
            sleep=self.clock.advance,
            facts=no_facts,
            timing=self.timing,
            retention_days=14,
            new_owner=lambda: f"owner-{next(owners)}",
            in_parallel=map,
            rng=random.Random(7),
        )
        self._sweeper = Sweeper(
            self.table,
            self.queue,
            self.clock,
            self.clock.advance,
            no_facts,
            self.timing,
            in_parallel=map,
        )

    def send(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Answer]]:
        """The `Sender` port: the destination is well, and notes when it got what."""
        for attempt in attempts:
            self.handled.setdefault(attempt.event_key, self.clock())
            yield attempt, Answer(status=200, seconds=0.0)

    def live(self, seconds: float) -> None:
        """Let time pass."""
        end = self.clock() + seconds
        while self.clock() < end:
            self._catch_up()
            if self.working and self.queue.waiting:
                self._invoke()
            else:
                self.clock.now = max(self.clock(), min(self._next_arrival, self._next_sweep, end))

    def stop_arrivals(self) -> None:
        """From now on nothing comes in."""
        self._next_arrival = float("inf")

    def put(self, *, hinted: bool = True) -> str:
        """An event comes in, with its hint or without."""
        key, now = f"main:m{next(self._number)}", self.clock()
        event = self._alike.event._replace(key=key)
        self._store.put(self._alike._replace(event=event), receipt="request", now=now)
        self.arrived[key] = now
        if hinted:
            self.queue.send_hint(key)
        return key

    def _catch_up(self) -> None:
        """What has happened meanwhile, at the time when it did."""
        now = self.clock()
        while min(self._next_arrival, self._next_sweep) <= now:
            self.clock.now = min(self._next_arrival, self._next_sweep)
            if self._next_arrival <= self._next_sweep:
                self._next_arrival += self._every
                self.put(hinted=not self.losing)
            else:
                self._next_sweep += 60.0 * self.timing.scale
                self._sweeper.sweep(deadline=self.clock() + 47.0)
        self.clock.now = now

    def _invoke(self) -> None:
        records = [QueueRecord(f"hint to {key}", key) for key in self.queue.take(self._batch)]
        assert not self._fan_out.fan_out(records, deadline=self.clock() + LIMIT)

    # What became of it

    @property
    def amplification(self) -> float:
        """Hints sent for each event, all counted."""
        return self.queue.hints.total() / len(self.arrived)

    @property
    def owed(self) -> list[str]:
        """Events that nobody has handled, in the order they came."""
        return [key for key in self.arrived if key not in self.handled]

    def late(self, than: float, *, since: float) -> float:
        """For how long after `since` events still came that were handled later than that."""
        ended = self.clock()
        return max(
            (
                at - since
                for key, at in self.arrived.items()
                if at >= since and self.handled.get(key, ended) - at > than
            ),
            default=0.0,
        )
