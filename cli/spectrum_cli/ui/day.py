"""The last day in numbers, kept up to date in the background with bounded reads.

A step reads what is new, goes on backwards through the day where that is not done, and looks again
at some of the events that were not settled well. No request for a page ever reads for it: it gets
the last summary, which says how far back it reaches.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from spectrum_forwarder.domain.delivery import Status
from spectrum_forwarder.domain.log import EventLog, LoggedEvent
from spectrum_forwarder.domain.ports import Clock

HOUR = 3600.0
HOURS = 24
DAY = HOURS * HOUR
# Index entries arrive late and receivers' clocks differ: so far before the newest is read again.
OVERLAP = 20.0
PORTION = 100
# Portions that one step reads at most, and the events that are kept in memory.
MOST_PORTIONS = 3
MOST_EVENTS = 50_000
# Events that one step looks at again, in three reads: after an outage hundreds wait.
AGAIN = 300

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """An event as the summary needs it: when, and how each delivery stands, by identity."""

    received_at: float
    stands: Mapping[str, Status]


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts by hour, the oldest hour first: all events, and each destination's by status.

    `begins` is when the first hour begins, `since` how far back events were read (Unix seconds).
    `reading` is true while there is more to read, `full` where no more is kept. Destinations stand
    by identity. What is waiting or dead-lettered may stand as it was so many steps ago.
    """

    begins: float
    since: float
    reading: bool
    full: bool
    accepted: Sequence[int]
    destinations: Mapping[str, Sequence[Counts]]
    steps_behind: int = 0

    def total(self, identity: str, status: Status) -> int:
        """A destination's deliveries that stand so."""
        return sum(hour.get(status, 0) for hour in self.destinations.get(identity, ()))


@dataclass(slots=True)
class Gap:
    """Events that were not read yet: after `cursor`, received `since` or later."""

    cursor: str | None
    since: float


class Day:
    """The events of the last day, in short. `step` is for one thread, `summary` for any."""

    def __init__(self, log: EventLog, clock: Clock, *, most: int = MOST_EVENTS) -> None:
        self.clock = clock
        self.summary: Summary | None = None
        self._log = log
        self._most = most
        self._lines: dict[str, Line] = {}
        # The keys of those to look at again, in turn; a dict, to hold each once.
        self._again: dict[str, None] = {}
        self._newest: float | None = None
        self._gaps: list[Gap] = []
        self._full = False

    @property
    def reading(self) -> bool:
        """Whether there is more to read than the next step is sure to read."""
        return self._newest is None or bool(self._gaps)

    def step(self) -> None:
        """Read on: at most a few portions, however much there is; raise TableUnavailable."""
        now = self.clock()
        if self._newest is None:
            self._newest = now
            self._gaps.append(Gap(None, now - DAY))
            portions = 1  # so that there is something to show at once
        else:
            self._gaps.append(Gap(None, self._newest - OVERLAP))
            portions = MOST_PORTIONS
        for _ in range(portions):
            if self._gaps:
                self._read(self._gaps[-1])
        if not self._gaps:
            self._look_again()
        self._forget(now)
        self.summary = self._sum_up(now)

    def _read(self, gap: Gap) -> None:
        page = self._log.newest(limit=PORTION, cursor=gap.cursor, since=gap.since)
        # Where nothing is new any more, another gap begins, or what was read before.
        known = [event.event_key in self._lines for event in page.events]
        seen = bool(known) and all(known)
        self._keep(page.events)
        gap.cursor = page.cursor
        if gap.cursor is None or seen:
            self._gaps.remove(gap)

    def _look_again(self) -> None:
        """Events still owed, and dead letters that may have been replayed, in turn."""
        keys = list(self._again)[:AGAIN]
        for key in keys:
            del self._again[key]
        wanted = [key for key in keys if key in self._lines]
        found = {event.event_key: event for event in self._log.get_all(wanted)}
        for key in wanted:
            if key not in found:
                del self._lines[key]
        self._keep(list(found.values()))

    def _keep(self, events: Sequence[LoggedEvent]) -> None:
        for event in events:
            deliveries = event.deliveries or {}
            stands = {identity: delivery.status for identity, delivery in deliveries.items()}
            self._lines[event.event_key] = Line(event.received_at, stands)
            self._newest = max(self._newest or 0.0, event.received_at)
            if not event.settled or Status.DEAD_LETTERED in stands.values():
                self._again[event.event_key] = None
            else:
                self._again.pop(event.event_key, None)

    def _forget(self, now: float) -> None:
        """Let go of what is older than a day, and of the oldest where there is too much."""
        kept = {key: line for key, line in self._lines.items() if line.received_at >= now - DAY}
        if len(kept) > self._most:
            newest = sorted(kept, key=lambda key: kept[key].received_at)[-self._most :]
            kept = {key: kept[key] for key in newest}
            self._full = True
            self._gaps.clear()
        self._lines = kept

    def _sum_up(self, now: float) -> Summary:
        begins = (now // HOUR - HOURS + 1) * HOUR
        accepted = [0] * HOURS
        counts: dict[str, list[Counter[str]]] = {}
        for line in self._lines.values():
            hour = int((line.received_at - begins) // HOUR)
            if not 0 <= hour < HOURS:
                continue
            accepted[hour] += 1
            for identity, status in line.stands.items():
                if identity not in counts:
                    counts[identity] = [Counter() for _ in range(HOURS)]
                counts[identity][hour][status] += 1
        since = begins
        if self._full or self._gaps:
            since = min((line.received_at for line in self._lines.values()), default=now)
        behind = len(self._again) // AGAIN
        return Summary(
            begins, max(since, begins), self.reading, self._full, accepted, counts, behind
        )


class KeptFresh:
    """Steps in a thread of its own for as long as somebody looks.

    `trouble` is what the last step failed with, for the page to say.
    """

    EVERY, HASTE, PATIENCE = 4.0, 0.1, 60.0

    def __init__(self, day: Day, explain: Callable[[Exception], str]) -> None:
        self.day = day
        self.trouble = ""
        self._explain = explain
        self._looked_at = 0.0
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="overview", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after the step that is under way."""
        self._stopping.set()
        self._wanted.set()
        self._thread.join(10)

    def look(self) -> Summary | None:
        """The latest summary; keeps it fresh for another minute."""
        self._looked_at = self.day.clock()
        self._wanted.set()
        return self.day.summary

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wanted.wait()
            if self.day.clock() - self._looked_at > self.PATIENCE:
                self._wanted.clear()
                continue
            try:
                if not self._stopping.is_set():
                    self.day.step()
                self.trouble = ""
            except Exception as error:  # told on the page; the next step tries again
                self.trouble = self._explain(error)
            self._stopping.wait(self.HASTE if self.day.reading and not self.trouble else self.EVERY)
