"""Sweep: queue again what is overdue and lacks its hint, so that no hint needs to be reliable.

An event whose hint waits in a queue is overdue like one whose hint is lost. So the sweeper counts:
while the queues hold about as many hints as events owe work now, nothing is sent, and a backlog is
not multiplied by being swept. What can have its hint in the main lane alone is counted against that
lane, so that a slow destination's backlog does not hide that hints of others are lost. Each event's
due time is moved on before its hint is sent: of two sweepers only one sends it.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from spectrum_forwarder.domain.errors import QueueUnavailable, Unavailable
from spectrum_forwarder.domain.hints import Lack, is_surplus, lack, shared
from spectrum_forwarder.domain.ports import SHARDS, Clock, Depth, EventQueue, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import EventTable, Overdue, Owing

HINTS_AT_ONCE = 10
WITHOUT_LIMIT = 2**62
ALL = Lack(WITHOUT_LIMIT, WITHOUT_LIMIT)
NONE, NOTHING = Lack(0, 0), Owing(0, 0)


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did.

    `oldest_seconds` is how long the oldest event had been overdue since it was last looked at,
    `failed_shards` how many a failure of ours cut short.
    """

    hints: int = 0
    oldest_seconds: float = 0.0
    failed_shards: int = 0


@dataclass(slots=True)
class Shard:
    """A partition of the overdue events on its way through one sweep.

    `found` is its first batch, `rest` the others, `lack` its part of the hints to be sent, and
    `lack_in_main` of those that events get in any case whose hint is in the main lane. So many are
    `chosen` for one.
    `since` is infinite where nothing is overdue, and None until that is known.
    """

    number: int
    found: Sequence[Overdue] = ()
    rest: Iterator[Sequence[Overdue]] = field(default_factory=lambda: iter(()))
    since: float | None = None
    owing: Owing = NOTHING
    in_main: Owing = NOTHING
    lack: Lack = ALL
    lack_in_main: Lack = NONE
    chosen: int = 0
    chosen_in_main: int = 0
    hints: int = 0
    failure: Exception | None = None

    def choose(self, overdue: Overdue, *, old: bool) -> bool:
        """Whether there is a hint left for the event, which it gets then."""
        if self.is_full(old) and not (overdue.in_main and self._has_for_in_main(old)):
            return False
        self.chosen += 1
        self.chosen_in_main += overdue.in_main
        return True

    def is_full(self, old: bool) -> bool:
        """Whether no hint is left that anyone may have."""
        return self.chosen >= (self.lack.old if old else self.lack.fresh)

    def is_done(self, old: bool) -> bool:
        """Whether no hint is left at all."""
        return self.is_full(old) and not self._has_for_in_main(old)

    def _has_for_in_main(self, old: bool) -> bool:
        most = self.lack_in_main.old if old else self.lack_in_main.fresh
        return self.chosen_in_main < min(most, self.in_main.overdue)


# `map`, or an executor's.
InParallel = Callable[[Callable[[Shard], None], Iterable[Shard]], Iterable[None]]


@dataclass(frozen=True, slots=True)
class Sweeper:
    """What sweeping needs."""

    table: EventTable
    queue: EventQueue
    clock: Clock
    facts: Facts
    timing: Timing
    in_parallel: InParallel

    def sweep(self, *, deadline: float) -> Swept:
        """Send the hints that lack, oldest events first, until `deadline` (Unix seconds).

        `sweep.done` is told whatever happens; raises what no service's failure explains.
        """
        sweep = Sweep(self, now=self.clock(), deadline=deadline)
        try:
            sweep.run()
        finally:
            swept = sweep.result()
            self.facts(
                "sweep.done",
                hints=swept.hints,
                # Of a table that could not be read at all nobody knows.
                oldest_seconds=swept.oldest_seconds if sweep.has_read else None,
                failed_shards=swept.failed_shards,
                standing=None if sweep.standing is None else sum(sweep.standing),
            )
        for shard in sweep.shards:
            if shard.failure and not isinstance(shard.failure, Unavailable):
                raise shard.failure
        return swept


