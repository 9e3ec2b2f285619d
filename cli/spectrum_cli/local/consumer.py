"""A destination of the local stack's own: takes deliveries over HTTP and says what it got.

It verifies as any Spectrum receiver would, from the published rule alone and not with the
forwarder's own code, so that a mistake there cannot hide itself here.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spectrum_cli.local.loopback import (
    BodyTooLarge,
    LoopbackHandler,
    LoopbackServer,
    MalformedRequest,
)

LARGEST_BODY = 16 * 1024 * 1024
FRESH_SECONDS = 300


@dataclass(frozen=True)
class Received:
    """One attempt as the consumer saw it; `headers` have lower-case names."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    verified: bool
    at: float

    @property
    def event_key(self) -> str:
        # No full stop goes out, and no key holds a `~`.
        return self.headers.get("webhook-id", "").replace("~", ".")


# An HTTP status, and what the answer says beside it.
Answered = int | tuple[int, str]


def accept_verified(received: Received) -> int:
    """The status that a well-behaved consumer answers."""
    return 200 if received.verified else 401


class Consumer:
    """An HTTP server on a free loopback port. `answer` is called for every attempt, from many
    threads, and returns the HTTP status, with an error's text if there is one; it may take its
    time, as real consumers do.
    """

    def __init__(
        self, secret: str, answer: Callable[[Received], Answered] = accept_verified
    ) -> None:
        self.secret = secret
        self.answer = answer
        consumer = self

        class Handler(_ConsumerHandler):
            owner = consumer

        self._server = LoopbackServer(Handler)

    @property
    def url(self) -> str:
        return f"http://{self._server.address}/events"

    def start(self) -> None:
        self._server.start("consumer")

    def stop(self) -> None:
        self._server.stop()


class _ConsumerHandler(LoopbackHandler):
    owner: Consumer

    def do_POST(self) -> None:
        try:
            body = self.read_body(LARGEST_BODY)
        except (BodyTooLarge, MalformedRequest):
            self.refuse(400, "Bad Request")
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        verified = _verifies(self.owner.secret, headers, body)
        answered = self.owner.answer(Received(self.path, headers, body, verified, time.time()))
        status, error = answered if isinstance(answered, tuple) else (answered, None)
        self.answer_json(status, {"verified": verified} | ({"error": error} if error else {}))


def _verifies(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    timestamp = headers.get("x-spectrum-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit()):
        return False
    if abs(time.time() - int(timestamp)) > FRESH_SECONDS:
        return False
    signed = f"v0:{timestamp}:".encode() + body
    expected = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    given = headers.get("x-spectrum-signature", "")
    return hmac.compare_digest(expected.encode(), given.encode("latin-1"))
