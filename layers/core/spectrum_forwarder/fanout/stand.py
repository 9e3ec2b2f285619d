"""Stand: deliveries that wait for their destination get their places in its line, and leave them.

A place is taken before the event records that the delivery waits, and given up only after the event
records that it does not. Where the line is out of reach, the delivery waits by a time of its own.
"""

from dataclasses import dataclass, field, replace

from spectrum_forwarder.domain.delivery import Delivery, held, standing
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.line import Place
from spectrum_forwarder.domain.ports import Clock, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import Lines
from spectrum_forwarder.fanout.decide import FOR_RATE, Wait
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.judge import Outcome


@dataclass(frozen=True, slots=True)
class Standing:
    """What standing in lines needs; without `lines` there are none.

    `freed` are given-up places, `came_to` the lines that somebody newly stands in for their pace.
    """

    lines: Lines | None
    gate: Gate
    clock: Clock
    facts: Facts
    timing: Timing
    freed: set[Place] = field(default_factory=set)
    came_to: set[str] = field(default_factory=set)

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
            if after.stood_at is not None:
                comes = identity in outcome.waits and record.drains != identity
                if comes and after.waiting_for == FOR_RATE:
                    self.came_to.add(identity)
                continue
            if record.place is not None and record.drains == identity:
                self._free(identity, record.place)
            elif before.stood_at is not None and outcome.position:
                self._free(identity, Place(outcome.position, event_key, before.stood_at))

    def _has_place(self, outcome: Outcome, identity: str, wait: Wait) -> bool:
        """Whether it was seen there just now, and stays as it is; else it is taken (anew)."""
        record, before = outcome.taken.record, outcome.taken.deliveries[identity]
        if record.place is None or record.drains != identity:
            return False
        return record.place.stood_at == before.stood_at and not wait.probed_at

    def _take_place(self, outcome: Outcome, identity: str, since: float, wait: Wait) -> None:
        key = outcome.taken.claimed.event_key
        self.gate.raise_line(identity)
        assert self.lines is not None
        self.lines.put(identity, Place(outcome.position, key, since, wait.probed_at))

    def _standing(self, delivery: Delivery, wait: Wait, since: float) -> Delivery:
        now = self.clock()
        look_at = now + self.timing.net(now - since)
        if wait.given_up_at is not None:
            look_at = min(look_at, max(wait.given_up_at, now) + self.timing.hint_slack)
        return standing(held(delivery, look_at, wait.waiting_for), since, look_at)

    def _free(self, identity: str, place: Place) -> None:
        assert self.lines is not None
        try:
            self.lines.free(identity, place)
            self.freed.add(place)
        except TableUnavailable as error:
            self._tell(identity, error)

    def _tell(self, identity: str, error: TableUnavailable) -> None:
        self.facts("line.unreached", destination=self.gate.name_of(identity), cause=str(error))
