"""Conversations: lead the heads of their lines through the stages, one after the other.

One worker at a time holds a conversation's line. It says how far it goes before it attempts
anything, and once it has let go it looks once more: so a hint that finds the line held may be
dropped.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from spectrum_forwarder.domain.delivery import Delivery
from spectrum_forwarder.domain.errors import Unavailable
from spectrum_forwarder.domain.line import Place, hint_to
from spectrum_forwarder.domain.line_ports import Lines
from spectrum_forwarder.domain.order import (
    SPLIT,
    TURN,
    Hold,
    Order,
    Turn,
    destination_in,
    next_turn,
)
from spectrum_forwarder.domain.ports import Clock, EventQueue, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import EventTable, QueueRecord
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.keeping import Keeping
from spectrum_forwarder.fanout.lines.call import Calls, hint_at
from spectrum_forwarder.fanout.lines.stand import has_left

# Seconds after which another invocation goes on, and how many places are looked at beyond a batch.
GOES_ON_FOR = 20.0
LOOKED_AT = 20


@dataclass(slots=True)
class Going:
    """A line that goes on, under the name of `holder`; `hold` is there while it is ours."""

    line: str
    holder: str
    hold: Hold | None = None

    @property
    def identity(self) -> str:
        """Whose line it is."""
        return destination_in(self.line)


@dataclass(frozen=True, slots=True)
class Conversations:
    """What they need to go on. `lead` takes records through the stages, and `lead_suspects` those
    that it has left out. `freed` are the places that were given up meanwhile, `recorded` what
    became of all that were led.
    """

    lines: Lines
    table: EventTable
    queue: EventQueue
    calls: Calls
    configured: Configured
    gate: Gate
    keeping: Keeping
    clock: Clock
    facts: Facts
    timing: Timing
    new_owner: Callable[[], str]
    lead: Callable[[Sequence[QueueRecord]], None]
    lead_suspects: Callable[[str, Callable[[], bool]], None]
    freed: set[tuple[str, Place]]
    recorded: dict[tuple[str, Place], Delivery]

    def go_on(self, line: str, record: QueueRecord, *, deadline: float) -> None:
        """Give turns in a line that the record has hinted at, for a while.

        What of ours fails has the record come again.
        """
        going = Going(line, self.new_owner())
        try:
            if self.gate.is_slow(going.identity) and not record.slow_lane:
                self._pass_on(going)
            else:
                self._go_on(going, min(deadline, self.clock() + GOES_ON_FOR))
        except Unavailable as error:
            name = self.gate.name_of(going.identity)
            self.facts("line.unreached", destination=name, cause=str(error))
            self.keeping.keep(record, error, until=self._left_held(going))
        except Exception:
            self._left_held(going)
            raise
        else:
            self.keeping.keep_with(line, record)

    def _go_on(self, going: Going, ends: float) -> None:
        # Read anew where an older copy has the way closed: whoever opened it has had this called.
        self.configured.keeps_waiting(going.identity)
        while self.clock() < ends:
            turn = self._next(going)
            if turn is None:
                return
            self._lead(going, turn)
            if not self._has_next(going, turn):
                # Nothing that was dropped meanwhile could go on either.
                self._let_go(going)
                return
        self._let_go(going)
        self._pass_on(going)

    def _pass_on(self, going: Going) -> None:
        """Have another invocation go on, in the lane of the destination."""
        self.queue.send_hint(hint_to(going.line), slow=self.gate.is_slow(going.identity))

    def _next(self, going: Going) -> Turn | None:
        """The next turn, once the line is ours and the turn is written down there.

        None where there is none now, and no hint that comes meanwhile is dropped in vain.
        """
        while True:
            turn = self._take(going)
            if turn is not None or going.hold is None:
                return turn
            # Others have found it held, perhaps, and gone: it is looked at once more.
            self._let_go(going)

    def _take(self, going: Going) -> Turn | None:
        order = self.configured.order_of(going.identity) or Order()
        seen, places = self.lines.look(going.line, limit=order.most + LOOKED_AT)
        if seen.holder != going.holder:
            going.hold = None
        now, known = self.clock(), going.hold or seen
        turn = next_turn(places, known, order, now=now, scale=self.timing.scale)
        if turn is None or turn.late:
            return turn
        until = now + self.timing.claim(self.configured.now.longest_timeout)
        hold = known.of(turn.places, places, holder=going.holder, until=until)
        going.hold = hold  # also where nobody hears that it is
        if not self.lines.take(going.line, seen=seen, hold=hold, now=now):
            going.hold = None
        return turn if going.hold is not None else None

    def _lead(self, going: Going, turn: Turn) -> None:
        was_broken = self.gate.health(going.identity).broken
        self.lead(
            [
                QueueRecord(
                    f"{going.line} {place.position}",
                    place.event_key,
                    slow_lane=True,
                    drains=going.line,
                    place=place,
                    late=turn.late,
                    behind=behind.event_key if behind else "",
                )
                for behind, place in zip((None, *turn.places), turn.places, strict=False)
            ]
        )
        self.lead_suspects(going.line, lambda: True)
        self.gate.publish()
        if was_broken and not self.gate.health(going.identity).broken:
            # The breaker was probed with this one, and has closed: all other conversations go on.
            hint_at(self.queue, going.identity, self.facts)

    def _has_next(self, going: Going, turn: Turn) -> bool:
        """Whether the line is to be looked at for its next turn; else it is let go."""
        left = [place for place in turn.places if not self._is_free(going.line, place)]
        others_went = len(left) < len(turn.places)
        if not left or (turn.late and others_went):
            if going.hold is not None and going.hold.most:
                # It takes more again, perhaps.
                going.hold = replace(going.hold, most=2 * going.hold.most)
            return True
        # Where nothing is recorded another has the event, and calls when that is over.
        then = self.recorded.pop((going.line, left[0]), None)
        if then is None or going.hold is None:
            return False
        if then.waiting_for is None:
            now = self.clock()
            self.calls.call(going.line, delay=then.next_attempt_at - now)
            going.hold = replace(going.hold, rests_until=then.next_attempt_at)
            # What is due has not been attempted: no time was left.
            return going.hold.rests(now, self.timing.scale)
        if then.waiting_for == SPLIT and len(turn.places) > 1:
            going.hold = replace(going.hold, most=len(turn.places) // 2)
            return True
        if then.waiting_for in (TURN, SPLIT) and not others_went:
            self.calls.call(going.line)  # no time was left
        return then.waiting_for == TURN and others_went

    def _is_free(self, line: str, place: Place) -> bool:
        """Whether the place is given up; one that its delivery has left is so by now."""
        if (line, place) in self.freed:
            return True
        then = self.recorded.get((line, place))
        if then is None:
            is_stale = has_left(place, line, self.table, self.clock())
        else:
            is_stale = then.stands_in != line
        if is_stale:
            self.lines.free(line, place)
        return is_stale

    def _left_held(self, going: Going) -> float:
        """Let go of what somebody failed with; until when it stays held, if that fails as well."""
        with contextlib.suppress(Unavailable):
            self._let_go(going)
        return going.hold.until if going.hold is not None else 0.0

    def _let_go(self, going: Going) -> None:
        if going.hold is not None:
            self.lines.let_go(going.line, hold=going.hold)
            going.hold = None
