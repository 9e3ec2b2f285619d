"""The steps of a run: each is printed with its time, and the first that fails ends it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")
PAUSE = 0.1


class Failed(Exception):
    """What was promised did not come; the text says what was seen instead."""


class Steps:
    """Prints to standard output as it goes."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """One step; what fails in it is told under its title. What it gives takes notes."""
        began = time.monotonic()
        notes: list[str] = []
        try:
            yield notes.append
        except Failed as failure:
            raise Failed(f"{title}: {failure}") from failure
        noted = f" ({'; '.join(notes)})" if notes else ""
        print(f"{time.monotonic() - began:7.1f} s  {title}{noted}", flush=True)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began


def expect(what: str, seen: object, wanted: object) -> None:
    """Raise Failed unless both are equal."""
    if seen != wanted:
        raise Failed(f"{what}: {seen!r} instead of {wanted!r}")


def wait_until(what: str, look: Callable[[], T | None], seconds: float = 90.0) -> T:
    """What `look` returns once it is true; raise Failed if it is not in so many seconds."""
    until = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > until:
            raise Failed(f"{what}: not within {seconds:.0f} s")
        time.sleep(PAUSE)
    return found
