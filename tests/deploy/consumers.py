"""Real consumers of a run: HTTP servers on loopback that verify, and remember what they took."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator

from spectrum_cli.local.consumer import Consumer, Received

from tests.deploy.steps import wait_until


class Taking:
    """A consumer; `refusing` makes it answer 503 for as long as that is true."""

    def __init__(self) -> None:
        self.secret = secrets.token_hex(32)
        self.refusing = False
        self._lock = threading.Lock()
        self._taken: dict[str, list[Received]] = {}
        self._unverified = 0
        self.server = Consumer(self.secret, self._answer)

    def _answer(self, received: Received) -> int:
        if self.refusing:
            return 503
        with self._lock:
            if not received.verified:
                self._unverified += 1
                return 401
            self._taken.setdefault(received.event_key, []).append(received)
        return 200

    @property
    def keys(self) -> set[str]:
        """The events that it has taken."""
        with self._lock:
            return set(self._taken)

    @property
    def unverified(self) -> int:
        return self._unverified

    def times(self, key: str) -> int:
        with self._lock:
            return len(self._taken.get(key, ()))

    def has_body(self, body: bytes) -> bool:
        with self._lock:
            return any(each.body == body for taken in self._taken.values() for each in taken)

    def wait_for(self, key: str, *, times: int = 1, seconds: float = 90.0) -> bytes:
        """Wait until an event was taken so often; return its newest body."""
        wait_until(f"the delivery of {key}", lambda: self.times(key) >= times, seconds)
        with self._lock:
            return self._taken[key][-1].body


@contextlib.contextmanager
def taking() -> Iterator[Taking]:
    consumer = Taking()
    consumer.server.start()
    try:
        yield consumer
    finally:
        consumer.server.stop()
