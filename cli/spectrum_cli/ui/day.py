"""The last day in numbers, of what is remembered of the log, kept fresh in the background.

No request for a page reads for them: it gets the last summary, which says how far back it reaches.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from spectrum_forwarder.domain.delivery import Status

from spectrum_cli.ui.memory import Memory, View

HOUR = 3600.0
HOURS = 24
DAY = HOURS * HOUR
# Events that are counted, the newest.
MOST_EVENTS = 50_000

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some times and the one that one in twenty is beyond, in milliseconds."""

    p50: int
    p95: int


@dataclass(frozen=True, slots=True)
class Times:
    """Of what was delivered: how long the attempts took that did it, and how long it was since the
    event had come. Deliveries that were replayed are left out of the latter, which may be None.
    """

    attempt: Spread
    after: Spread | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts by hour, the oldest hour first: all events, and each destination's by status.

    `begins` is when the first hour begins, `since` how far back events were read (Unix seconds).
    `reading` is true while there is more to read, `full` where no more is counted. Destinations
    stand by identity. So many events as `behind` stand otherwise than they are counted.
    """

    begins: float
    since: float
    reading: bool
    full: bool
    accepted: Sequence[int]
    destinations: Mapping[str, Sequence[Counts]]
    times: Mapping[str, Times]
    behind: int = 0

    def total(self, identity: str, status: Status) -> int:
        """A destination's deliveries that stand so."""
        return sum(hour.get(status, 0) for hour in self.destinations.get(identity, ()))


def sum_up(view: View, now: float, *, most: int = MOST_EVENTS) -> Summary:
    """The day before `now` (Unix seconds), of the newest events at most."""
    begins = (now // HOUR - HOURS + 1) * HOUR
    accepted = [0] * HOURS
    counted: dict[str, Counted] = defaultdict(Counted)
    full, since = view.full and view.edge > begins, max(view.edge, begins)
    for number, row in enumerate(view.rows):
        if row.received_at < begins:
            break
        if number == most:
            full, since = True, view.rows[number - 1].received_at
            break
        # Receivers' clocks differ: what came a moment hence has come in this hour.
        hour = min(int((row.received_at - begins) // HOUR), HOURS - 1)
        accepted[hour] += 1
        for identity, stand in row.stands.items():
            of = counted[identity]
            of.hours[hour][stand.status] += 1
            if stand.attempt is not None:
                of.attempts.append(stand.attempt)
            if stand.after is not None:
                of.afters.append(stand.after)
    return Summary(
        begins,
        min(since, now),
        view.reading and not full and since > begins,
        full,
        accepted,
        {identity: of.hours for identity, of in counted.items()},
        {identity: of.times() for identity, of in counted.items() if of.attempts},
        view.behind,
    )


@dataclass(slots=True)
class Counted:
    """One destination's deliveries."""

    hours: list[Counter[str]] = field(default_factory=lambda: [Counter() for _ in range(HOURS)])
    attempts: list[int] = field(default_factory=list)
    afters: list[int] = field(default_factory=list)

    def times(self) -> Times:
        """How long those took that were delivered; there is at least one."""
        return Times(_spread(self.attempts), _spread(self.afters) if self.afters else None)


def _spread(times: list[int]) -> Spread:
    times.sort()
    return Spread(times[len(times) // 2], times[int(0.95 * len(times))])


class Day:
    """What is remembered, and the last day of it. `step` is for one thread at a time."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.summary: Summary | None = None

    @property
    def reading(self) -> bool:
        """Whether there is more to read at once."""
        return self.memory.view.reading or self.memory.view.behind > 0

    def step(self) -> None:
        """Read on, in bounds; raise TableUnavailable."""
        self.memory.step()
        self.summary = sum_up(self.memory.view, self.memory.clock())


class KeptFresh:
    """Steps in a thread of its own for as long as somebody looks.

    `trouble` is what the last step failed with, for the page to say.
    """

    EVERY, HASTE, PATIENCE = 4.0, 0.1, 60.0
    # Seconds after a step in which a search goes by what it left.
    FRESH = 10.0

    def __init__(self, day: Day, explain: Callable[[Exception], str]) -> None:
        self.day = day
        self.trouble = ""
        self._explain = explain
        self._clock = day.memory.clock
        self._looked_at = self._stepped_at = float("-inf")
        self._stepping = threading.Lock()
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
        self._looked_at = self._clock()
        self._wanted.set()
        return self.day.summary

    def view(self) -> View:
        """What is remembered, some seconds old at most; keeps it fresh as `look` does.

        Makes one step where that is older; raises TableUnavailable.
        """
        self.look()
        if self._clock() - self._stepped_at > self.FRESH:
            with self._stepping:
                if self._clock() - self._stepped_at > self.FRESH:
                    self._step()
        return self.day.memory.view

    def _step(self) -> None:
        self.day.step()
        self._stepped_at = self._clock()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wanted.wait()
            if self._clock() - self._looked_at > self.PATIENCE:
                self._wanted.clear()
                continue
            try:
                with self._stepping:
                    if not self._stopping.is_set():
                        self._step()
                self.trouble = ""
            except Exception as error:  # told on the page; the next step tries again
                self.trouble = self._explain(error)
            self._stopping.wait(self.HASTE if self.day.reading and not self.trouble else self.EVERY)
