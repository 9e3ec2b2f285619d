"""Sweep: queue again what is overdue and lacks its hint, so that no hint needs to be reliable.

An event whose hint waits in a queue is overdue like one whose hint is lost. So the sweeper counts:
while the queues hold about as many hints as events owe work now, nothing is sent, and a backlog is
not multiplied by being swept. What can have its hint in the main lane alone is counted against that
lane, so that a slow destination's backlog does not hide that hints of others are lost. Each event's
due time is moved on before its hint is sent: of two sweepers only one sends it. What could not be
sent is due again at once, and a sweeper whom a service fails looks again before it ends.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from spectrum_forwarder.domain.errors import QueueUnavailable, Unavailable
from spectrum_forwarder.domain.hints import is_surplus
from spectrum_forwarder.domain.ports import SHARDS, Clock, Depth, EventQueue, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import EventTable, Overdue
from spectrum_forwarder.hinting import Hinting
from spectrum_forwarder.shards import Shard, owed_in_all, parts_of_lack

HINTS_AT_ONCE = 10
NOTHING = Depth(0, 0)


@dataclass(frozen=True, slots=True)
class Swept:
    """What the sweeper did.

    `oldest_seconds` is how long the oldest event had been overdue since it was last looked at,
    `failed_shards` how many a failure of ours cut short in the end.
    """

    hints: int
    oldest_seconds: float
    failed_shards: int


# `map`, or an executor's.
InParallel = Callable[[Callable[[Shard], None], Iterable[Shard]], Iterable[None]]


@dataclass(frozen=True, slots=True)
class Sweeper:
    """What sweeping needs; `sleep` takes seconds."""

    table: EventTable
    queue: EventQueue
    clock: Clock
    sleep: Callable[[float], None]
    facts: Facts
    timing: Timing
    in_parallel: InParallel

    def sweep(self, *, deadline: float) -> Swept:
        """Send the hints that lack, oldest events first, until `deadline` (Unix seconds).

        Once, or while a service fails a few times: it may be well again long before the next
        minute. `sweep.done` is told whatever happens; raises what no service's failure explains.
        """
        sweeps: list[Sweep] = []
        pause = self.timing.sweep_again
        try:
            while not sweeps or (sweeps[-1].has_failed and self.clock() + pause < deadline):
                if sweeps:
                    self.sleep(pause)
                sweeps.append(Sweep(self, self.clock(), deadline, earlier=tuple(sweeps)))
                sweeps[-1].run()
        finally:
            swept = self._told(sweeps)
        for shard in sweeps[-1].shards:
            if shard.failure and not isinstance(shard.failure, Unavailable):
                raise shard.failure
        return swept

    def _told(self, sweeps: Sequence["Sweep"]) -> Swept:
        last, ages = sweeps[-1], [sweep.oldest for sweep in sweeps if sweep.has_read]
        oldest = round(max(ages, default=0.0), 1)
        swept = Swept(sum(sweep.hints for sweep in sweeps), oldest, len(last.failures))
        self.facts(
            "sweep.done",
            hints=swept.hints,
            # Of a table that could not be read at all nobody knows.
            oldest_seconds=oldest if ages else None,
            failed_shards=swept.failed_shards,
            standing=None if last.standing is None else sum(last.standing),
        )
        return swept


@dataclass(slots=True)
class Sweep:
    """One sweep; `standing` is how many hints the queues held, None where nobody asked.

    `earlier` ones were made seconds ago, and failed: the queues may not tell yet what these sent.
    """

    needs: Sweeper
    now: float
    deadline: float
    earlier: Sequence["Sweep"] = ()
    shards: list[Shard] = field(default_factory=lambda: [Shard(n) for n in range(SHARDS)])
    standing: Depth | None = None
    # Whether the queues' depth is unknown: then only time tells a lost hint from one that waits.
    blind: bool = False
    # Whether more stands than is owed: then another hint is for those alone that no sweep has sent
    # one yet, or copies would breed copies.
    surplus: bool = False

    def run(self) -> None:
        """Look for what is overdue in all shards, then send what hints it lacks."""
        self._each(self._find)
        if not any(shard.found for shard in self.shards):
            return
        self._ask_depth()
        if self.standing and (any(self.standing) or self._sent):
            self._each(self._count)
            self._divide(self.standing)
        self._each(self._hint)

    @property
    def hints(self) -> int:
        """How many were sent."""
        return sum(shard.hints for shard in self.shards)

    @property
    def oldest(self) -> float:
        """How long the oldest event was overdue (seconds); nought where none is."""
        since = min((s.since for s in self.shards if s.since is not None), default=math.inf)
        return max(0.0, self.now - since)

    @property
    def failures(self) -> Sequence[Exception]:
        """What cut shards short."""
        return [shard.failure for shard in self.shards if shard.failure is not None]

    @property
    def has_failed(self) -> bool:
        """Whether services failed, and nothing else: a mistake of ours is no better for waiting."""
        if not all(isinstance(failure, Unavailable) for failure in self.failures):
            return False
        return bool(self.failures) or self.blind or any(shard.refused for shard in self.shards)

    @property
    def has_read(self) -> bool:
        """Whether any shard could be read."""
        return any(shard.since is not None for shard in self.shards)

    @property
    def _sent(self) -> int:
        return sum(sweep.hints for sweep in self.earlier)

    def _each(self, step: Callable[[Shard], None]) -> None:
        """Take a step in each shard that still stands; what fails in one does not stop others."""

        def guarded(shard: Shard) -> None:
            try:
                step(shard)
            except Exception as error:  # a mistake of ours is raised once all is told
                shard.failure = error
                known = isinstance(error, Unavailable)
                cause = str(error) if known else type(error).__name__
                self.needs.facts("sweep.cut_short", shard=shard.number, cause=cause)

        standing = [shard for shard in self.shards if shard.failure is None]
        for _ in self.needs.in_parallel(guarded, standing):
            pass

    def _find(self, shard: Shard) -> None:
        shard.rest = iter(self.needs.table.overdue(shard.number, now=self.now))
        shard.found = next(shard.rest, ())
        shard.since = min((overdue.came_due for overdue in shard.found), default=math.inf)

    def _ask_depth(self) -> None:
        try:
            self.standing = self.needs.queue.depth()
        except QueueUnavailable as error:
            self.blind = True
            self.needs.facts("depth.unread", cause=str(error))

    def _count(self, shard: Shard) -> None:
        # All whose hints were sent just now are due within the slack that each is given. What came
        # after the first of these sweeps is left out: the queues do not tell its hints yet.
        began = self.earlier[0].now if self.earlier else self.now
        soon = began + self.needs.timing.hint_slack
        shard.owing = self.needs.table.owing(shard.number, now=self.now, soon=soon)
        if self.standing and self.standing.slow:
            shard.in_main = self.needs.table.owing(
                shard.number, now=self.now, soon=soon, in_main=True
            )

    def _divide(self, standing: Depth) -> None:
        every = [shard.owing for shard in self.shards]
        before = next((sweep.standing for sweep in self.earlier if sweep.standing), NOTHING)
        # Of what was sent then, as much at most as comes due soon is not worked off.
        soon = sum(owing.soon for owing in every)
        sent = min(soon, self._sent)
        total = max(sum(standing), sum(before) + sent)
        main = max(standing.main, before.main + sent)
        self.surplus = is_surplus(owed_in_all(every), total)
        in_main = [shard.in_main for shard in self.shards]
        again = bool(self.earlier)
        parts = parts_of_lack(every, total, again), parts_of_lack(in_main, main, again)
        for shard, part, part_in_main in zip(self.shards, *parts, strict=True):
            shard.lack, shard.lack_in_main = part, part_in_main

    def _hint(self, shard: Shard) -> None:
        needs = self.needs
        hinting = Hinting(
            needs.table,
            needs.queue,
            needs.clock,
            needs.facts,
            needs.timing,
            self.now,
            self.deadline,
            self.blind,
        )
        while shard.found:
            for ten in _by_ten(shard.found):
                wanting, goes_on = self._wanting(shard, ten)
                hinting.hint(shard, wanting)
                if not goes_on or needs.clock() > self.deadline:
                    return
            shard.found = next(shard.rest, ())

    def _wanting(self, shard: Shard, ten: Sequence[Overdue]) -> tuple[Sequence[Overdue], bool]:
        """Those of them that are to be hinted at, and whether others may be."""
        timing, wanting = self.needs.timing, list[Overdue]()
        for overdue in ten:
            waited = self.now - overdue.due_at
            if waited < timing.hint_lost:
                old = waited >= timing.hint_old
                if shard.is_done(old):
                    return wanting, False
                if self.surplus and overdue.was_swept:
                    continue
                if not shard.choose(overdue, old=old):
                    continue
            wanting.append(overdue)
        return wanting, True


def _by_ten(batch: Sequence[Overdue]) -> Iterator[Sequence[Overdue]]:
    for start in range(0, len(batch), HINTS_AT_ONCE):
        yield batch[start : start + HINTS_AT_ONCE]
