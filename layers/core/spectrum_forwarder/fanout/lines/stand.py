"""Stand: deliveries that wait for their destination get their places in its line, and leave them.

A place is taken before the event records that the delivery waits, and given up only after the event
records that it does not. Where the line is out of reach, the delivery waits by a time of its own.
What goes out in order stands in its conversation's line, whatever it waits for; and while the way
is closed the conversation itself stands in its destination's.
"""

from dataclasses import dataclass, field, replace

from spectrum_forwarder.domain.delivery import Delivery, held, standing
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.line import Place
from spectrum_forwarder.domain.line_ports import Lines
from spectrum_forwarder.domain.order import SPLIT, TURN, destination_in, line_of, mark
from spectrum_forwarder.domain.ports import Clock, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import EventTable
from spectrum_forwarder.fanout.decide import FOR_RATE, Wait
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.judge import Outcome


@dataclass(frozen=True, slots=True)
class Standing:
    """What standing in lines needs; without `lines` there are none.

    `freed` are places that were given up, each with its line's name, `recorded` what became of
    deliveries that were led from theirs, and `came_to` the lines that somebody newly stands in for
    their pace.
    """

    lines: Lines | None
    gate: Gate
    clock: Clock
    facts: Facts
    timing: Timing
    came_to: set[str] = field(default_factory=set)
    freed: set[tuple[str, Place]] = field(default_factory=set)
    recorded: dict[tuple[str, Place], Delivery] = field(default_factory=dict)

    def stand(self, outcome: Outcome) -> Outcome:
        """The outcome, with a place taken for each delivery that waits in line."""
        if self.lines is None or not outcome.waits:
            return outcome
        deliveries = dict(outcome.deliveries)
        for identity, wait in outcome.waits.items():
            before = outcome.taken.deliveries[identity]
            since = before.stood_at if before.stood_at is not None else round(self.clock(), 3)
            try:
                if not self._has_place(outcome, identity, wait):
                    self._take_place(outcome, identity, since, wait)
                self._mark(identity, wait)
            except TableUnavailable as error:
                self._tell(identity, error)
            else:
                deliveries[identity] = self._standing(deliveries[identity], wait, since)
        return replace(outcome, deliveries=deliveries)

    def leave(self, outcome: Outcome) -> None:
        """Give up the places of deliveries that have been recorded and stand no more.

        One that is left behind is met by who drains the line, and freed then. Who stands now for
        the pace alone is to be hinted at.
        """
        if self.lines is None:
            return
        record, event_key = outcome.taken.record, outcome.taken.claimed.event_key
        for identity, after in outcome.deliveries.items():
            before = outcome.taken.deliveries[identity]
            comes = identity in outcome.waits and record.drains != identity
            if comes and after.stood_at is not None and after.waiting_for == FOR_RATE:
                self.came_to.add(identity)
            led_from = record.place if destination_in(record.drains or "") == identity else None
            line = record.drains if led_from else before.stands_in
            if line is None:
                continue
            if led_from:
                self.recorded[line, led_from] = after
            if after.stands_in == line and not _strays(led_from, after, outcome.position):
                continue
            if led_from:
                self._free(line, led_from)
            elif before.stood_at is not None and outcome.position:
                at = before.position(outcome.position)
                self._free(line, Place(at, event_key, before.stood_at))

    def _has_place(self, outcome: Outcome, identity: str, wait: Wait) -> bool:
        """Whether it was seen there just now, and stays as it is; else it is taken (anew)."""
        record, before = outcome.taken.record, outcome.taken.deliveries[identity]
        line = line_of(identity, wait.conversation)
        led_in = outcome.taken.led_in(identity, outcome.position)
        if record.place is None or led_in != line or before.stands_in != line:
            return False
        return record.place.stood_at == before.stood_at and not wait.probed_at

    def _take_place(self, outcome: Outcome, identity: str, since: float, wait: Wait) -> None:
        assert self.lines is not None
        line = line_of(identity, wait.conversation)
        at = outcome.taken.deliveries[identity].position(outcome.position)
        place = Place(at, outcome.taken.claimed.event_key, since, wait.probed_at)
        if not wait.conversation:
            self.gate.raise_line(identity)
        self.lines.put(line, place)

    def _mark(self, identity: str, wait: Wait) -> None:
        """Have the conversation called once the way is open: what waits for that counts on it."""
        if wait.conversation and waits_for_the_way(wait.waiting_for):
            assert self.lines is not None
            self.gate.raise_line(identity)
            line = line_of(identity, wait.conversation)
            self.lines.put(identity, mark(line, self.clock(), wait.probed_at))

    def _standing(self, delivery: Delivery, wait: Wait, since: float) -> Delivery:
        now = self.clock()
        if wait.waiting_for is None:
            look_at = wait.until
        elif waits_for_the_way(wait.waiting_for):
            look_at = now + self.timing.net(now - since)
        else:
            look_at = now + self.timing.turn(now - since)
        if wait.given_up_at is not None:
            look_at = min(look_at, max(wait.given_up_at, now) + self.timing.hint_slack)
        return standing(
            held(delivery, look_at, wait.waiting_for), since, look_at, wait.conversation
        )

    def _free(self, line: str, place: Place) -> None:
        assert self.lines is not None
        try:
            self.lines.free(line, place)
            self.freed.add((line, place))
        except TableUnavailable as error:
            self._tell(destination_in(line), error)

    def _tell(self, identity: str, error: TableUnavailable) -> None:
        self.facts("line.unreached", destination=self.gate.name_of(identity), cause=str(error))


def _strays(led_from: Place | None, delivery: Delivery, position: str) -> bool:
    """Whether it was led from where it stood before it was replayed in order."""
    return led_from is not None and led_from.position != delivery.position(position)


def has_left(place: Place, line: str, table: EventTable, now: float) -> bool:
    """Whether a place is left by its delivery: who recorded that could not free it, or had died.

    False while somebody holds the event, and may be about to change that.
    """
    stands = table.standing(place.event_key, now=now)
    return stands is not None and stands.get(line) != place.stood_at


def waits_for_the_way(waiting_for: str | None) -> bool:
    """Whether it is its destination that it waits for, and neither a turn nor its own retry."""
    return waiting_for not in (None, TURN, SPLIT)
