"""One page of the log under a filter, at a cost with an upper bound.

Only time has an index. Everything else is looked for by reading on, newest first, for so many
events a request; where that finds too little, the page says how far it came and leads on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from spectrum_forwarder.domain.log import EventLog, LoggedEvent

from spectrum_cli.selection import Selection

PAGE = 50
# Portions that one request reads at most under a filter: nine reads of the table each.
MOST_PORTIONS = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a page is asked for; `conversation` decides by the space's id."""

    selection: Selection = field(default_factory=Selection)
    kind: str | None = None
    conversation: Callable[[str], bool] | None = None

    @property
    def takes_all(self) -> bool:
        """Whether only the time decides, for which there is an index."""
        return self.selection.takes_all and self.kind is None and self.conversation is None

    def takes(self, event: LoggedEvent) -> bool:
        """Whether an event of the right time is meant."""
        if self.kind is not None and event.kind != self.kind:
            return False
        if self.conversation is not None and not self.conversation(event.space_id or ""):
            return False
        return self.selection.takes(event)


@dataclass(frozen=True, slots=True)
class Found:
    """A page. `looked_at` events were read for it, back to `reached` (Unix seconds)."""

    events: list[LoggedEvent]
    cursor: str | None
    looked_at: int
    reached: float | None


def find(log: EventLog, wanted: Wanted, cursor: str | None) -> Found:
    """The next page of what is wanted; raise ValueError for a cursor that is none.

    Under a filter a page holds less than two portions, and possibly nothing although more follows.
    """
    found: list[LoggedEvent] = []
    looked_at, reached = 0, None
    for _ in range(1 if wanted.takes_all else MOST_PORTIONS):
        page = log.newest(
            limit=PAGE, cursor=cursor, since=wanted.selection.since, until=wanted.selection.until
        )
        found += [event for event in page.events if wanted.takes(event)]
        looked_at += len(page.events)
        if page.events:
            reached = page.events[-1].received_at
        cursor = page.cursor
        if cursor is None or len(found) >= PAGE:
            break
    return Found(found, cursor, looked_at, reached)
