"""The events table in memory: it refuses what the real one refuses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from spectrum_forwarder.adapters.delivery_items import write_deliveries
from spectrum_forwarder.adapters.items import new_item
from spectrum_forwarder.adapters.items import shard as shard_of
from spectrum_forwarder.domain.delivery import Deliveries, stands_of
from spectrum_forwarder.domain.errors import (
    ItemTooLarge,
    LaterFormat,
)
from spectrum_forwarder.domain.event import FORMAT
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.ports import Existing, StoredEvent
from spectrum_forwarder.domain.worker_ports import Claimed, Overdue, Owing, Record

from tests.support.item_size import LARGEST_ITEM, size_of


@dataclass
class Row:
    """One event in the memory table."""

    stored: StoredEvent
    receipt: str
    due_at: float | None
    expires_at: float | None = None
    overdue_since: float | None = None
    owner: str = ""
    claimed_until: float = 0.0
    claims: int = 0
    strikes: int = 0
    unrecorded: int = 0
    deliveries: Deliveries | None = None
    format: int = FORMAT

    def write(self, deliveries: Deliveries | None, payload: str | None) -> None:
        """Write deliveries and the body's new place; raise ItemTooLarge as the real table does."""
        stored, after = self.stored, self.deliveries if deliveries is None else dict(deliveries)
        if payload is not None:
            stored = stored._replace(packed=None, payload=payload)
        if stored.packed is not None and len(stored.packed) + len(after or ()) * 1000 > 100_000:
            item = new_item(stored, receipt=self.receipt, due_at=self.due_at or 0.0)
            item |= {"deliveries": write_deliveries(after or {})}
            if size_of(item) > LARGEST_ITEM:
                raise ItemTooLarge("the item would be too large")
        self.stored, self.deliveries = stored, after


class MemoryTable:
    """The `EventTable` port."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.marks: dict[str, float] = {}

    def put(
        self, stored: StoredEvent, *, receipt: str, now: float, due_at: float
    ) -> Existing | None:
        row = self.rows.get(stored.event.key)
        if row is None or (row.expires_at is not None and row.expires_at < now):
            kept = stored._replace(event=stored.event._replace(body=b""))
            self.rows[stored.event.key] = Row(kept, receipt, due_at)
            return None
        if row.receipt == receipt:
            return None
        return _existing(row)

    def mark(self, key: str, *, at: float, since: float, expires_at: float) -> float:
        if self.marks.get(key, since - 1) < since:
            # A table holds milliseconds.
            self.marks[key] = round(at, 3)
            return at
        return self.marks[key]

    def hasten(self, event_key: str, *, seen: float, due_at: float) -> bool:
        row = self.rows.get(event_key)
        if row is None or row.due_at not in (seen, due_at):
            return False
        row.due_at, row.overdue_since = due_at, None
        return True

    def claim(self, event_key: str, *, owner: str, now: float, until: float) -> Claimed | None:
        row = self.rows.get(event_key)
        if row is None:
            return None
        if row.due_at is not None and row.claimed_until <= now:
            if row.format > FORMAT:
                raise LaterFormat(f"stored in format {row.format}")
            row.owner, row.claimed_until, row.claims = owner, until, row.claims + 1
        elif row.owner != owner:
            return None
        event = row.stored.event
        return Claimed(
            event_key=event_key,
            owner=owner,
            until=row.claimed_until,
            claims=row.claims,
            webhook_id=event.webhook_id,
            received_at=event.received_at,
            kind=event.kind,
            content_type=event.content_type,
            content_encoding=event.content_encoding,
            first_id=event.first_id,
            packed=row.stored.packed,
            payload=row.stored.payload,
            deliveries=row.deliveries,
            format=row.format,
            unrecorded=row.unrecorded,
            via=event.via,
        )

    def strike(self, event_key: str, *, owner: str) -> int:
        row = self.rows[event_key]
        if row.owner != owner:
            return 0
        row.strikes += 1
        return row.strikes

    def record(self, event_key: str, *, owner: str, record: Record) -> bool:
        row = self.rows.get(event_key)
        if row is None or row.owner != owner:
            return False
        row.write(record.deliveries, record.payload)
        row.due_at, row.expires_at, row.claimed_until = record.due_at, record.expires_at, 0.0
        row.claims = row.strikes = row.unrecorded = 0
        row.overdue_since = record.due_at if record.slow_lane else None
        return True

    def prove(
        self, event_key: str, *, owner: str, deliveries: Deliveries, payload: str | None = None
    ) -> bool:
        row = self.rows.get(event_key)
        if row is None or row.owner != owner:
            return False
        row.write(deliveries, payload)
        return True

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
        row = self.rows.get(event_key)
        if row is None or row.owner != owner:
            return False
        row.write(deliveries, payload)
        row.claims, row.strikes, row.unrecorded, row.claimed_until = 0, 0, notes, until
        return True

    def has_overdue(self, now: float) -> bool:
        """Whether a sweep would find anything."""
        return any(row.due_at is not None and row.due_at <= now for row in self.rows.values())

    def overdue(self, shard: int, *, now: float) -> Iterator[Sequence[Overdue]]:
        found = sorted(
            (row.due_at, key)
            for key, row in self.rows.items()
            if row.due_at is not None and row.due_at <= now and shard_of(key) == shard
        )
        for start in range(0, len(found), 100):
            yield [self._overdue(key, due_at) for due_at, key in found[start : start + 100]]

    def _overdue(self, key: str, due_at: float) -> Overdue:
        since = self.rows[key].overdue_since
        return Overdue(key, due_at, since or due_at, since is None)

    def owing(self, shard: int, *, now: float, soon: float, in_main: bool = False) -> Owing:
        due = [
            row.due_at
            for key, row in self.rows.items()
            if shard_of(key) == shard and not (in_main and row.overdue_since is not None)
        ]
        overdue = sum(at is not None and at <= now for at in due)
        return Owing(overdue, sum(at is not None and at <= soon for at in due) - overdue)

    def reopen(
        self,
        seen: LoggedEvent,
        *,
        owner: str,
        now: float,
        deliveries: Deliveries,
        due_at: float,
    ) -> bool:
        row = self.rows.get(seen.event_key)
        if row is None or row.stored.event.received_at != seen.received_at:
            return False
        if (row.owner, row.claimed_until) != (seen.owner, seen.claimed_until):
            return row.owner == owner
        if row.claimed_until > now:
            return False
        row.write(deliveries, None)
        row.due_at, row.expires_at = due_at, None
        row.owner, row.claimed_until = owner, 0.0
        row.claims = row.strikes = row.unrecorded = 0
        return True

    def standing(self, event_key: str, *, now: float) -> Mapping[str, float] | None:
        row = self.rows.get(event_key)
        if row is None:
            return {}
        if row.claimed_until > now:
            return None
        return stands_of(row.deliveries or {})

    def postpone(self, overdue: Overdue, *, until: float) -> bool:
        row = self.rows.get(overdue.event_key)
        if row is None or row.due_at not in (overdue.due_at, until):
            return False
        row.due_at = until
        row.overdue_since = row.overdue_since or overdue.due_at
        return True


def _existing(row: Row) -> Existing:
    stored = row.stored
    return Existing(
        due_at=row.due_at,
        claimed_until=row.claimed_until,
        received_at=stored.event.received_at,
        # Only items of this format have it.
        fingerprint=stored.event.fingerprint if row.format == FORMAT else None,
        packed=stored.packed,
        payload=stored.payload,
        signed_id=stored.event.signed_id,
        signed_at=stored.event.signed_at,
        webhook_id=stored.event.webhook_id,
    )
