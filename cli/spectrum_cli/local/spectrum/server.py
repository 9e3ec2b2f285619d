"""Spectrum's management API over HTTP: login, rate limit, both forms of its paths."""

from __future__ import annotations

import base64
import json
import random
import secrets
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal, Self

from spectrum_cli.local.loopback import LoopbackHandler, LoopbackServer
from spectrum_cli.local.spectrum.registered import Registered
from spectrum_cli.local.spectrum.registrations import Answer, Registrations, Rules
from spectrum_cli.local.spectrum.sender import Delivered, deliver
from spectrum_cli.samples.requests import make_body

RATE_LIMIT = 5
LARGEST_BODY = 64 * 1024
SENDERS = 32
# Paths that the real one has not: `deliver` sends the body (or a sample) to every webhook that is
# enabled, `disable/{id}/{reason}` does what failures may do.
CONTROL = "/stand-in/"
# Addresses of the documentation's own range: nothing is sent from there.
EGRESS = ("192.0.2.10", "192.0.2.11")
NOT_FOUND: Answer = (404, {"succeed": False, "message": "Not found", "code": "NOT_FOUND"})


class Spectrum:
    """A context manager: one project's API at `url`, and its deliveries.

    `slash` says which forms of paths there are; `pace` scales the pauses between attempts;
    `monotonic` is the clock of the rate limit (None for no limit), `clock` that of everything else.
    """

    def __init__(
        self,
        *,
        pace: float = 1.0,
        rate_limit: int | None = RATE_LIMIT,
        rules: Rules | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.project_id = str(uuid.uuid4())
        self.project_secret = secrets.token_urlsafe(24)
        self.webhooks = Registrations(rules or Rules(), clock)
        self.slash: Literal["both", "with", "without"] = "both"
        self.rate_limit = rate_limit
        self.pace = pace
        self._monotonic = monotonic
        self._times: deque[float] = deque()
        self._lock = threading.Lock()
        self._senders = ThreadPoolExecutor(SENDERS)
        self._server = LoopbackServer(type("Handler", (self.handler(),), {"spectrum": self}))

    @staticmethod
    def handler() -> type[ApiHandler]:
        """What answers a request."""
        return ApiHandler

    @property
    def registrations(self) -> dict[str, Registered]:
        """By id, oldest first."""
        return self.webhooks.by_id

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

    def start(self) -> None:
        self._server.start("spectrum")

    def stop(self) -> None:
        self._senders.shutdown(wait=False, cancel_futures=True)
        self._server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._senders.shutdown(cancel_futures=True)
        self._server.stop()

    def add(self, url: str) -> Registered:
        """Register a URL from the side, as through the dashboard."""
        return self.webhooks.add(url)

    def throttled(self) -> bool:
        """Whether this request is one too many for a second."""
        now = self._monotonic()
        with self._lock:
            while self._times and now - self._times[0] > 1:
                self._times.popleft()
            self._times.append(now)
            return self.rate_limit is not None and len(self._times) > self.rate_limit

    def deliver(self, body: bytes) -> list[Future[Delivered]]:
        """Send an event to every registration that is enabled, at once and in any order."""
        everyone = [one for one in self.webhooks.all() if one.enabled]
        random.shuffle(everyone)
        return [self._senders.submit(deliver, one, body, pace=self.pace) for one in everyone]

    def answer(self, method: str, path: str, login: str, body: bytes) -> Answer:
        """What the API answers."""
        root = f"/projects/{self.project_id}/webhooks"
        pair = base64.b64encode(f"{self.project_id}:{self.project_secret}".encode()).decode()
        if self.throttled():
            return 429, {"succeed": False, "message": "Too many requests"}
        if login != f"Basic {pair}":
            return 401, {"succeed": False, "message": "Unauthorized"}
        if path.startswith(CONTROL):
            return self._controlled(method, path.removeprefix(CONTROL).split("/"), body)
        odd = self.slash != "both" and path.endswith("/") != (self.slash == "with")
        if odd or not (path + "/").startswith(root + "/"):
            return NOT_FOUND
        return self._called(method, path.removeprefix(root).strip("/").split("/"), body)

    def _called(self, method: str, parts: list[str], body: bytes) -> Answer:
        webhooks = self.webhooks
        match method, parts:
            case "GET", [""]:
                return webhooks.list()
            case "GET", ["egress-ips"] if webhooks.rules.newest:
                return 200, {"succeed": True, "data": {"addresses": list(EGRESS)}}
            case "DELETE", [webhook_id]:
                return webhooks.delete(webhook_id)
        return self._changed(method, parts, _read(body))

    def _controlled(self, method: str, parts: list[str], body: bytes) -> Answer:
        """What Spectrum does by itself, on demand: deliveries, and disabling after failures."""
        match method, parts:
            case "POST", ["deliver"]:
                sent = [future.result() for future in self.deliver(body or make_body("text"))]
                rows = [
                    {"webhookId": one.webhook_id, "status": one.status, "attempts": one.attempts}
                    for one in sent
                ]
                return 200, {"succeed": True, "data": rows}
            case "POST", ["disable", webhook_id, reason] if self.webhooks.disable(
                webhook_id, reason
            ):
                return 200, {"succeed": True, "data": {"id": webhook_id}}
        return NOT_FOUND

    def _changed(self, method: str, parts: list[str], asked: Any) -> Answer:
        match method, parts:
            case "POST", [""]:
                return self.webhooks.register(asked)
            case "PATCH", [webhook_id]:
                return self.webhooks.patch(webhook_id, asked)
            case "POST", [webhook_id, "secret", "rotate"]:
                return self.webhooks.rotate(webhook_id, asked)
        return NOT_FOUND


class ApiHandler(LoopbackHandler):
    """One request to the API."""

    spectrum: Any

    def do_GET(self) -> None:
        self.respond(self.read_body(LARGEST_BODY))

    do_POST = do_PATCH = do_DELETE = do_GET

    def respond(self, body: bytes) -> None:
        """Answer as the API does."""
        self.answer_json(*self.worked_out(body))

    def worked_out(self, body: bytes) -> tuple[int, Mapping[str, object]]:
        """Do what is asked; the answer's status and content."""
        login = self.headers.get("Authorization", "")
        answer: Answer = self.spectrum.answer(self.command, self.path, login, body)
        return answer


def _read(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        return None
