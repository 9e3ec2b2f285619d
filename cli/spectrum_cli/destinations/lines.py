"""Lines as commands and pages see them: who waits for whom, since when; and having one drained."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spectrum_cli.stack.table_clock import table_clock
from spectrum_cli.stack.target import Target
from spectrum_cli.stack.wiring import event_queue, health_board, new_owner, waiting_lines
from spectrum_cli.terminal.output import counted, iso, note

if TYPE_CHECKING:
    from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
    from spectrum_forwarder.adapters.waiting_table import DynamoLines
    from spectrum_forwarder.domain.line import Line
    from spectrum_forwarder.domain.log import LoggedEvent

# Counting costs a read unit for a few hundred places: more are not counted.
COUNTED = 20_000
# Of an ordered destination so many conversations are looked at, and so many places of each.
CONVERSATIONS, OF_EACH = 200, 200
# So long after its last holder has let it go (seconds), a line is taken for one that drains.
DRAINING = 60.0


@dataclass(frozen=True, slots=True)
class Queue:
    """A destination's line: how many stand in it, and since when its head does (Unix seconds).

    `pace` is how many a second go on now, 0 where nobody knows of any; `more` says that there are
    more than were counted.
    """

    deliveries: int
    since: float
    pace: float = 0.0
    more: bool = False

    @property
    def ends_in(self) -> float | None:
        """Seconds until all of them have gone on, at this pace; None where nobody goes on."""
        return self.deliveries / self.pace if self.pace else None

    def document(self) -> dict[str, Any]:
        """For programs."""
        ends_in = None if self.more else self.ends_in
        return {
            "deliveries": self.deliveries,
            "since": iso(self.since),
            "per_second": self.pace or None,
            "done_at": None if ends_in is None else iso(time.time() + ends_in),
        }

    def in_words(self) -> str:
        """For people, in short: `1200 for 3 h, 9.5/s, done in 2 min`."""
        waited, plus = _for_so_long(time.time() - self.since), "+" if self.more else ""
        words = f"{self.deliveries}{plus} for {waited}"
        if self.ends_in is None:
            return words
        return f"{words}, {self.pace:.2g}/s, done in {_for_so_long(self.ends_in)}{plus}"


class Resting:
    """Conversations' lines that rest until their heads' retries, at these destinations or all."""

    def __init__(self, identities: Iterable[str] | None) -> None:
        self.lines: set[str] = set()
        self._identities = None if identities is None else list(identities)

    def see(self, events: Iterable[LoggedEvent], now: float) -> None:
        """Look at these events."""
        from spectrum_forwarder.replay import resting_in  # noqa: PLC0415 (not for --help)

        for event in events:
            among = (event.deliveries or ()) if self._identities is None else self._identities
            for identity in among:
                if line := resting_in(event, identity, now):
                    self.lines.add(line)


def queues_of(target: Target, board: DynamoHealthBoard) -> dict[str, Queue]:
    """The lines that stand, by destination's identity; none where the stack is of before them.

    `board` is the stack's; what was just read of it is not read again.
    """
    places, found = waiting_lines(target), dict[str, Queue]()
    if places is None:
        return {}
    for identity, line in _standing(board).items():
        if heads := places.first(identity, limit=1):
            number, more = _count(places, identity)
            pace = line.pace if time.time() - line.paced_at < DRAINING else 0.0
            found[identity] = Queue(number, heads[0].stood_at, pace, more)
    return found


def drain(
    target: Target,
    identities: Iterable[str] | None = None,
    *,
    but: Collection[str | None] = (),
) -> list[str]:
    """Have lines drained now (all that stand, or these, `but` those): which were hinted at.

    Where a hint fails, the sweeper does it within a minute.
    """
    from spectrum_forwarder.domain.errors import Unavailable  # noqa: PLC0415
    from spectrum_forwarder.domain.line import hint_to  # noqa: PLC0415

    wanted = None if identities is None else set(identities)
    queue, hinted = event_queue(target), list[str]()
    try:
        for identity in _standing(health_board(target)):
            if identity not in but and (wanted is None or identity in wanted):
                queue.send_hint(hint_to(identity), slow=True)
                hinted.append(identity)
    except Unavailable as error:
        note(f"a hint was lost, so lines drain within a minute instead of now: {error}")
    return hinted


def rouse(target: Target, conversations: Iterable[str]) -> int:
    """Have these lines of conversations go on, whose heads wait for a retry; how many do so now.

    Where that fails, they go on by themselves when their time has come.
    """
    from spectrum_forwarder.domain.errors import Unavailable  # noqa: PLC0415
    from spectrum_forwarder.replay import rouse  # noqa: PLC0415

    places, roused = waiting_lines(target), 0
    if places is None:
        return 0
    queue, clock, owner = event_queue(target), table_clock(target), new_owner()
    try:
        for line in conversations:
            roused += rouse(line, places, queue, owner=owner, now=clock())
    except Unavailable as error:
        note(f"some conversations go on when their retry is due, and not before: {error}")
    return roused


def told(count: int) -> str:
    """What is said of lines that were hinted at."""
    return f"{counted(count, 'line')} will be drained now, oldest first" if count else ""


def _count(places: DynamoLines, identity: str) -> tuple[int, bool]:
    """How many deliveries wait for a destination, one at least, and whether there are more.

    At an ordered one whose way is closed a conversation has one place, and its events a line.
    """
    from spectrum_forwarder.domain.line import line_hinted_at  # noqa: PLC0415 (not for --help)
    from spectrum_forwarder.domain.order import MARKED  # noqa: PLC0415

    number = places.count(identity, limit=COUNTED)
    more = number >= COUNTED
    marks = places.first(identity, limit=CONVERSATIONS + 1, after=MARKED)
    for mark in marks[:CONVERSATIONS]:
        _, standing = places.look(line_hinted_at(mark.event_key) or "", limit=OF_EACH)
        number += len(standing) - 1
        more = more or len(standing) >= OF_EACH
    return max(1, number), more or len(marks) > CONVERSATIONS


def _standing(board: DynamoHealthBoard) -> dict[str, Line]:
    board.load()
    return dict(board.lines())


def _for_so_long(seconds: float) -> str:
    for length, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
