"""A destination of the demo's own: proves what comes in by both schemes, and remembers it.

It can be shaky: then it refuses the first requests for each event, as a service does that is
just being restarted.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from spectrum_cli.local import consumer as local

WINDOW_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Arrival:
    """One attempt as it came in: what it carried, whether it was genuine, and its answer."""

    event_key: str
    body: bytes = field(repr=False)
    v0_verifies: bool
    standard_verifies: bool
    status: int

    @property
    def taken(self) -> bool:
        return self.status == 200


class Consumer:
    """A consumer on loopback that answers 503 to the first `refusals` attempts of each event."""

    def __init__(self, name: str, secret: str, *, refusals: int = 0) -> None:
        self.name = name
        self.secret = secret
        self.refusals = refusals
        self._lock = threading.Lock()
        self._arrivals: list[Arrival] = []
        self._attempts: Counter[bytes] = Counter()
        self._taken: set[bytes] = set()
        self._server = local.Consumer(secret, self._answer)

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def arrivals(self) -> list[Arrival]:
        """All attempts so far, in the order in which they were answered."""
        with self._lock:
            return list(self._arrivals)

    def counts(self) -> tuple[int, int]:
        """How many different bodies have been taken, and how many attempts there were in all."""
        with self._lock:
            return len(self._taken), len(self._arrivals)

    def _answer(self, received: local.Received) -> int:
        standard = verify_standard(self.secret, received.headers, received.body)
        with self._lock:
            self._attempts[received.body] += 1
            refused = self._attempts[received.body] <= self.refusals
            status = 503 if refused else local.accept_verified(received)
            if status == 200:
                self._taken.add(received.body)
            self._arrivals.append(
                Arrival(received.event_key, received.body, received.verified, standard, status)
            )
        return status


def verify_standard(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the Standard Webhooks signature is there and right, and its timestamp fresh.

    Written after the published rule, apart from the forwarder's own code that signs.
    """
    sent_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    # Its signed text is divided by full stops, so none may stand in the id.
    if "." in sent_id:
        return False
    if not (timestamp.isascii() and timestamp.isdigit()):
        return False
    if abs(time.time() - int(timestamp)) > WINDOW_SECONDS:
        return False
    signed = f"{sent_id}.{timestamp}.".encode("latin-1") + body
    digest = hmac.new(base64.b64decode(secret), signed, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    return hmac.compare_digest(expected, headers.get("webhook-signature", "").encode("latin-1"))
