"""A destination of the demo's own: takes events over HTTP, proves them, and keeps what it saw.

It verifies as a stranger would, with nothing but its secret and the two published schemes, and
shares no code with what signs.
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

from spectrum_cli.local.loopback import LoopbackHandler, LoopbackServer

LARGEST_BODY = 10 * 1024 * 1024
# Seconds that a signature's timestamp may be away from this clock.
WINDOW = 300


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request that came in: what it carried, whether it was genuine, and the answer it got."""

    event_key: str
    body: bytes = field(repr=False)
    v0_verifies: bool
    standard_verifies: bool
    status: int

    @property
    def taken(self) -> bool:
        return self.status == 200


class Consumer:
    """An HTTP server on a free port of the loopback address.

    It answers 503 to the first `refusals` requests for each event, 401 to what does not verify,
    and 200 to the rest.
    """

    def __init__(self, name: str, secret: str, *, refusals: int = 0) -> None:
        self.name = name
        self.secret = secret
        self.refusals = refusals
        self._lock = threading.Lock()
        self._arrivals: list[Arrival] = []
        self._requests: Counter[bytes] = Counter()
        self._taken: set[bytes] = set()
        consumer = self

        class Handler(_ConsumerHandler):
            owner = consumer

        self._server = LoopbackServer(Handler)

    @property
    def url(self) -> str:
        return f"http://{self._server.address}/{self.name}"

    def start(self) -> None:
        self._server.start(f"consumer-{self.name}")

    def stop(self) -> None:
        self._server.stop()

    def arrivals(self) -> list[Arrival]:
        """All requests so far, in the order they were answered."""
        with self._lock:
            return list(self._arrivals)

    def counts(self) -> tuple[int, int]:
        """How many different bodies have been taken, and in how many requests came all."""
        with self._lock:
            return len(self._taken), len(self._arrivals)

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Note one request, its header names in lower case; return the status for it."""
        v0, standard = (
            verify_v0(self.secret, headers, body),
            verify_standard(self.secret, headers, body),
        )
        digest = hashlib.sha256(body).digest()
        with self._lock:
            self._requests[digest] += 1
            refused = self._requests[digest] <= self.refusals
            status = 503 if refused else 200 if v0 else 401
            if status == 200:
                self._taken.add(digest)
            self._arrivals.append(
                Arrival(headers.get("webhook-id", ""), body, v0, standard, status)
            )
        return status


class _ConsumerHandler(LoopbackHandler):
    owner: Consumer

    def do_POST(self) -> None:
        body = self.read_body(LARGEST_BODY)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.answer(self.owner.take(headers, body), b"", [])


def verify_v0(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether Spectrum's own signature is there and right, and its timestamp fresh."""
    timestamp = headers.get("x-spectrum-timestamp", "")
    signed = b"v0:" + timestamp.encode() + b":" + body
    expected = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return _fresh(timestamp) and _same(expected, headers.get("x-spectrum-signature", ""))


def verify_standard(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the Standard Webhooks signature is there and right, and its timestamp fresh."""
    event_key, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signed = f"{event_key}.{timestamp}.".encode() + body
    digest = hmac.new(base64.b64decode(secret), signed, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode()
    return _fresh(timestamp) and _same(expected, headers.get("webhook-signature", ""))


def _fresh(timestamp: str) -> bool:
    return timestamp.isdecimal() and abs(time.time() - int(timestamp)) <= WINDOW


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
