"""The HTTP front of the local stack: takes requests as API Gateway's HTTP API does.

Owns the server, its limits and its errors. What a request looks like to a function, and a
function's result to a client, is `http_event`'s.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from spectrum_cli.local.deployment import RouteSpec
from spectrum_cli.local.functions import FunctionPool, PoolStopped, Throttled
from spectrum_cli.local.http_event import (
    WITHOUT_BODY,
    Answer,
    MalformedAnswer,
    Request,
    to_answer,
    to_event,
)
from spectrum_cli.local.http_routes import Match, Routes
from spectrum_cli.local.loopback import LoopbackHandler, LoopbackServer
from spectrum_cli.local.worker import LogLine

# API Gateway's own limit, and Lambda's for a synchronous event with everything around the body.
LARGEST_BODY = 10 * 1024 * 1024
LARGEST_EVENT = 6 * 1024 * 1024
# HTTP APIs give an integration at most 30 s.
INTEGRATION_SECONDS = 30.0
SOURCE = "front"


class Front:
    """The API on loopback. Port 0 picks a free port; a taken one raises OSError.

    The port is open from the beginning, and whoever connects waits until `start`.
    """

    def __init__(self, log: LogLine, port: int = 0) -> None:
        self._routes = Routes([])
        self._pools: Mapping[str, FunctionPool] = {}
        self._log = log
        front = self

        class Handler(_FrontHandler):
            api = front

        self._server = LoopbackServer(Handler, port)

    @property
    def url(self) -> str:
        """The API's address without a path."""
        return f"http://{self._server.address}"

    @property
    def address(self) -> str:
        return self._server.address

    def start(self, routes: Sequence[RouteSpec], pools: Mapping[str, FunctionPool]) -> None:
        """Serve `routes` with the pools of their functions, by logical id."""
        self._routes = Routes(routes)
        self._pools = pools
        self._server.start("front")

    def stop(self) -> None:
        self._server.stop()

    def match(self, request: Request) -> Match | None:
        return self._routes.match(request.method, request.path)

    def answer(self, request: Request, match: Match) -> Answer:
        """Invoke the route's function and return what API Gateway would answer."""
        payload = json.dumps(to_event(request, match), ensure_ascii=False).encode()
        if len(payload) > LARGEST_EVENT:
            return _error(413, "Request Entity Too Large")
        pool = self._pools[match.route.function]
        try:
            result = pool.invoke(payload, wait_seconds=INTEGRATION_SECONDS)
        except (Throttled, PoolStopped):
            return _error(503, "Service Unavailable")
        if result.failed:
            return _error(500, "Internal Server Error")
        try:
            return to_answer(result.payload)
        except MalformedAnswer as error:
            self._log(SOURCE, f"{match.route.function}: {error}")
            return _error(500, "Internal Server Error")

    def note(self, request: Request, status: int, began: float) -> None:
        took = (time.perf_counter() - began) * 1000
        path = request.target.partition("?")[0]
        # The target is the client's text: nothing of it may break the line.
        printable = path.encode("ascii", "backslashreplace").decode()
        self._log(SOURCE, f"{request.method} {printable} {status} in {took:.0f} ms")


class _FrontHandler(LoopbackHandler):
    api: Front

    def handle_request(self) -> None:
        began = time.perf_counter()
        body = self.read_or_refuse(LARGEST_BODY)
        if body is None:
            return
        request = Request(
            method=self.command,
            target=self.path,
            protocol=self.request_version,
            headers=self.headers.items(),
            body=body,
            client=str(self.client_address[0]),
            host=self.headers.get("host", self.api.address),
        )
        match = self.api.match(request)
        answer = self.api.answer(request, match) if match else _error(404, "Not Found")
        # HTTP/1.1 answers of these statuses end with their headers.
        self.answer(
            answer.status, answer.body, answer.headers, length=answer.status not in WITHOUT_BODY
        )
        self.api.note(request, answer.status, began)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_request

    def handle_expect_100(self) -> bool:
        declared = self.headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared) > LARGEST_BODY:
            # The body has not been sent yet, and need not be.
            self.refuse(413, "Request Entity Too Large")
            return False
        return super().handle_expect_100()


def _error(status: int, text: str) -> Answer:
    body = json.dumps({"message": text}, separators=(",", ":")).encode()
    return Answer(status, [("Content-Type", "application/json")], body)
