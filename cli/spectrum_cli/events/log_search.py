"""Reads all that the log has of a time, in pages as large as pay off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from spectrum_forwarder.domain.errors import LaterFormat, PayloadMissing

from spectrum_cli.terminal.output import progress

if TYPE_CHECKING:
    from spectrum_forwarder.domain.log import EventLog, LoggedEvent

# Nobody waits for a first row here, so fewer and larger pages: each is one look at the index.
READ_AT_ONCE = 1000
BODIES_AT_ONCE = 16


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


def bodies_of(log: EventLog, events: Sequence[LoggedEvent]) -> Iterator[tuple[LoggedEvent, bytes]]:
    """These events with their bodies, but for those whose body is gone."""

    def read(event: LoggedEvent) -> bytes | None:
        try:
            return log.body(event.event_key)
        except (PayloadMissing, LaterFormat):
            return None

    with progress("looking into bodies", len(events)) as done:
        # In batches, so that Ctrl-C has little to wait for.
        for start in range(0, len(events), BODIES_AT_ONCE):
            batch = events[start : start + BODIES_AT_ONCE]
            with ThreadPoolExecutor(BODIES_AT_ONCE) as readers:
                bodies = list(readers.map(read, batch))
            for event, body in zip(batch, bodies, strict=True):
                if body is not None:
                    yield event, body
            done(len(batch))
