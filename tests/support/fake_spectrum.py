"""A stand-in for Spectrum: its management API with all that may go wrong, and its deliveries.

It does what CONTRACT.md says: errors, rate limit, slashes, a secret that is shown once; and every
event goes to all registered URLs at the same time, signed, with the sender's own retries.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import random
import secrets
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Self
from urllib.parse import urlsplit

from spectrum_cli.local.loopback import LoopbackHandler, LoopbackServer

RATE_LIMIT = 5
LARGEST_BODY = 64 * 1024
# Seconds between the six attempts.
PAUSES = (0.2, 1.0, 5.0, 10.0, 10.0)

# An HTTP status, an answer that is lost before or after the work is done, or an answer that is
# no JSON.
Fault = int | Literal["lost_before", "lost_after", "garbage"]


@dataclass(frozen=True)
class Registered:
    """One registration."""

    id: str
    url: str
    secret: str = field(repr=False)
    created_at: str

    def listed(self) -> dict[str, str]:
        return {
            "id": self.id,
            "webhookUrl": self.url,
            "createdAt": self.created_at,
            "updatedAt": self.created_at,
        }


@dataclass(frozen=True)
class Delivered:
    """What came of one event at one registration; `status` is the last attempt's, None for none."""

    body: bytes = field(repr=False)
    webhook_id: str
    status: int | None
    attempts: int

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class FakeSpectrum:
    """A context manager. `slash` says which forms of URLs there are; `pace` scales the pauses."""

    def __init__(self, *, pace: float = 1.0, rate_limit: int | None = RATE_LIMIT) -> None:
        self.project_id = str(uuid.uuid4())
        self.project_secret = secrets.token_urlsafe(24)
        self.registrations: dict[str, Registered] = {}
        self.calls: list[tuple[str, str]] = []
        self.faults: dict[str, deque[Fault]] = {"GET": deque(), "POST": deque(), "DELETE": deque()}
        self.slash: Literal["both", "with", "without"] = "both"
        self.rate_limit = rate_limit
        self.pace = pace
        self._times: deque[float] = deque()
        self._lock = threading.Lock()
        self._senders = ThreadPoolExecutor(32)
        owner = self

        class Handler(_Api):
            spectrum = owner

        self._server = LoopbackServer(Handler)

    @property
    def url(self) -> str:
        return f"http://{self._server.address}"

    @property
    def environment(self) -> dict[str, str]:
        """What the command needs to find it."""
        return {
            "SPECTRUM_API_URL": self.url,
            "SPECTRUM_PROJECT_ID": self.project_id,
            "SPECTRUM_PROJECT_SECRET": self.project_secret,
        }

    def __enter__(self) -> Self:
        self._server.start("spectrum")
        return self

    def __exit__(self, *_: object) -> None:
        self._senders.shutdown(cancel_futures=True)
        self._server.stop()

    def add(self, url: str) -> Registered:
        """Register a URL from the side, as through the dashboard."""
        now = datetime.now(UTC).isoformat()
        registered = Registered(str(uuid.uuid4()), url, secrets.token_hex(32), now)
        with self._lock:
            self.registrations[registered.id] = registered
        return registered

    def remove(self, webhook_id: str) -> bool:
        with self._lock:
            return self.registrations.pop(webhook_id, None) is not None

    def throttled(self) -> bool:
        """Whether this request is one too many for a second."""
        now = time.monotonic()
        with self._lock:
            while self._times and now - self._times[0] > 1:
                self._times.popleft()
            self._times.append(now)
            return self.rate_limit is not None and len(self._times) > self.rate_limit

    def deliver(self, body: bytes) -> list[Future[Delivered]]:
        """Send an event to every registration there is, at the same time and in any order."""
        with self._lock:
            everyone = list(self.registrations.values())
        random.shuffle(everyone)
        return [self._senders.submit(self._deliver, one, body) for one in everyone]

    def _deliver(self, registered: Registered, body: bytes) -> Delivered:
        status, attempts = None, 0
        for pause in (*PAUSES, None):
            status, attempts = post(registered, body), attempts + 1
            again = status is None or status in (408, 429) or status >= 500
            if not again or pause is None:
                break
            time.sleep(pause * self.pace)
        return Delivered(body, registered.id, status, attempts)


def post(registered: Registered, body: bytes) -> int | None:
    """One attempt, signed anew from the published rule alone; None where no answer came."""
    parts, timestamp = urlsplit(registered.url), str(int(time.time()))
    signed = f"v0:{timestamp}:".encode() + body
    digest = hmac.new(registered.secret.encode(), signed, hashlib.sha256).hexdigest()
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "spectrum-webhook/0.1.0",
        "X-Spectrum-Event": "messages",
        "X-Spectrum-Webhook-Id": registered.id,
        "X-Spectrum-Timestamp": timestamp,
        "X-Spectrum-Signature": f"v0={digest}",
    }
    try:
        connection.request("POST", parts.path, body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class _Api(LoopbackHandler):
    spectrum: FakeSpectrum

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body, spectrum = self.read_body(LARGEST_BODY), self.spectrum
        spectrum.calls.append((self.command, self.path))
        faults = spectrum.faults[self.command]
        fault = faults.popleft() if faults else None
        if fault == "lost_before":
            self._leave()
            return
        if isinstance(fault, int):
            self.answer_json(fault, {"message": "made to fail", "code": f"E{fault}"})
            return
        status, content = self._work(body)
        if fault == "lost_after":
            self._leave()
        elif fault == "garbage":
            self.answer(200, b"<html>hello</html>", [("Content-Type", "text/html")])
        else:
            self.answer_json(status, content)

    def _leave(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _work(self, body: bytes) -> tuple[int, Mapping[str, object]]:
        return self._refusal() or self._done(body)

    def _refusal(self) -> tuple[int, Mapping[str, object]] | None:
        spectrum = self.spectrum
        if spectrum.throttled():
            return 429, {"message": "Too many requests"}
        pair = f"{spectrum.project_id}:{spectrum.project_secret}".encode()
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(pair).decode():
            return 401, {"message": "Unauthorized"}
        odd = spectrum.slash != "both" and self.path.endswith("/") != (spectrum.slash == "with")
        if odd or not self.path.startswith(self._root()):
            return 404, {"message": "Not found"}
        return None

    def _root(self) -> str:
        return f"/projects/{self.spectrum.project_id}/webhooks"

    def _done(self, body: bytes) -> tuple[int, Mapping[str, object]]:
        rest = self.path.removeprefix(self._root()).strip("/")
        match self.command:
            case "GET" if not rest:
                listed = [one.listed() for one in self.spectrum.registrations.values()]
                return 200, {"succeed": True, "data": listed}
            case "POST" if not rest:
                return self._register(body)
            case "DELETE" if rest and self.spectrum.remove(rest):
                return 200, {"succeed": True, "data": {"id": rest}}
        return 404, {"message": "Not found", "code": "NOT_FOUND"}

    def _register(self, body: bytes) -> tuple[int, Mapping[str, object]]:
        url = str(json.loads(body).get("webhookUrl"))
        if not url.startswith(("http://", "https://")):
            return 422, {"message": "webhookUrl must be a URL"}
        if any(one.url == url for one in self.spectrum.registrations.values()):
            return 409, {"message": "URL already registered", "code": "CONFLICT"}
        made = self.spectrum.add(url)
        return 200, {"succeed": True, "data": {**made.listed(), "signingSecret": made.secret}}
