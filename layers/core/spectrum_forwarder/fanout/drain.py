"""Drain: lead those who stand in a destination's line through the stages, oldest first.

Hinted at by whoever opens the way, and each minute by the sweeper while a line stands. One worker
at a time, some places at once: so it is in order but for those, and the destination gets no burst.
A hold that is lost costs order alone: each event is claimed all the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spectrum_forwarder.domain.errors import QueueUnavailable, Unavailable
from spectrum_forwarder.domain.line import Line, Place, hint_to
from spectrum_forwarder.domain.ports import Clock, EventQueue, Facts
from spectrum_forwarder.domain.timing import FORGOTTEN_AFTER, Timing
from spectrum_forwarder.domain.worker_ports import EventTable, HealthBoard, Lines, QueueRecord
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.gate import Gate

# Places that are worked on at once, and for how long (seconds) until another invocation goes on.
AT_ONCE = 20
DRAINS_FOR = 20.0
# Of so many first ones, one probes a breaker.
TAKE_TURNS = 200


@dataclass(frozen=True, slots=True)
class Draining:
    """What draining needs. `lead` takes records through the stages, and returns when all
    are through; `freed` are the places that were given up meanwhile."""

    lines: Lines
    board: HealthBoard
    table: EventTable
    queue: EventQueue
    configured: Configured
    gate: Gate
    clock: Clock
    facts: Facts
    timing: Timing
    new_owner: Callable[[], str]
    lead: Callable[[Sequence[QueueRecord]], None]
    freed: set[Place]

    def drain(self, identity: str, *, deadline: float) -> None:
        """Let go on who can, for a while; a failure of ours leaves the rest to the next minute."""
        holder, now = self.new_owner(), self.clock()
        until = now + self.timing.claim(self.configured.now.longest_timeout)
        try:
            line = self.board.hold(identity, holder=holder, now=now, until=until)
            if line is not None:
                self._drain(identity, line, holder, min(deadline, until))
        except Unavailable as error:
            self.facts("line.unreached", destination=self.gate.name_of(identity), cause=str(error))

    def _drain(self, identity: str, line: Line, holder: str, deadline: float) -> None:
        ends = min(deadline, self.clock() + DRAINS_FOR)
        self.configured.renew()
        after, led, seen_empty = "", 0, False
        freed = len(self.freed)
        while self._is_open(identity) and self.clock() < ends:
            was_broken = self.gate.health(identity).broken
            limit = TAKE_TURNS if was_broken else AT_ONCE
            places = self.lines.first(identity, limit=limit, after=after)
            if places:
                led += self._lead(identity, self._next(identity, places))
                self.gate.publish()
                closed = was_broken and not self.gate.health(identity).broken
                after = "" if closed else places[-1].position
            elif after and len(self.freed) > freed:
                # Others have come meanwhile, perhaps, or were held when it was their turn.
                after, freed = "", len(self.freed)
            else:
                seen_empty = not after
                break
        if led:
            self.facts("line.drained", destination=self.gate.name_of(identity), deliveries=led)
        if seen_empty:
            self._leave_empty(identity, line, holder)
        else:
            self.board.let_go(identity, holder=holder, emptied_at=0.0)
            if led and self._is_open(identity):
                hint_at(self.queue, identity, self.facts)

    def _is_open(self, identity: str) -> bool:
        """Whether anything can go on: also what has nowhere to go any more, and settles."""
        return not (self.configured.keeps_waiting(identity) or self.gate.holds_back(identity))

    def _next(self, identity: str, places: Sequence[Place]) -> Sequence[Place]:
        """Those whose turn it is: all, but one alone to probe a breaker that has cooled down.

        They take turns at that: else an event that is refused for itself would hold up all.
        """
        if not self.gate.health(identity).broken:
            return places
        return [min(places, key=lambda place: (place.probed_at, place))]

    def _lead(self, identity: str, places: Sequence[Place]) -> int:
        """Let those have their turn; how many places are free now."""
        before = len(self.freed)
        self.lead(
            [
                QueueRecord(
                    f"{identity} {place.position}",
                    place.event_key,
                    slow_lane=True,
                    drains=identity,
                    place=place,
                )
                for place in places
            ]
        )
        for place in places:
            if place not in self.freed:
                self._free_if_stale(identity, place)
        return len(self.freed) - before

    def _free_if_stale(self, identity: str, place: Place) -> None:
        """Free a place that its delivery has left: who recorded that could not, or had died."""
        stands = self.table.standing(place.event_key, now=self.clock())
        if stands is not None and stands.get(identity) != place.stood_at:
            self.lines.free(identity, place)
            self.freed.add(place)

    def _leave_empty(self, identity: str, line: Line, holder: str) -> None:
        """Let newcomers pass; take the line down once nobody can still believe that it stands."""
        now = round(self.clock(), 3)
        if not line.emptied_at:
            self.board.let_go(identity, holder=holder, emptied_at=now)
        elif now - line.emptied_at < FORGOTTEN_AFTER:
            self.board.let_go(identity, holder=holder, emptied_at=line.emptied_at)
        else:
            self.board.take_down(identity, holder=holder, emptied_at=line.emptied_at)


def hint_at(queue: EventQueue, identity: str, facts: Facts) -> None:
    """Have some worker drain a destination's line; one that cannot be sent is told, and no more."""
    try:
        queue.send_hint(hint_to(identity), slow=True)
    except QueueUnavailable as error:
        facts("hint.failed", event_key=hint_to(identity), cause=str(error))
