"""Lambda's Runtime API for one worker: the server that its runtime client asks for work.

Owns the protocol only: `hand_over` makes an invocation available to the worker's next call, and
what the worker says about it comes out of `outcomes`. Who waits how long is the pool's business.
"""

from __future__ import annotations

import hmac
import json
import queue
import secrets
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

from spectrum_cli.local.guard import refusal_for_pages
from spectrum_cli.local.loopback import LoopbackHandler, LoopbackServer

PREFIX = "/2018-06-01/runtime"
LARGEST_ANSWER = 16 * 1024 * 1024


@dataclass(frozen=True)
class Invocation:
    """One event for one worker. `deadline_ms` is Unix time in milliseconds, `trace` a header."""

    request_id: str
    payload: bytes
    deadline_ms: int
    function_arn: str
    trace: str


@dataclass(frozen=True)
class Answered:
    """The handler returned; `payload` is its JSON."""

    payload: bytes


@dataclass(frozen=True)
class Failed:
    """The handler, or the module around it, raised; `payload` is the error as JSON."""

    payload: bytes


@dataclass(frozen=True)
class Exited:
    """The worker's process ended; `status` as `subprocess` has it (negative: a signal)."""

    status: int


Outcome = Answered | Failed | Exited


class RuntimeApi:
    """The Runtime API of one worker, on a port of its own, below a path that only it knows.

    Whoever else asks, a process of another user or a web page, gets no event and ends none.
    """

    def __init__(self) -> None:
        self._password = secrets.token_hex(20)
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.initialised = threading.Event()
        self._inbox: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._current: Invocation | None = None
        api = self

        class Handler(_RuntimeHandler):
            runtime = api
            # A worker may wait for its next event for hours.
            timeout = None

        self._server = LoopbackServer(Handler)
        self._server.start(f"runtime-api-{self._server.port}")

    @property
    def address(self) -> str:
        """What AWS_LAMBDA_RUNTIME_API has to be in the worker's environment."""
        return f"{self._server.address}/{self._password}"

    def path_for(self, request: BaseHTTPRequestHandler) -> str | None:
        """The path below the worker's own; None if it is not the worker that asks."""
        password, _, path = request.path.removeprefix("/").partition("/")
        known = hmac.compare_digest(password.encode(), self._password.encode())
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        foreign = refusal_for_pages(host=host, origin=origin)
        return f"/{path}" if known and not foreign else None

    def hand_over(self, invocation: Invocation) -> None:
        self._inbox.put(invocation)

    def has_fetched(self, invocation: Invocation) -> bool:
        """Whether the worker has got this invocation: before that, nothing of it has happened."""
        return self._current is invocation

    def close(self) -> None:
        self._inbox.put(None)
        self._server.stop()

    def next_invocation(self) -> Invocation | None:
        """Block until there is work; None when the API closes."""
        self.initialised.set()
        invocation = self._inbox.get()
        self._current = invocation
        return invocation

    def settle(self, request_id: str, outcome: Outcome) -> bool:
        """Take what the worker says about its current invocation; False if it isn't that one."""
        if self._current is None or self._current.request_id != request_id:
            return False
        self.outcomes.put(outcome)
        return True


class _RuntimeHandler(LoopbackHandler):
    runtime: RuntimeApi

    def do_GET(self) -> None:
        path = self.runtime.path_for(self)
        if path is None:
            self.refuse(403, "Forbidden")
            return
        if path != f"{PREFIX}/invocation/next":
            self.answer_json(404, {"errorType": "InvalidPath"})
            return
        invocation = self.runtime.next_invocation()
        if invocation is None:
            self.close_connection = True
            return
        headers = [
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", invocation.function_arn),
            # The runtime makes it an environment variable, which botocore looks at for each call.
            ("Lambda-Runtime-Trace-Id", invocation.trace),
        ]
        self.answer(200, invocation.payload, headers)

    def do_POST(self) -> None:
        payload = self.read_body(LARGEST_ANSWER)
        path = self.runtime.path_for(self)
        if path is None:
            self.refuse(403, "Forbidden")
            return
        if path == f"{PREFIX}/init/error":
            self.runtime.outcomes.put(Failed(payload))
            self.answer_json(202, {"status": "OK"})
            return
        request_id, _, verb = path.removeprefix(f"{PREFIX}/invocation/").partition("/")
        outcomes: dict[str, Outcome] = {"response": Answered(payload), "error": Failed(payload)}
        if verb not in outcomes or not self.runtime.settle(request_id, outcomes[verb]):
            self.answer_json(400, {"errorType": "InvalidRequestID"})
            return
        self.answer_json(202, {"status": "OK"})


def error_payload(error_type: str, text: str) -> bytes:
    """The JSON that Lambda makes for a failure that the function itself could not report."""
    return json.dumps({"errorType": error_type, "errorMessage": text}).encode()
