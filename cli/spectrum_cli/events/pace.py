"""Work on many events at once, no faster than asked for, and with nothing begun after Ctrl-C."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 8


class Pace:
    """Lets callers of any thread through at `rate` a second, evenly."""

    def __init__(self, rate: float) -> None:
        self._interval = 1.0 / rate
        self._lock = threading.Lock()
        self._next = time.monotonic()

    def wait(self) -> None:
        """Return when it is this caller's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(self._next, now)
            self._next = turn + self._interval
        time.sleep(max(0.0, turn - now))


def at_pace(
    work: Callable[[Item], Result], items: Iterable[Item], *, rate: float
) -> Iterator[Result]:
    """Yield the results of `work` on every item, as they come; raises what `work` raises."""
    pace = Pace(rate)
    stopping = threading.Event()

    def one(item: Item) -> Result | None:
        pace.wait()
        return None if stopping.is_set() else work(item)

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for done in as_completed([pool.submit(one, item) for item in items]):
            result = done.result()
            if result is not None:
                yield result
    finally:
        stopping.set()
        pool.shutdown(wait=True, cancel_futures=True)
