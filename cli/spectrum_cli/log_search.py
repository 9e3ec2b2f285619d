"""Reads all that the log has of a time, in pages as large as pay off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spectrum_forwarder.domain.log import EventLog, LoggedEvent

# Nobody waits for a first row here, so fewer and larger pages: each is one look at the index.
READ_AT_ONCE = 1000


def events_of(
    log: EventLog,
    looked_at: Callable[[int], None],
    *,
    since: float | None = None,
    until: float | None = None,
    limit: int,
) -> Iterator[Sequence[LoggedEvent]]:
    """Pages of up to `limit` events received from `since` to `until`, the newest first."""
    cursor, left = None, limit
    while left > 0:
        page = log.newest(limit=min(left, READ_AT_ONCE), cursor=cursor, since=since, until=until)
        looked_at(len(page.events))
        yield page.events
        left, cursor = left - len(page.events), page.cursor
        if cursor is None:
            return
