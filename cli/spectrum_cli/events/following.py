"""The log as it goes on: what is new, and what has changed of what was shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spectrum_cli.destinations.names import Names
from spectrum_cli.events.views import deliveries_in_short

if TYPE_CHECKING:
    from spectrum_forwarder.domain.log import EventLog, LoggedEvent

# The index of the log lags behind the table a little, and clocks differ.
LOOK_BACK_SECONDS = 60.0
# Events that are followed until they are settled, which a look reads a hundred at once; of more,
# the oldest are let go of, and that is told.
MOST_FOLLOWED = 20_000
MOST_REMEMBERED = 50_000


class Followed:
    """The events that were shown, and how they stood then.

    Time is the log's own, that of the events: the clock here may be another.
    """

    def __init__(self, log: EventLog, names: Names) -> None:
        self._log = log
        self._names = names
        self._began_at = self._latest = 0.0
        self._stood: dict[str, str] = {}
        self._owing: dict[str, LoggedEvent] = {}
        # How many the last look has let go of.
        self.newly_let_go = 0

    def begin(self, lines: int) -> list[LoggedEvent]:
        """The last events that there are already, oldest first."""
        past = self._log.newest(limit=max(lines, 1)).events
        if past:
            self._began_at = self._latest = past[0].received_at
        return self._changed(list(reversed(past[:lines])))

    def look(self) -> list[LoggedEvent]:
        """What has come or changed since the last look, oldest first."""
        events: dict[str, LoggedEvent] = {}
        cursor = None
        while True:
            since = self._latest - LOOK_BACK_SECONDS
            page = self._log.newest(limit=100, cursor=cursor, since=since)
            events |= {event.event_key: event for event in page.events}
            cursor = page.cursor
            if cursor is None:
                break
        missing = [key for key in self._owing if key not in events]
        events |= {event.event_key: event for event in self._log.get_all(missing)}
        found = sorted(events.values(), key=lambda event: event.received_at)
        self._latest = max([self._latest, *(event.received_at for event in found)])
        return self._changed(
            [e for e in found if e.received_at > self._began_at or e.event_key in self._stood]
        )

    def _changed(self, events: Sequence[LoggedEvent]) -> list[LoggedEvent]:
        """Those of the events that stand otherwise than when they were shown last."""
        changed = []
        for event in events:
            stands = deliveries_in_short(event, self._names)
            if self._stood.get(event.event_key) != stands:
                changed.append(event)
            self._stood[event.event_key] = stands
            if event.settled:
                self._owing.pop(event.event_key, None)
            else:
                self._owing[event.event_key] = event
        let_go = list(self._owing)[:-MOST_FOLLOWED]
        self.newly_let_go = len(let_go)
        for key in let_go:
            del self._owing[key]
        for key in list(self._stood)[:-MOST_REMEMBERED]:
            if key not in self._owing:
                del self._stood[key]
        return changed
