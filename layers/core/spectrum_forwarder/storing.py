"""Store: put an event into the table, its body beside it in the bucket where it is too large."""

from dataclasses import dataclass, replace

from spectrum_forwarder.domain.ports import Existing, Intake, Payloads, StoredEvent
from spectrum_forwarder.domain.timing import Timing

# DynamoDB's item limit is 400 KB; deliveries and their history need the rest.
LARGEST_INLINE = 350_000


@dataclass(frozen=True, slots=True)
class EventStore:
    """The table and the bucket behind it."""

    table: Intake
    payloads: Payloads
    timing: Timing

    def fit(self, stored: StoredEvent) -> StoredEvent:
        """The event as the table can hold it; raise PayloadsUnavailable."""
        if stored.packed is None or len(stored.packed) <= LARGEST_INLINE:
            return stored
        return replace(stored, packed=None, payload=self.payloads.put(stored.packed))

    def put(self, fitted: StoredEvent, *, receipt: str, now: float) -> Existing | None:
        """Store the event unless it is there already; return what was there.

        Raises TableUnavailable. The event is due at once, but the sweeper leaves it to the hint,
        or the whole event, that is on its way.
        """
        due_at = now + self.timing.hint_slack(slow=False)
        return self.table.put(fitted, receipt=receipt, now=now, due_at=due_at)
