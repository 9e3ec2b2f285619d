"""What no page waits for: read in the background while somebody looks, and kept until the next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class ReadBehind(Generic[T]):
    """`latest` is what was read last, `trouble` what the last reading failed with.

    A look has it read anew where the last reading began `every` seconds ago (by `clock`) and has
    ended. `read` is None where there is nothing to be asked; `name` is that of its thread.
    """

    def __init__(
        self,
        read: Callable[[], T] | None,
        explain: Callable[[Exception], str],
        clock: Callable[[], float],
        *,
        name: str,
        every: float,
        latest: T,
    ) -> None:
        self.latest, self.trouble = latest, ""
        self._name, self._every = name, every
        self._read, self._explain, self._clock = read, explain, clock
        self._begun_at = float("-inf")
        self._reading = threading.Lock()

    @property
    def asks(self) -> bool:
        """Whether there is anything to be asked."""
        return self._read is not None

    def look(self) -> T:
        """What was read last; has it read anew in the background when that is a while ago."""
        due = self._clock() - self._begun_at >= self._every
        if self._read and due and self._reading.acquire(blocking=False):
            self._begun_at = self._clock()
            threading.Thread(
                target=self._refresh, args=(self._read,), name=self._name, daemon=True
            ).start()
        return self.latest

    def anew(self) -> None:
        """Something was changed: have the next look read."""
        self._begun_at = float("-inf")

    def _refresh(self, read: Callable[[], T]) -> None:
        try:
            self.latest, self.trouble = read(), ""
        except Exception as error:  # told on the page; tried again soon
            self.trouble = self._explain(error)
        finally:
            self._reading.release()
