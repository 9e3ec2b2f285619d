"""Take: of a queue record, the event that it names, claimed; or nothing, where another has it.

The table decides: a queue record is only a hint to look at an event. A message that carries a whole
event is put first.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from spectrum_forwarder.domain.delivery import Deliveries
from spectrum_forwarder.domain.errors import LaterFormat, TableSilent, Unavailable
from spectrum_forwarder.domain.ports import Clock, Facts, StoredEvent
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import Claimed, EventTable, QueueRecord
from spectrum_forwarder.fanout.claims import Claims
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.keeping import Keeping
from spectrum_forwarder.storing import EventStore

# Seconds between questions for a claim that was not answered, and for how long it is asked for.
FIRST_PAUSE, LONGEST_PAUSE, PATIENCE = 0.2, 3.0, 20.0


@dataclass(frozen=True, slots=True)
class Taken:
    """An event under a claim, the record that hinted at it, and all its deliveries."""

    record: QueueRecord
    claimed: Claimed
    deliveries: Deliveries

    def led_in(self, identity: str, position: str) -> str | None:
        """The line in which it is this delivery's turn, given the event's position.

        None where it is led from a place that it had before it was replayed in order.
        """
        place = self.record.place
        own = self.deliveries[identity].position(position) if place else ""
        return None if place and place.position != own else self.record.drains


@dataclass(frozen=True, slots=True)
class Asked:
    """A claim as it is asked for. Who asks for the same again has it, if it was made already."""

    record: QueueRecord
    event_key: str
    owner: str
    now: float
    until: float


@dataclass(frozen=True, slots=True)
class Taking:
    """What taking needs; `sleep` takes seconds.

    `unanswered` are claims that may have been made, each with the failure: nobody else could have
    such an event before its claim ends, and the sweeper would look later still.
    """

    table: EventTable
    store: EventStore
    configured: Configured
    claims: Claims
    keeping: Keeping
    clock: Clock
    sleep: Callable[[float], None]
    facts: Facts
    timing: Timing
    new_owner: Callable[[], str]
    unanswered: list[tuple[Asked, TableSilent]] = field(default_factory=list)

    def take(self, record: QueueRecord) -> Taken | None:
        """Claim the event; None where it owes nothing, is held, or cannot be handled now."""
        return self._guarded(record, lambda: self._claim(self._asked(record)))

    def ask(self, asked: Asked) -> Taken | None:
        """Ask for the claim once more."""
        return self._guarded(asked.record, lambda: self._claim(asked))

    def unanswered_in_turn(self, *, deadline: float) -> Iterator[Sequence[Asked]]:
        """The claims that were not answered, to be asked for again, ever more seldom.

        What stays unanswered comes again when the claim would end.
        """
        pause, give_up_at = FIRST_PAUSE, min(deadline, self.clock() + PATIENCE)
        while self.unanswered and self.clock() + pause < give_up_at:
            self.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            asked = [each for each, _ in self.unanswered]
            self.unanswered.clear()
            yield asked
        for each, error in self.unanswered:
            self.keeping.keep(each.record, error, until=each.until)
        self.unanswered.clear()

    def _guarded(self, record: QueueRecord, take: Callable[[], Taken | None]) -> Taken | None:
        try:
            return take()
        except LaterFormat as error:
            # Whoever can read it will be hinted at it by the sweeper, which tells how late it is.
            self.facts("event.later_format", event_key=record.event_key, cause=str(error))
            return None
        except Exception as error:  # one event's trouble must not keep the others waiting
            self.keeping.keep(record, error)
            return None

    def _asked(self, record: QueueRecord) -> Asked:
        """The claim to be asked for; a whole event is put first."""
        now = self.clock()
        key = record.event_key if record.whole is None else self._put(record, record.whole, now)
        until = now + self.timing.claim(self.configured.now.longest_timeout)
        return Asked(record, key, self.new_owner(), now, until)

    def _claim(self, asked: Asked) -> Taken | None:
        try:
            claimed = self.table.claim(
                asked.event_key, owner=asked.owner, now=asked.now, until=asked.until
            )
        except TableSilent as error:
            if asked.record.drains is None:
                self.unanswered.append((asked, error))
            else:  # no line is held for as long as asking may take
                self.keeping.keep(asked.record, error, until=asked.until)
            return None
        if claimed is None:
            return None
        taken = Taken(asked.record, claimed, self.configured.bound(claimed, self.clock()))
        return taken if not claimed.is_doubtful or self._is_proved(taken) else None

    def _put(self, record: QueueRecord, whole: StoredEvent, now: float) -> str:
        """Store an event that the table could not take when it came; return its key there."""
        placed = self.store.put(self.store.fit(whole), receipt=record.id, now=now)
        if placed.existing is None and placed.key != record.event_key:
            self.facts("event.same_id", event_key=placed.key, known=record.event_key)
        return placed.key

    def _is_proved(self, taken: Taken) -> bool:
        """Whether a record of it could be written; else it waits, and nothing is sent."""
        try:
            return self.claims.prove(taken.claimed, taken.deliveries)
        except Unavailable as error:
            if not self.claims.hold(taken.claimed, error):
                self.keeping.keep(taken.record, error, until=taken.claimed.until)
            return False
