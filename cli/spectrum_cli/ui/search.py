"""One page of the log under a filter, at a cost with an upper bound.

Only time has an index. Everything else is looked for by reading on, newest first, for so many
events a request; where that finds too little, the page says how far it came and leads on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from spectrum_forwarder.domain.log import EventLog, LoggedEvent

from spectrum_cli.selection import Selection

PAGE = 50
NUMBER = re.compile(r"[+(]*[0-9][0-9()./ \u00a0\u2010-\u2015-]*")
FEWEST_DIGITS = 4
# Portions that one request reads at most under a filter: nine reads of the table each.
MOST_PORTIONS = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a page is asked for; `conversation` decides by the space's id, `text` by all of it."""

    selection: Selection = field(default_factory=Selection)
    kind: str | None = None
    conversation: Callable[[str], bool] | None = None
    text: Callable[[LoggedEvent], bool] | None = None

    @property
    def takes_all(self) -> bool:
        """Whether only the time decides, for which there is an index."""
        others = (self.kind, self.conversation, self.text)
        return self.selection.takes_all and all(other is None for other in others)

    def takes(self, event: LoggedEvent) -> bool:
        """Whether an event of the right time is meant."""
        if self.kind is not None and event.kind != self.kind:
            return False
        if self.conversation is not None and not self.conversation(event.space_id or ""):
            return False
        if self.text is not None and not self.text(event):
            return False
        return self.selection.takes(event)


def is_number(text: str) -> bool:
    """Whether it is a phone number, or the end of one, however it is written."""
    return NUMBER.fullmatch(text) is not None and len(_digits(text)) >= FEWEST_DIGITS


def matching(text: str) -> Callable[[LoggedEvent], bool]:
    """Whether an event has the text in its key, sender, conversation or kind.

    Capitals count for nothing, nor does what is written between the digits of a number.
    """
    part = text.casefold()
    digits = _digits(text) if is_number(text) else None

    def takes(event: LoggedEvent) -> bool:
        people = [one for one in (event.sender_id, event.space_id) if one]
        said = [event.event_key, event.kind or "", *people]
        if any(part in one.casefold() for one in said):
            return True
        return digits is not None and any(digits in _digits(one) for one in people)

    return takes


def _digits(text: str) -> str:
    # Only these ten: other scripts' digits are not what stands in a number.
    return "".join(character for character in text if character in "0123456789")


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
