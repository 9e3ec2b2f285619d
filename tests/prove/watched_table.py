"""Memory stores that tell of effects where they happen, even if the caller never hears of them."""

import contextlib
from collections.abc import Callable, Iterator

from spectrum_forwarder.domain.delivery import Deliveries
from spectrum_forwarder.domain.errors import ItemTooLarge
from spectrum_forwarder.domain.event import unpack
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.ports import StoredEvent
from spectrum_forwarder.domain.worker_ports import Claimed, Record

from tests.prove.ledger import Ledger
from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.objects import MemoryPayloads
from tests.support.in_memory.queue import MemoryQueue
from tests.support.in_memory.table import MemoryTable, Row


class Rows(dict[str, Row]):
    """The table's items; `told` hears of each that is put, whatever stood there."""

    def __init__(self, told: Callable[[str, Row], None]) -> None:
        super().__init__()
        self._told = told

    def __setitem__(self, key: str, row: Row) -> None:
        super().__setitem__(key, row)
        self._told(key, row)


class WatchedTable(MemoryTable):
    """Tells the ledger which event is stored under which key, and of claims and records."""

    def __init__(self, ledger: Ledger, payloads: MemoryPayloads, clock: ManualClock) -> None:
        super().__init__()
        self.rows = Rows(self._stored)
        self._ledger = ledger
        self._payloads = payloads
        self._clock = clock
        # Events whose items are nearly full: whatever is written of them must be small.
        self.crowded: set[str] = set()
        # Told of what is written, while what stands in lines is looked at.
        self.judge_lines: Callable[[str, Deliveries, float | None], None] = lambda *_: None

    @property
    def now(self) -> float:
        """The time."""
        return self._clock()

    def name_of(self, stored: StoredEvent) -> str:
        """Which event that is."""
        packed = stored.packed or self._payloads.objects[stored.payload or ""]
        event = stored.event
        unknown = f"unknown {event.key}"
        return self._ledger.expected.get((unpack(packed), event.signed_at), unknown)

    def _stored(self, key: str, row: Row) -> None:
        name, now = self.name_of(row.stored), self._clock()
        others = [self.rows.get(other) for other in self._ledger.keys[name] - {key}]
        again = any(o and (o.expires_at is None or o.expires_at >= now) for o in others)
        self._ledger.stored(key, name, again=again)

    def claim(self, event_key: str, *, owner: str, now: float, until: float) -> Claimed | None:
        claimed = super().claim(event_key, owner=owner, now=now, until=until)
        if claimed is not None:
            self._ledger.claimed(event_key)
        return claimed

    def _require_room(self, key: str, deliveries: Deliveries | None, payload: str | None) -> None:
        row = self.rows.get(key)
        if key not in self.crowded or row is None or deliveries is None:
            return
        inline = row.stored.packed is not None and payload is None
        if inline or any(len(delivery.history) > 1 for delivery in deliveries.values()):
            raise ItemTooLarge("the item is nearly full")

    def record(self, event_key: str, *, owner: str, record: Record) -> bool:
        self._require_room(event_key, record.deliveries, record.payload)
        recorded = super().record(event_key, owner=owner, record=record)
        if recorded:
            self._ledger.recorded(event_key, record.deliveries)
            if record.deliveries is not None:
                self.judge_lines(event_key, record.deliveries, record.due_at)
        return recorded

    def prove(
        self, event_key: str, *, owner: str, deliveries: Deliveries, payload: str | None = None
    ) -> bool:
        self._require_room(event_key, deliveries, payload)
        proved = super().prove(event_key, owner=owner, deliveries=deliveries, payload=payload)
        if proved:
            self._ledger.bound(event_key, deliveries)
        return proved

    def note(
        self,
        event_key: str,
        *,
        owner: str,
        until: float,
        notes: int,
        deliveries: Deliveries | None,
        payload: str | None = None,
    ) -> bool:
        self._require_room(event_key, deliveries, payload)
        noted = super().note(
            event_key,
            owner=owner,
            until=until,
            notes=notes,
            deliveries=deliveries,
            payload=payload,
        )
        if noted and deliveries is not None:
            self._ledger.recorded(event_key, deliveries)
        elif noted:
            self._ledger.survived(event_key)
        return noted

    def reopen(
        self,
        seen: LoggedEvent,
        *,
        owner: str,
        now: float,
        deliveries: Deliveries,
        due_at: float,
    ) -> bool:
        before = self.rows[seen.event_key].deliveries or {}
        done = super().reopen(seen, owner=owner, now=now, deliveries=deliveries, due_at=due_at)
        if done:
            self._ledger.reopened(seen.event_key, before, deliveries)
        return done


class TracedQueue(MemoryQueue):
    """Notes how often the function has run in the chain of calls that led to each record.

    `whole` hears of each event that is queued whole.
    """

    def __init__(self, clock: ManualClock, whole: Callable[[StoredEvent], None]) -> None:
        super().__init__(clock)
        self._whole = whole
        # How often it has in the chain that is going on.
        self.runs = 0
        self._runs_before: dict[str, int] = {}

    def runs_before(self, record_id: str) -> int:
        """How often the function has run on the way to this record; what is redriven keeps it."""
        return self._runs_before.get(record_id.rstrip("+"), 0)

    @contextlib.contextmanager
    def in_chain(self, runs: int) -> Iterator[None]:
        """What is sent meanwhile stands in a chain of calls in which the function ran so often."""
        before, self.runs = self.runs, runs
        try:
            yield
        finally:
            self.runs = before

    def send_event(self, stored: StoredEvent) -> None:
        self._whole(stored)
        super().send_event(stored)

    def _put(self, body: str, delay: float, slow: bool) -> None:
        super()._put(body, delay, slow)
        self._runs_before[self.queued[-1].id] = self.runs
