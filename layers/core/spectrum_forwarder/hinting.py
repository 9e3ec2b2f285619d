"""Hint at what is overdue: due time moved on, hint sent; put back where that cannot be sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spectrum_forwarder.domain.errors import TableSilent
from spectrum_forwarder.domain.ports import Clock, EventQueue, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import EventTable, Overdue
from spectrum_forwarder.shards import Shard


@dataclass(frozen=True, slots=True)
class Hinting:
    """What hinting needs in a sweep of the time `now`, until `deadline` (Unix seconds).

    It is `blind` where the queues' depth is unknown.
    """

    table: EventTable
    queue: EventQueue
    clock: Clock
    facts: Facts
    timing: Timing
    now: float
    deadline: float
    blind: bool

    def hint(self, shard: Shard, wanting: Sequence[Overdue]) -> None:
        """Have the shard's events that want a hint looked at later, and send it now."""
        mine: dict[str, tuple[Overdue, float]] = {}
        try:
            for overdue in wanting:
                if self.clock() > self.deadline:
                    break
                until = self._next_look(overdue)
                try:
                    moved_on = self.table.postpone(overdue, until=until)
                except TableSilent:
                    # If it was moved on, nobody else hints at it before then.
                    mine[overdue.event_key] = overdue, until
                    raise
                if moved_on:
                    mine[overdue.event_key] = overdue, until
        finally:
            if mine:
                self._send(shard, mine)

    def _next_look(self, overdue: Overdue) -> float:
        timing, age = self.timing, self.now - overdue.came_due
        # Who does not know what stands in the queues must expect that the last hint does.
        return self.now + (max(timing.hint_slack, age) if self.blind else timing.look_again(age))

    def _send(self, shard: Shard, mine: Mapping[str, tuple[Overdue, float]]) -> None:
        """Hint at those whose due time was moved on; it is put back where that fails."""
        unsent: Sequence[str] = list(mine)
        try:
            unsent = self.queue.send_hints(unsent)
        finally:
            shard.hints += len(mine) - len(unsent)
            shard.refused += len(unsent)
            if unsent:
                self.facts("hints.refused", shard=shard.number, hints=len(unsent))
            for overdue, until in (mine[key] for key in unsent):
                self.table.hasten(overdue.event_key, seen=until, due_at=overdue.due_at)
