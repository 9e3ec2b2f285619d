"""The log of a table in memory."""

from spectrum_forwarder.domain.event import FORMAT
from spectrum_forwarder.domain.log import LoggedEvent

from tests.support.in_memory.table import MemoryTable


class MemoryLog:
    """The `EventReader` port, over a memory table."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def get(self, event_key: str) -> LoggedEvent | None:
        row = self._table.rows.get(event_key)
        if row is None:
            return None
        event = row.stored.event
        return LoggedEvent(
            event_key=event_key,
            received_at=event.received_at,
            signed_at=event.signed_at,
            webhook_id=event.webhook_id,
            kind=event.kind,
            space_id=event.space_id,
            sender_id=event.sender_id,
            content_type=event.content_type,
            payload=row.stored.payload,
            deliveries=row.deliveries if row.format <= FORMAT else None,
            owner=row.owner,
            claimed_until=row.claimed_until,
            claims=row.claims,
            due_at=row.due_at,
            expires_at=row.expires_at,
            format=row.format,
            scheme=event.scheme,
            also=event.also,
        )
