"""Time that passes only while all wait: real code in tasks of its own, one running at any moment.

Owns the clock and whose turn it is. What happens at the same moment happens in the order in which
it was put off, so that a run is the same each time. Tasks are greenlets: code that knows nothing of
them waits in the middle of its calls, and no thread is made or woken.
"""

from __future__ import annotations

import functools
import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from greenlet import getcurrent, greenlet

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass
class Making(Generic[Made]):
    """What a task makes, and who waits for it."""

    made: list[Made] = field(default_factory=list)
    awaited_by: greenlet | None = None


class Timeline:
    """A clock in Unix seconds, and the tasks that live by it; whoever makes it runs it."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.began = self.now = now
        self._order = itertools.count()
        self._agenda: list[tuple[float, int, greenlet]] = []
        # Those that wait for another, and for no time.
        self._waiting: set[greenlet] = set()
        self._watcher = getcurrent()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait, and let others have their turn meanwhile."""
        self._put_off(getcurrent(), seconds)
        self._watcher.switch()

    def begin(self, action: Callable[[], object]) -> None:
        """Run something as a task of its own, from now on."""
        self._put_off(greenlet(action, self._watcher))

    def _put_off(self, task: greenlet, seconds: float = 0.0) -> None:
        heapq.heappush(self._agenda, (self.now + seconds, next(self._order), task))

    def run(self, seconds: float) -> None:
        """Let so much time pass, then end all that is under way; raise what a task raised."""
        end = self.now + seconds
        try:
            while self._agenda and self._agenda[0][0] <= end:
                self.now, _, task = heapq.heappop(self._agenda)
                task.switch()
        finally:
            for task in {*(task for _, _, task in self._agenda), *self._waiting}:
                task.throw()

    def in_parallel(
        self, make: Callable[[Given], Made], given: Iterable[Given], /
    ) -> Iterator[Made]:
        """As an executor's `map` with a thread for each; one alone needs no task of its own."""
        if isinstance(given, Sequence) and len(given) == 1:
            yield make(given[0])
            return
        making: list[Making[Made]] = []

        def apply(to: Given, into: Making[Made]) -> None:
            into.made.append(make(to))
            if into.awaited_by is not None:
                self._put_off(into.awaited_by)

        for each in given:
            into = Making[Made]()
            making.append(into)
            self.begin(functools.partial(apply, each, into))
        for into in making:
            if not into.made:
                into.awaited_by = task = getcurrent()
                self._waiting.add(task)
                self._watcher.switch()
                self._waiting.discard(task)
            yield into.made[0]
