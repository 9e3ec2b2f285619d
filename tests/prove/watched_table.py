"""A memory table that tells the ledger of effects where they happen."""

from spectrum_forwarder.domain.delivery import Deliveries
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.ports import Existing, StoredEvent
from spectrum_forwarder.domain.worker_ports import Claimed, Record

from tests.prove.ledger import Ledger
from tests.support.memory import MemoryTable


class WatchedTable(MemoryTable):
    """Tells the ledger of effects where they happen, even if the caller never hears of them."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger

    def put(
        self, stored: StoredEvent, *, receipt: str, now: float, due_at: float
    ) -> Existing | None:
        before = self.rows.get(stored.event.key)
        existing = super().put(stored, receipt=receipt, now=now, due_at=due_at)
        if before is None or (before.expires_at is not None and before.expires_at < now):
            self._ledger.generations[stored.event.key] += 1
        return existing

    def claim(self, event_key: str, *, owner: str, now: float, until: float) -> Claimed | None:
        claimed = super().claim(event_key, owner=owner, now=now, until=until)
        if claimed is not None:
            self._ledger.claimed(event_key)
        return claimed

    def record(self, event_key: str, *, owner: str, record: Record) -> bool:
        recorded = super().record(event_key, owner=owner, record=record)
        if recorded:
            self._ledger.recorded(event_key, record.deliveries)
        return recorded

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
