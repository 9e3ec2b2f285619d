"""Time that passes only while all wait: threads of real code, one running at any moment.

Owns the clock and whose turn it is. What happens at the same moment happens in the order in which
it was put off, so that a run is the same each time.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def held() -> Lock:
    """What whoever waits for it is let go by, once, when another releases it."""
    lock = Lock()
    lock.acquire()
    return lock


@dataclass
class Making(Generic[Made]):
    """What a thread makes, and what wakes whoever waits for it."""

    made: list[Made] = field(default_factory=list)
    awaited_by: Lock | None = None


class Timeline:
    """A clock in Unix seconds, and the threads that live by it."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.began = self.now = now
        self._order = itertools.count()
        self._agenda: list[tuple[float, int, Lock]] = []
        self._end = now
        self._over = held()
        self._threads: set[threading.Thread] = set()
        # Who waits for another, and for no time.
        self._waiting: set[Lock] = set()
        self._ending = False
        self.errors: list[BaseException] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait, and let others have their turn meanwhile."""
        awake = held()
        heapq.heappush(self._agenda, (self.now + seconds, next(self._order), awake))
        self._wait(awake)

    def _wait(self, awake: Lock) -> None:
        self._wake_next()
        awake.acquire()
        if self._ending:
            raise SystemExit

    def _wake_next(self) -> None:
        """Hand the turn over: to whoever is next, or where all is over to `run`."""
        if self._agenda and self._agenda[0][0] <= self._end and not self.errors:
            self.now, _, awake = heapq.heappop(self._agenda)
            awake.release()
        else:
            self._over.release()

    def begin(self, action: Callable[[], object]) -> None:
        """Run something in a thread of its own, from now on."""
        awake = held()

        def live() -> None:
            awake.acquire()
            try:
                if not self._ending:
                    action()
            except SystemExit:
                pass
            except BaseException as error:  # raised again where the run is watched
                self.errors.append(error)
            finally:
                if not self._ending:
                    self._threads.discard(thread)
                    self._wake_next()

        thread = threading.Thread(target=live, daemon=True)
        self._threads.add(thread)
        thread.start()
        heapq.heappush(self._agenda, (self.now, next(self._order), awake))

    def run(self, seconds: float) -> None:
        """Let so much time pass, then end all that is under way; raise what a thread raised."""
        self._end = self.now + seconds
        self._wake_next()
        self._over.acquire()
        self._ending = True
        for awake in {*(awake for _, _, awake in self._agenda), *self._waiting}:
            awake.release()
        for thread in self._threads:
            thread.join(10)
        if self.errors:
            raise self.errors[0]

    def in_parallel(
        self, make: Callable[[Given], Made], given: Iterable[Given], /
    ) -> Iterator[Made]:
        """As an executor's `map` with a thread for each; one alone needs none of its own."""
        if isinstance(given, Sequence) and len(given) == 1:
            yield make(given[0])
            return
        making: list[Making[Made]] = []

        def apply(to: Given, into: Making[Made]) -> None:
            into.made.append(make(to))
            if into.awaited_by is not None:
                heapq.heappush(self._agenda, (self.now, next(self._order), into.awaited_by))

        for each in given:
            into = Making[Made]()
            making.append(into)
            self.begin(functools.partial(apply, each, into))
        for into in making:
            if not into.made:
                into.awaited_by = awake = held()
                self._waiting.add(awake)
                self._wait(awake)
                self._waiting.discard(awake)
            yield into.made[0]
