"""Drain: lead those who stand in a destination's line through the stages, oldest first.

Hinted at by whoever opens the way or comes to a paced line, and each minute by the sweeper while a
line stands. One worker at a time, some places at once, and at the destination's pace: so it is in
order but for those, and the destination gets no burst. A hold that is lost costs order and pace
alone: each event is claimed all the same.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from spectrum_forwarder.domain.errors import Unavailable
from spectrum_forwarder.domain.line import Line, Place, line_hinted_at
from spectrum_forwarder.domain.line_ports import HealthBoard, Lines
from spectrum_forwarder.domain.ports import Clock, EventQueue, Facts
from spectrum_forwarder.domain.timing import FORGOTTEN_AFTER, Timing
from spectrum_forwarder.domain.worker_ports import EventTable, QueueRecord
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.lines.call import Calls, hint_at
from spectrum_forwarder.fanout.lines.stand import has_left
from spectrum_forwarder.fanout.lines.turns import PATIENCE, Turns

# For how long (seconds) one invocation drains until another goes on: whatever else comes to the
# slow lane waits no longer for it.
DRAINS_FOR = 20.0


@dataclass(frozen=True, slots=True)
class Draining:
    """What draining needs; `sleep` takes seconds.

    `lead` takes records through the stages, and returns when all are through but suspects:
    `lead_suspects` does that with those of a line, each when it has its turn. `abreast` does
    something with each that is given, at the same time, while they are given. `freed` are the
    places that were given up meanwhile.
    """

    lines: Lines
    board: HealthBoard
    table: EventTable
    queue: EventQueue
    calls: Calls
    configured: Configured
    gate: Gate
    clock: Clock
    sleep: Callable[[float], None]
    facts: Facts
    timing: Timing
    new_owner: Callable[[], str]
    lead: Callable[[Sequence[QueueRecord]], None]
    lead_suspects: Callable[[str, Callable[[], bool]], None]
    abreast: Callable[[Callable[[Place], None], Iterable[Place]], Iterable[None]]
    freed: set[tuple[str, Place]]

    def drain(self, identity: str, *, deadline: float) -> None:
        """Let go on who can, for a while; a failure of ours leaves the rest to the next minute."""
        holder, now = self.new_owner(), self.clock()
        until = now + self.timing.claim(self.configured.now.longest_timeout)
        try:
            line = self.board.hold(identity, holder=holder, now=now, until=until)
            if line is not None:
                self._drain(identity, line, min(deadline, until, now + DRAINS_FOR))
        except Unavailable as error:
            self.facts("line.unreached", destination=self.gate.name_of(identity), cause=str(error))

    def _drain(self, identity: str, line: Line, ends: float) -> None:
        began = self.clock()
        self.configured.renew(identity)
        turns = Turns(
            self.lines,
            identity,
            self.configured,
            self.gate,
            self.clock,
            self.sleep,
            lead=lambda place, at: self._lead(identity, place, at),
            next_at=line.next_at,
            ends=ends,
        )
        try:
            first = self._give(identity, turns)
        except Exception:
            # Nobody is under way any more: the next one need not wait until the hold ends.
            with contextlib.suppress(Unavailable):
                left = replace(line, emptied_at=0.0, next_at=turns.goes_on_at)
                self.board.let_go(identity, left)
            raise
        if turns.left:
            name = self.gate.name_of(identity)
            self.facts("line.drained", destination=name, deliveries=turns.left)
        next_at, now = turns.goes_on_at, round(self.clock(), 3)
        if turns.seen_empty:
            self._leave_empty(identity, replace(line, next_at=next_at))
            # Who came until then was hinted at while it was held, in vain: they are there by now.
            more = bool(self.lines.first(identity, limit=1))
        else:
            since = first.stood_at if first else line.since
            pace = round(turns.left / max(now - began, 0.001), 3)
            left = replace(line, since=since, emptied_at=0.0, pace=pace, paced_at=now)
            self.board.let_go(identity, replace(left, next_at=next_at))
            more = turns.has_more
        if more and turns.is_open:
            # Queues delay by whole seconds: the next holder waits for what is shorter itself.
            wait = next_at - now
            delay = min(wait, self.timing.longest_hint_delay) if wait > PATIENCE else 0.0
            hint_at(self.queue, identity, self.facts, delay)

    def _give(self, identity: str, turns: Turns) -> Place | None:
        """Lead all whose turn comes; who is the first one then. Raises what one has failed with."""
        for _ in self.abreast(turns.take, turns.come()):
            pass
        self.lead_suspects(identity, turns.come_alone)
        if turns.failure is not None:
            raise turns.failure
        if turns.seen_empty:
            return None
        return next(iter(self.lines.first(identity, limit=1)), None)

    def _lead(self, identity: str, place: Place, at: float) -> bool:
        """Let it have its turn, attempted at its time; whether the place is free then."""
        if (line := line_hinted_at(place.event_key)) is not None:
            return self._call(identity, line, place)
        record = QueueRecord(
            f"{identity} {place.position}",
            place.event_key,
            slow_lane=True,
            drains=identity,
            place=place,
            not_before=at,
        )
        self.lead([record])
        if (identity, place) not in self.freed:
            self._free_if_stale(identity, place)
        return (identity, place) in self.freed

    def _call(self, identity: str, line: str, mark: Place) -> bool:
        """Have a conversation's line go on; who stands here for it stays until that is empty."""
        if self.lines.first(line, limit=1):
            self.calls.call(line)
            return False
        return self.lines.free(identity, mark)

    def _free_if_stale(self, identity: str, place: Place) -> None:
        """Free a place that its delivery has left."""
        if has_left(place, identity, self.table, self.clock()):
            self.lines.free(identity, place)
            self.freed.add((identity, place))

    def _leave_empty(self, identity: str, line: Line) -> None:
        """Let newcomers pass; take the line down once nobody can still believe that it stands."""
        now = round(self.clock(), 3)
        emptied_at = line.emptied_at or now
        if now - emptied_at >= FORGOTTEN_AFTER and line.next_at <= now:
            if self.board.take_down(identity, holder=line.holder, emptied_at=emptied_at):
                return
            emptied_at = 0.0  # somebody has come
        self.board.let_go(identity, replace(line, emptied_at=emptied_at, pace=0.0))
