"""Take: of a queue record, the event that it names, claimed; or nothing, where another has it.

The table decides: a queue record is only a hint to look at an event. A message that carries a whole
event is put first.
"""

from collections.abc import Callable
from dataclasses import dataclass

from spectrum_forwarder.domain.delivery import Deliveries
from spectrum_forwarder.domain.errors import LaterFormat, Unavailable
from spectrum_forwarder.domain.ports import Clock, Facts, StoredEvent
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import Claimed, EventTable, QueueRecord
from spectrum_forwarder.fanout.claims import Claims
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.keeping import Keeping
from spectrum_forwarder.storing import EventStore


@dataclass(frozen=True, slots=True)
class Taken:
    """An event under a claim, the record that hinted at it, and all its deliveries."""

    record: QueueRecord
    claimed: Claimed
    deliveries: Deliveries


@dataclass(frozen=True, slots=True)
class Taking:
    """What taking needs."""

    table: EventTable
    store: EventStore
    configured: Configured
    claims: Claims
    keeping: Keeping
    clock: Clock
    facts: Facts
    timing: Timing
    new_owner: Callable[[], str]

    def take(self, record: QueueRecord) -> Taken | None:
        """Claim the event; None where it owes nothing, is held, or cannot be handled now."""
        now = self.clock()
        try:
            key = record.event_key if record.whole is None else self._put(record, record.whole, now)
            until = now + self.timing.claim(self.configured.now.longest_timeout)
            claimed = self.table.claim(key, owner=self.new_owner(), now=now, until=until)
            if claimed is None:
                return None
            taken = Taken(record, claimed, self.configured.bound(claimed, self.clock()))
            return taken if not claimed.is_doubtful or self._is_proved(taken) else None
        except LaterFormat as error:
            # Whoever can read it will be hinted at it by the sweeper, which tells how late it is.
            self.facts("event.later_format", event_key=record.event_key, cause=str(error))
            return None
        except Exception as error:  # one event's trouble must not keep the others waiting
            self.keeping.keep(record, error)
            return None

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
