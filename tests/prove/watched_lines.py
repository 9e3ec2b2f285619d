"""The places in lines, beside what the events say of them: invariants 4 and 5 of docs/design."""

from collections.abc import Callable, Mapping, Sequence

from spectrum_forwarder.domain.delivery import Deliveries
from spectrum_forwarder.domain.line import Place
from spectrum_forwarder.domain.order import conversation_in, destination_in

from tests.prove.ledger import Invariant, Ledger
from tests.prove.watched_table import WatchedTable
from tests.support.in_memory.lines import MemoryLines

WEEK = 7 * 86_400.0
# What the clock may have moved on since a time was set, in seconds.
SLACK = 120.0


class WatchedLines(MemoryLines):
    """Tells the ledger of a delivery whose place is not there, or is given up too early."""

    def __init__(self, ledger: Ledger, table: WatchedTable) -> None:
        super().__init__()
        self._ledger = ledger
        self._table = table
        table.judge_lines = self._judge
        # What happens once, just when a line is found to be empty.
        self.when_empty: list[Callable[[], None]] = []

    def first(self, line: str, *, limit: int, after: str = "") -> Sequence[Place]:
        places = super().first(line, limit=limit, after=after)
        if not places and not after and self.when_empty:
            self.when_empty.pop()()
        return places

    def free(self, line: str, place: Place) -> bool:
        row = self._table.rows.get(place.event_key)
        deliveries: Mapping[str, object] = (row.deliveries or {}) if row else {}
        delivery = deliveries.get(destination_in(line))
        freed = super().free(line, place)
        stands_here = getattr(delivery, "stands_in", None) == line
        if freed and stands_here and getattr(delivery, "stood_at", None) == place.stood_at:
            self._ledger.breach(Invariant.FREED_LAST, f"{line}: {place.event_key}")
        return freed

    def _judge(self, event_key: str, deliveries: Deliveries, due_at: float | None) -> None:
        """What has just been recorded."""
        for identity, delivery in deliveries.items():
            if delivery.stands_in is None:
                continue
            places = self.places.get(delivery.stands_in, {}).values()
            if not any((p.event_key, p.stood_at) == (event_key, delivery.stood_at) for p in places):
                detail = f"{event_key} has no place in the line of {identity}"
                self._ledger.breach(Invariant.IN_LINE, detail)
            now = self._table.now
            if due_at is None or due_at > now + WEEK + SLACK:
                self._ledger.breach(Invariant.IN_LINE, f"{event_key} is looked at by nobody")

    def expire(self) -> None:
        """DynamoDB deletes what nobody has touched in conversations' lines for three weeks.

        Such are places that a dead worker took for an event that never stood there after all.
        """
        for line, places in self.places.items():
            for place in list(places.values()) if conversation_in(line) else []:
                if self._table.standing(place.event_key, now=self._table.now) == {}:
                    del places[place.position]

    def left(self) -> list[str]:
        """The places that are taken."""
        return [f"{line}: {p.event_key}" for line, of in self.places.items() for p in of.values()]
