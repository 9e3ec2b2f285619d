"""What the pages remember of the log, in short: a search need not read it.

A walk goes through the log's index, from the newest entry to the oldest, and reads the events that
are not known yet; from time to time another one finds what was stored late, and forgets what has
gone. Each step reads what is new, a bounded part of the walk, and looks again at what has changed:
whatever owes work has an entry in an index of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import attrgetter

from spectrum_forwarder.domain.delivery import Status
from spectrum_forwarder.domain.log import EventLog
from spectrum_forwarder.domain.ports import Clock

from spectrum_cli.ui.rows import Row, row_of

# Events that are remembered, some 700 bytes each; and for how long how they stand is (seconds).
MOST_ROWS, STANDS_KEPT = 200_000, 86_400.0
# Index entries arrive late and receivers' clocks differ: so far before the newest is read again.
OVERLAP = 20.0
# Entries that a step reads at once, and how often; the first step reads few, to show something.
PORTION, FIRST_PORTION, MOST_PORTIONS = 1000, 100, 3
# Seconds from a look at what is new to the next while there is more to read, and from the end of a
# walk to the next.
PEEK_EVERY, WALK_EVERY = 4.0, 600.0
# Events that a step looks at again: those that have changed, and in turn those that may have.
MOST_CHANGED, IN_TURN = 2000, 300
# Entries of the index of what owes work that are read in a step; beyond it, all are looked at in
# turn.
MOST_OWED = 20_000
ORDER = attrgetter("order")


@dataclass(frozen=True, slots=True)
class View:
    """What is remembered, at one moment: every event received after `edge`, the newest first.

    Times are Unix seconds. `whole` says that there are no others; `reading` that there is more to
    read at once. `behind` is how many events are known to stand otherwise than they do here.
    """

    rows: Sequence[Row] = ()
    edge: float = float("inf")
    whole: bool = False
    reading: bool = True
    full: bool = False
    behind: int = 0


@dataclass(slots=True)
class Stretch:
    """A part of the log to be walked: from `reached` back to `since`, where `cursor` goes on.

    One that is walked `again` was read before.
    """

    since: float
    reached: float
    cursor: str | None = None
    again: bool = False


class Memory:
    """`step` is for one thread at a time; `view` for any."""

    def __init__(self, log: EventLog, clock: Clock, *, most: int = MOST_ROWS) -> None:
        self.clock = clock
        self.view = View()
        self._log = log
        self._most = most
        self._rows: dict[str, Row] = {}
        self._owing: set[str] = set()
        self._has_changed = True
        self._stretches: list[Stretch] = []
        self._newest: float | None = None
        self._peeked_at = self._walked_at = 0.0
        # How far back is remembered, where there is no room for more.
        self._floor = float("-inf")
        # The keys to look at again in turn; a dict, to hold each once.
        self._turn: dict[str, None] = {}

    def step(self) -> None:
        """Read on: at most a few portions, however much there is; raise TableUnavailable."""
        now = self.clock()
        first = self._newest is None
        if self._newest is None:
            self._newest = now
            self._stretches.append(Stretch(float("-inf"), float("inf")))
        elif not self._stretches or now - self._peeked_at >= PEEK_EVERY:
            self._peeked_at = now
            self._stretches.append(Stretch(self._newest - OVERLAP, float("inf")))
            if len(self._stretches) == 1 and now - self._walked_at > WALK_EVERY:
                self._stretches.insert(0, Stretch(float("-inf"), float("inf"), again=True))
        for _ in range(1 if first else MOST_PORTIONS):
            if self._stretches:
                self._walk(self._stretches[-1], FIRST_PORTION if first else PORTION, now)
        behind = 0 if first else self._look_again(now)
        self._forget()
        self._show(behind)

    def _walk(self, stretch: Stretch, limit: int, now: float) -> None:
        since = max(stretch.since, self._floor)
        listed = self._log.listed(limit=limit, cursor=stretch.cursor, since=max(since, 0.0))
        unknown = [key for key, _ in listed.events if key not in self._rows]
        self._read(unknown, now)
        before, stretch.cursor = stretch.reached, listed.cursor
        stretch.reached = since if listed.cursor is None else listed.events[-1][1]
        if stretch.again:
            there = {key for key, _ in listed.events}
            self._drop(
                key
                for key, row in self._rows.items()
                if stretch.reached < row.received_at < min(before, now - OVERLAP)
                and key not in there
            )
        is_whole = stretch.since == float("-inf")
        # Where nothing is new any more, that begins which was read, or is another stretch.
        if listed.cursor is None or not (unknown or is_whole):
            self._stretches.remove(stretch)
            if is_whole:
                self._walked_at = now

    def _look_again(self, now: float) -> int:
        """At what has changed, and at some that may have; how many changed ones are left."""
        owed = list(islice(chain.from_iterable(self._log.owing_keys()), MOST_OWED + 1))
        changed: list[str] = []
        if len(owed) <= MOST_OWED:
            changed = list(self._owing.symmetric_difference(owed))
        if self._is_full:
            # Those of others are older than what is remembered.
            changed = [key for key in changed if key in self._rows]
        turn = list(islice(self._turn, IN_TURN))
        for key in turn:
            del self._turn[key]
        wanted = dict.fromkeys([*changed[:MOST_CHANGED], *turn])
        self._read(list(wanted), now)
        return len(changed[MOST_CHANGED:])

    def _read(self, keys: Sequence[str], now: float) -> None:
        found = {event.event_key: event for event in self._log.get_all(keys)}
        self._drop(key for key in keys if key not in found)
        for event in found.values():
            lately = event.received_at >= now - STANDS_KEPT
            row = row_of(event, with_stands=lately)
            self._put(row)
            self._newest = max(self._newest or 0.0, row.received_at)
            # What owes may change at one of its destinations; a dead letter may be replayed.
            dead = any(stand.status is Status.DEAD_LETTERED for stand in row.stands.values())
            if lately and (row.owes or dead):
                self._turn[row.key] = None

    def _put(self, row: Row) -> None:
        self._rows[row.key] = row
        self._has_changed = True
        if row.owes:
            self._owing.add(row.key)
        else:
            self._owing.discard(row.key)

    def _drop(self, keys: Iterable[str]) -> None:
        for key in list(keys):
            self._owing.discard(key)
            self._has_changed = self._rows.pop(key, None) is not None or self._has_changed

    def _forget(self) -> None:
        """Let go of the oldest where there is too much."""
        if len(self._rows) > self._most:
            newest_first = sorted(self._rows.values(), key=ORDER)
            self._drop([row.key for row in newest_first[self._most :]])
            self._floor = newest_first[self._most - 1].received_at
            self._stretches = [one for one in self._stretches if one.reached > self._floor]

    def _show(self, behind: int) -> None:
        unread = [stretch.reached for stretch in self._stretches if not stretch.again]
        edge = max([self._floor, *unread])
        rows = self.view.rows
        if self._has_changed or edge != self.view.edge:
            rows = sorted(self._rows.values(), key=ORDER)
            del rows[bisect_left(rows, (-edge, ""), key=ORDER) :]
            self._has_changed = False
        whole = not unread and not self._is_full
        self.view = View(rows, edge, whole, bool(unread), self._is_full, behind)

    @property
    def _is_full(self) -> bool:
        return self._floor > float("-inf")
