"""Which stored events a command is about: the options for it, and the search through the log."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from spectrum_forwarder.domain.delivery import Status
from spectrum_forwarder.domain.event import label

from spectrum_cli.destinations.names import Names
from spectrum_cli.terminal.errors import WrongUse

if TYPE_CHECKING:
    from spectrum_forwarder.domain.log import EventLog, LoggedEvent

UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
AGO = re.compile(r"(\d{1,6})([smhdw])")
# The seconds of a time, and what it has of them behind the point.
CUT = re.compile(r"\d\d:?\d\d:?\d\d(?:[.,](\d+))?(?=$|Z|[+-])")
# Seconds between this clock and the table's that are no reason to refuse a time.
CLOCKS_DIFFER = 300.0
# What a page begins with, and what a search comes to that has to read on: what it finds among the
# newest is shown at once, and beyond those fewer and larger pages pay off.
SHOWN_AT_ONCE, SEARCHED_AT_ONCE = 100, 1000

Since = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", help="Received at this time or later: 90s, 30m, 2h, 7d ago, or ISO 8601."
    ),
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="Received at this time or earlier, likewise.")
]
WithStatus = Annotated[
    Status | None, typer.Option("--status", help="With a delivery that stands so.")
]
ToDestination = Annotated[
    str | None, typer.Option("--destination", metavar="NAME", help="Bound for this destination.")
]
InSpace = Annotated[
    str | None, typer.Option("--space", metavar="ID", help="From the space with exactly this id.")
]
FromSender = Annotated[
    str | None, typer.Option("--sender", metavar="ID", help="From the sender with this id.")
]


@dataclass(frozen=True, slots=True)
class Selection:
    """Events by what they have in common; None stands for any. Times are Unix seconds.

    `destination` is a name, as `names` has it, or an identity.
    """

    since: float | None = None
    until: float | None = None
    status: Status | None = None
    destination: str | None = None
    space: str | None = None
    sender: str | None = None
    names: Names = field(default_factory=Names)

    @property
    def takes_all(self) -> bool:
        """Whether only the time decides."""
        return not (self.status or self.destination or self.space or self.sender)

    def takes(self, event: LoggedEvent) -> bool:
        """Whether an event of the right time is meant."""
        if self.space is not None and event.space_id != label(self.space):
            return False
        if self.sender is not None and event.sender_id != label(self.sender):
            return False
        if self.status is None and self.destination is None:
            return True
        if event.deliveries is None:
            # Not fanned out yet: it will be bound for everything that there is.
            return not self._is_for_nobody and self.status in (None, Status.PENDING)
        return any(
            self.destination in (None, identity, self.names.of(identity))
            and self.status in (None, delivery.status)
            for identity, delivery in event.deliveries.items()
        )

    @property
    def _is_for_nobody(self) -> bool:
        """Whether there are destinations, and none of this name."""
        if self.destination is None or not self.names.by_identity:
            return False
        return self.names.identity(self.destination) is None

    def require_possible(self) -> None:
        """Raise WrongUse where nothing was found, and nothing can be: there is no such name."""
        if self._is_for_nobody:
            there = ", ".join(sorted(self.names.by_identity.values()))
            raise WrongUse(
                f"there is no destination {self.destination} (configured are {there}), and no "
                "event that was bound for one of this name is meant"
            )

    def search(
        self, log: EventLog, looked_at: Callable[[int], None], *, limit: int | None = None
    ) -> Iterator[Sequence[LoggedEvent]]:
        """Batches of the events that are meant, newest first; `looked_at` counts all of them."""
        cursor, left, at_once = None, limit, SHOWN_AT_ONCE
        while left is None or left > 0:
            page = log.newest(
                limit=at_once if left is None or not self.takes_all else min(left, at_once),
                cursor=cursor,
                since=self.since,
                until=self.until,
            )
            looked_at(len(page.events))
            found = [event for event in page.events if self.takes(event)][:left]
            if found:
                yield found
            if left is not None:
                left -= len(found)
            cursor = page.cursor
            if cursor is None:
                return
            if not self.takes_all:
                at_once = min(2 * at_once, SEARCHED_AT_ONCE)


def times(since: str | None, until: str | None) -> tuple[float | None, float | None]:
    """The Unix seconds of both; raise WrongUse where no event can lie between them."""
    begun, ended = moment(since, "--since"), moment(until, "--until", is_end=True)
    if begun is not None and begun > time.time() + CLOCKS_DIFFER:
        raise WrongUse(f"--since {since} lies in the future: no event has come in since then")
    if begun is not None and ended is not None and begun > ended:
        raise WrongUse(f"--since {since} is after --until {until}: no event lies between them")
    return begun, ended


def exactly(seconds: float) -> str:
    """A moment as an option takes it, not a microsecond too early."""
    return datetime.fromtimestamp(math.ceil(seconds * 1e6) / 1e6, UTC).isoformat()


def span(text: str) -> int | None:
    """The seconds of `90s`, `30m`, `24h`, `7d` or `2w`; None for anything else."""
    found = AGO.fullmatch(text)
    return int(found[1]) * UNIT_SECONDS[found[2]] if found else None


def moment(text: str | None, option: str, *, is_end: bool = False) -> float | None:
    """Unix seconds of `2h` (ago) or of an ISO 8601 time, UTC where it names no zone.

    An end that was cut to a second or a millisecond, as tables show it, is the end of that one.
    Raises WrongUse.
    """
    if text is None:
        return None
    if (ago := span(text)) is not None:
        return time.time() - ago
    try:
        # RFC 3339 takes small letters as well.
        at = datetime.fromisoformat(text.upper())
        found = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise WrongUse(
            f"{option} {text!r} is no time: say 90s, 30m, 2h or 7d for so long ago, "
            "or 2026-01-31T08:00 (UTC)"
        ) from error
    cut = CUT.search(text.upper())
    if is_end and cut is not None:
        digits = len(cut[1] or "")
        found += 10.0**-digits - 1e-6 if digits < 6 else 0.0
    return found
