"""One page of the log under a filter, at a cost with an upper bound.

Only time has an index in the table (docs/decisions/046). Everything else is looked for in what is
remembered, and beyond that by reading on, newest first, for so many events a request; where that
finds too little, the page says how far it came and leads on.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from spectrum_forwarder.domain.log import EventLog, LoggedEvent

from spectrum_cli.events.selection import Selection
from spectrum_cli.ui.memory import ORDER, View
from spectrum_cli.ui.rows import Row, digits_of, row_of

PAGE = 50
NUMBER = re.compile(r"[+(]*[0-9][0-9()./ \u00a0\u2010-\u2015-]*")
FEWEST_DIGITS = 4
# Portions that one request reads at most under a filter: nine reads of the table each, or one of
# those that are remembered.
MOST_PORTIONS = 5
# What begins a cursor that goes on in what is remembered; the log's own have none of it.
REMEMBERED = "~"
# Behind every key.
LAST = "\U0010ffff"
Fits = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a page is asked for.

    `kind` is an event's or a message's type; `conversation` decides by the space's id, `text` by
    the row.
    """

    selection: Selection = field(default_factory=Selection)
    kind: str | None = None
    conversation: Callable[[str], bool] | None = None
    text: Fits | None = None

    @property
    def takes_all(self) -> bool:
        """Whether only the time decides, for which there is an index."""
        others = (self.kind, self.conversation, self.text)
        return self.selection.takes_all and all(other is None for other in others)

    def takes(self, event: LoggedEvent) -> bool:
        """Whether an event of the right time is meant."""
        fits = self.fits
        return (fits is None or fits(row_of(event))) and self.selection.takes(event)

    @property
    def fits(self) -> Fits | None:
        """Whether an event of the right time is meant, but for how its deliveries stand.

        As quick as can be, for it is asked of a hundred thousand rows; None where any is.
        """
        asked: list[Fits] = []
        if (kind := self.kind) is not None:
            asked.append(lambda row: kind == row.kind or kind in row.message_type.split())
        if (conversation := self.conversation) is not None:
            asked.append(lambda row: conversation(row.space_id))
        if self.text is not None:
            asked.append(self.text)
        if len(asked) > 1:
            return lambda row: all(fits(row) for fits in asked)
        return asked[0] if asked else None


def is_number(text: str) -> bool:
    """Whether it is a phone number, or the end of one, however it is written."""
    return NUMBER.fullmatch(text) is not None and len(digits_of(text)) >= FEWEST_DIGITS


def matching(text: str) -> Fits:
    """Whether an event has the text in its key, sender, conversation, kind or message's type.

    Capitals count for nothing, nor does what is written between the digits of a number.
    """
    part = text.casefold()
    if not is_number(text):
        return lambda row: part in row.said
    digits = digits_of(text)
    return lambda row: digits in row.digits or part in row.said


@dataclass(frozen=True, slots=True)
class Found:
    """A page. It was looked for back to `reached` (Unix seconds)."""

    events: list[LoggedEvent]
    cursor: str | None
    reached: float | None


def find(log: EventLog, view: View, wanted: Wanted, cursor: str | None) -> Found:
    """The next page of what is wanted; raise ValueError for a cursor that is none.

    Under a filter a page holds less than two portions, and possibly nothing although more follows.
    """
    if wanted.takes_all or (cursor and not cursor.startswith(REMEMBERED)):
        return _read_on(log, wanted, cursor, wanted.selection.until)
    found = _remembered(log, view, wanted, _place(cursor) if cursor else None)
    if found.cursor or view.whole or (wanted.selection.since or 0.0) > view.edge:
        return found
    until = view.edge if wanted.selection.until is None else wanted.selection.until
    older = _read_on(log, wanted, None, min(until, view.edge))
    reached = found.reached if older.reached is None else older.reached
    return Found([*found.events, *older.events], older.cursor, reached)


def _remembered(
    log: EventLog, view: View, wanted: Wanted, after: tuple[float, str] | None
) -> Found:
    """A page of what is remembered; without a cursor where that was the last.

    Events are read before they are shown: they may have gone, or stand otherwise by now.
    """
    since, until = wanted.selection.since, wanted.selection.until
    rows = view.rows
    begin = 0 if until is None else bisect_left(rows, (-until, ""), key=ORDER)
    if after is not None:
        begin = max(begin, bisect_right(rows, after, key=ORDER))
    end = len(rows) if since is None else bisect_right(rows, (-since, LAST), key=ORDER)
    fits, found = wanted.fits, list[LoggedEvent]()
    portions = 1 if wanted.selection.takes_all else MOST_PORTIONS
    for _ in range(portions):
        portion = list(islice(filter(fits, islice(rows, begin, end)), PAGE))
        is_last = len(portion) < PAGE
        begin = end if is_last else bisect_right(rows, portion[-1].order, key=ORDER)
        events = log.get_all([row.key for row in portion])
        found += [event for event in events if wanted.selection.takes(event)]
        if begin == end or len(found) >= PAGE:
            break
    reached = rows[begin - 1].received_at if begin else None
    if begin >= end:
        return Found(found, None, reached)
    at, key = rows[begin - 1].order
    return Found(found, f"{REMEMBERED}{at!r}{REMEMBERED}{key}", reached)


def _place(cursor: str) -> tuple[float, str]:
    """Undo the cursor of `_remembered`; raise ValueError."""
    at, _, key = cursor.removeprefix(REMEMBERED).partition(REMEMBERED)
    return float(at), key


def _read_on(log: EventLog, wanted: Wanted, cursor: str | None, until: float | None) -> Found:
    """A page of what is read in the table."""
    found: list[LoggedEvent] = []
    reached = None
    for _ in range(1 if wanted.takes_all else MOST_PORTIONS):
        page = log.newest(limit=PAGE, cursor=cursor, since=wanted.selection.since, until=until)
        found += [event for event in page.events if wanted.takes(event)]
        if page.events:
            reached = page.events[-1].received_at
        cursor = page.cursor
        if cursor is None or len(found) >= PAGE:
            break
    return Found(found, cursor, reached)