@dataclass(slots=True)
class Sweep:
    """One sweep; `standing` is how many hints the queues held, None where nobody asked."""

    needs: Sweeper
    now: float
    deadline: float
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
        if self.standing and any(self.standing):
            self._each(self._count)
            self._divide(self.standing)
        self._each(self._hint)

    def result(self) -> Swept:
        """What was done so far."""
        since = min((s.since for s in self.shards if s.since is not None), default=math.inf)
        return Swept(
            hints=sum(shard.hints for shard in self.shards),
            oldest_seconds=round(max(0.0, self.now - since), 1) if since < math.inf else 0.0,
            failed_shards=sum(shard.failure is not None for shard in self.shards),
        )

    @property
    def has_read(self) -> bool:
        """Whether any shard could be read."""
        return any(shard.since is not None for shard in self.shards)

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
        shard.since = min((_since(overdue) for overdue in shard.found), default=math.inf)

    def _ask_depth(self) -> None:
        try:
            self.standing = self.needs.queue.depth()
        except QueueUnavailable as error:
            self.blind = True
            self.needs.facts("depth.unread", cause=str(error))

    def _count(self, shard: Shard) -> None:
        # All whose hints were sent just now are due within the slack that each is given.
        soon = self.now + self.needs.timing.hint_slack
        shard.owing = self.needs.table.owing(shard.number, now=self.now, soon=soon)
        if self.standing and self.standing.slow:
            shard.in_main = self.needs.table.owing(
                shard.number, now=self.now, soon=soon, in_main=True
            )

    def _divide(self, standing: Depth) -> None:
        every = [shard.owing for shard in self.shards]
        self.surplus = is_surplus(_sum(every), sum(standing))
        in_main = [shard.in_main for shard in self.shards]
        parts = _parts(every, sum(standing)), _parts(in_main, standing.main)
        for shard, part, part_in_main in zip(self.shards, *parts, strict=True):
            shard.lack, shard.lack_in_main = part, part_in_main

    def _hint(self, shard: Shard) -> None:
        while shard.found:
            for ten in _by_ten(shard.found):
                wanting, goes_on = self._wanting(shard, ten)
                self._requeue(shard, wanting)
                if not goes_on or self.needs.clock() > self.deadline:
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
                if self.surplus and _was_swept(overdue):
                    continue
                if not shard.choose(overdue, old=old):
                    continue
            wanting.append(overdue)
        return wanting, True

    def _requeue(self, shard: Shard, wanting: Sequence[Overdue]) -> None:
        mine: list[str] = []
        try:
            for overdue in wanting:
                if self.needs.clock() > self.deadline:
                    break
                if self.needs.table.postpone(overdue, until=self._next_look(overdue)):
                    mine.append(overdue.event_key)
        finally:
            if mine:
                self._send(shard, mine)

    def _next_look(self, overdue: Overdue) -> float:
        timing, age = self.needs.timing, self.now - _since(overdue)
        # Who does not know what stands in the queues must expect that the last hint does.
        return self.now + (max(timing.hint_slack, age) if self.blind else timing.look_again(age))

    def _send(self, shard: Shard, event_keys: Sequence[str]) -> None:
        refused = self.needs.queue.send_hints(event_keys)
        shard.hints += len(event_keys) - len(refused)
        if refused:
            # They come due again soon, like all whose hint is lost.
            self.needs.facts("hints.refused", shard=shard.number, hints=len(refused))


def _sum(owing: Sequence[Owing]) -> int:
    return sum(each.overdue + each.soon for each in owing)


def _parts(owing: Sequence[Owing], standing: int) -> list[Lack]:
    return shared(lack(_sum(owing), standing), [each.overdue for each in owing])


def _since(overdue: Overdue) -> float:
    return overdue.due_at if overdue.since is None else overdue.since


def _was_swept(overdue: Overdue) -> bool:
    """Whether a sweep has hinted at it since it was last recorded."""
    return _since(overdue) < overdue.due_at


def _by_ten(batch: Sequence[Overdue]) -> Iterator[Sequence[Overdue]]:
    for start in range(0, len(batch), HINTS_AT_ONCE):
        yield batch[start : start + HINTS_AT_ONCE]
