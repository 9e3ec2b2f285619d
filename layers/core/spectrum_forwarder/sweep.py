"""Sweep: queue again whatever is overdue, so that no hint needs to be reliable.

Each event's due time is moved on before its hint is sent: of two sweepers only one sends it, and a
backlog is not multiplied by the next sweep. If the hint is lost, the event comes due once more.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from spectrum_forwarder.domain.errors import Unavailable
from spectrum_forwarder.domain.ports import SHARDS, Clock, EventQueue, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import EventTable, Overdue

HINTS_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did.

    `oldest_seconds` is how long the oldest event had been overdue since it was last looked at,
    `failed_shards` how many a failure of ours cut short.
    """

    hints: int = 0
    oldest_seconds: float = 0.0
    failed_shards: int = 0


@dataclass(frozen=True, slots=True)
class Sweeper:
    """What sweeping needs. `in_parallel` is `map`, or an executor's."""

    table: EventTable
    queue: EventQueue
    clock: Clock
    facts: Facts
    timing: Timing
    in_parallel: Callable[[Callable[[int], Swept], Iterable[int]], Iterable[Swept]]

    def sweep(self, *, deadline: float) -> Swept:
        """Send a hint for every overdue event, until `deadline` (Unix seconds)."""
        shards = list(self.in_parallel(lambda shard: self._sweep(shard, deadline), range(SHARDS)))
        total = Swept(
            hints=sum(swept.hints for swept in shards),
            oldest_seconds=max(swept.oldest_seconds for swept in shards),
            failed_shards=sum(swept.failed_shards for swept in shards),
        )
        self.facts(
            "sweep.done",
            hints=total.hints,
            oldest_seconds=round(total.oldest_seconds, 1),
            failed_shards=total.failed_shards,
        )
        return total

    def _sweep(self, shard: int, deadline: float) -> Swept:
        now = self.clock()
        hints, oldest = 0, now
        try:
            for batch in self.table.overdue(shard, now=now):
                oldest = min(oldest, *(overdue.since or overdue.due_at for overdue in batch))
                for ten in _by_ten(batch):
                    hints += self._requeue(ten, now)
                if self.clock() > deadline:
                    break
        except Unavailable as error:
            self.facts("sweep.cut_short", shard=shard, cause=str(error))
            return Swept(hints, now - oldest, failed_shards=1)
        return Swept(hints, now - oldest)

    def _requeue(self, batch: Sequence[Overdue], now: float) -> int:
        until = now + self.timing.backlog
        mine = [event.event_key for event in batch if self.table.postpone(event, until=until)]
        if mine:
            self.queue.send_hints(mine)
        return len(mine)


def _by_ten(batch: Sequence[Overdue]) -> Iterator[Sequence[Overdue]]:
    for start in range(0, len(batch), HINTS_AT_ONCE):
        yield batch[start : start + HINTS_AT_ONCE]
