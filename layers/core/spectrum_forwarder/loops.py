"""Loops: what this stack has forwarded itself is known when it comes back."""

import hmac

from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.notes import Notebook
from spectrum_forwarder.domain.ports import Clock
from spectrum_forwarder.domain.via import joined, mark_of, marks_in

# Seconds until a key that could not be read is looked for again: nobody must wait for it each time.
PAUSE_AFTER_FAILURE = 10.0


class Loops:
    """Makes the stack's marks, and knows them again. Without the key neither is done."""

    def __init__(self, notes: Notebook, clock: Clock) -> None:
        self._notes = notes
        self._clock = clock
        self._key: bytes | None = None
        self._failed_at = float("-inf")

    def marked(self, via: str | None, body: bytes) -> str | None:
        """The marks to send a body with that came with `via`."""
        key = self._read_key()
        return joined([*marks_in(via), *([mark_of(key, body)] if key else [])])

    def comes_back(self, via: str, body: bytes) -> bool:
        """Whether this stack has forwarded this body already; costs nothing without a mark."""
        marks = marks_in(via)
        key = self._read_key() if marks else None
        if key is None:
            return False
        own = mark_of(key, body)
        return any(hmac.compare_digest(own, mark) for mark in marks)

    def _read_key(self) -> bytes | None:
        now = self._clock()
        if self._key is None and now - self._failed_at >= PAUSE_AFTER_FAILURE:
            try:
                self._key = self._notes.read().loop_key
            except TableUnavailable:
                self._failed_at = now
        return self._key
