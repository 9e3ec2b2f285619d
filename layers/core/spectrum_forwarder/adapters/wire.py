"""The wire to AWS: what botocore has signed goes out over kept connections, and its answer back.

botocore makes, signs, retries and reads every call; all that is replaced is its HTTP session, which
costs a third of a warm event's CPU (docs/performance.md) for pools, proxies and streams that nobody
here has. It is done where botocore offers it, at its `before-send` event, and only for requests of
the plainest kind: bytes that are POSTed or PUT. The rest goes through botocore's own session, and
so does a host whose answers turn out not to be of the plainest kind.
"""

import contextlib
import io
import math
import select
import socket
import ssl
import time
import weakref
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)

from spectrum_forwarder.adapters.budget import Budget
from spectrum_forwarder.adapters.plain_http import (
    Answer,
    NotPlain,
    Unanswered,
    dial,
    exchange,
    left,
)
from spectrum_forwarder.domain.ports import Clock

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

PORTS = {"http": 80, "https": 443}
# Seconds by the clock on the wall after which an idle connection is not trusted: an instance that
# was frozen does not know what became of it, and would wait for its answer in vain.
TRUSTED_IDLE = 20.0
METHODS = ("POST", "PUT")
# Names and values, as they are sent.
Headers = Iterable[tuple[str, str]]


class Wire:
    """Connections by host, each carrying one call at a time; safe from several threads.

    `ca_bundle` is a file of PEM certificates. A connection, its handshake included, may take
    `connect_seconds`, and to send a request and read its answer `read_seconds`; both no longer than
    the `budget` has left. `clock` is the one on the wall.
    """

    def __init__(
        self,
        ca_bundle: str,
        *,
        connect_seconds: float,
        read_seconds: float,
        budget: Budget | None = None,
        clock: Clock = time.time,
    ) -> None:
        self._context = ssl.create_default_context(cafile=ca_bundle)
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._budget = budget
        self._clock = clock
        self._idle: defaultdict[str, list[tuple[socket.socket, float]]] = defaultdict(list)
        weakref.finalize(self, _close, self._idle)
        self._left_alone: set[str] = set()

    def send(
        self, request: "AWSPreparedRequest", event_name: str = "", **_: object
    ) -> "AWSResponse | None":
        """Handle botocore's `before-send`; None leaves the request to botocore's own session."""
        from botocore.awsrequest import AWSResponse  # noqa: PLC0415 (loaded already, by botocore)

        url = urlsplit(request.url)
        body = request.body.getvalue() if isinstance(request.body, io.BytesIO) else request.body
        plain = request.method in METHODS and not request.stream_output
        if not plain or not isinstance(body, bytes) or self.leaves_alone(url):
            return None
        headers = (
            (name, value.decode("latin-1") if isinstance(value, bytes) else value)
            for name, value in request.headers.items()
        )
        answer = self.ask(request.method, url, headers, body, event=event_name)
        return AWSResponse(
            request.url,
            answer.status,
            answer.headers,  # type: ignore[arg-type]  # any mapping will do
            _Whole(answer.body),
        )

    def leaves_alone(self, url: SplitResult) -> bool:
        """Whether this host has given an answer that is not read here: botocore's session can."""
        return url.netloc in self._left_alone

    def ask(
        self, method: str, url: SplitResult, headers: Headers, body: bytes, *, event: str
    ) -> Answer:
        """Send a signed request and read its answer; `event` is botocore's name for this moment.

        Raises what botocore's session raises, so that calls are tried again as ever:
        ConnectTimeoutError, EndpointConnectionError, SSLError, ReadTimeoutError,
        ConnectionClosedError, and HTTPClientError where the host is left alone from now on.
        """
        message = _head(method, url, headers) + body
        ends = time.monotonic() + (self._budget.left(event) if self._budget else math.inf)
        try:
            connection, answer = self._ask(url, message, ends)
        except BotoCoreError:  # some are OSErrors, too
            raise
        except NotPlain as error:
            self._left_alone.add(url.netloc)
            raise HTTPClientError(error=error) from error
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=url.geturl(), error=error) from error
        except OSError as error:
            raise ConnectionClosedError(endpoint_url=url.geturl(), error=error) from error
        if answer.is_last:
            connection.close()
        else:
            self._idle[url.netloc].append((connection, self._clock()))
        return answer

    def _ask(self, url: SplitResult, message: bytes, ends: float) -> tuple[socket.socket, Answer]:
        """Ask by `ends` (on the monotonic clock), over a kept connection if there is one."""
        kept = self._kept(url.netloc)
        if kept is not None:
            # It may have been closed while this instance was frozen, and not be known to be yet.
            with contextlib.suppress(Unanswered):
                return kept, exchange(kept, message, self._ends(self._read_seconds, ends))
        connection = self._connect(url, self._ends(self._connect_seconds, ends))
        return connection, exchange(connection, message, self._ends(self._read_seconds, ends))

    @staticmethod
    def _ends(seconds: float, latest: float) -> float:
        return min(time.monotonic() + seconds, latest)

    def _kept(self, host: str) -> socket.socket | None:
        now = self._clock()
        with contextlib.suppress(IndexError):  # none is left
            while True:
                connection, since = self._idle[host].pop()
                if 0 <= now - since <= TRUSTED_IDLE and not _has_something_to_say(connection):
                    return connection
                connection.close()
        return None

    def _connect(self, url: SplitResult, ends: float) -> socket.socket:
        try:
            return self._open(url, ends)
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=url.geturl(), error=error) from error
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=url.geturl(), error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=url.geturl(), error=error) from error

    def _open(self, url: SplitResult, ends: float) -> socket.socket:
        connection = dial(str(url.hostname), url.port or PORTS[url.scheme], ends)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if url.scheme == "https":
                connection.settimeout(left(ends))
                connection = self._context.wrap_socket(connection, server_hostname=url.hostname)
        except BaseException:
            connection.close()
            raise
        return connection


class _Whole:
    """An answer's body as botocore wants to read it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> list[bytes]:
        return [self._body]


def _close(idle: dict[str, list[tuple[socket.socket, float]]]) -> None:
    for connections in idle.values():
        while connections:
            connections.pop()[0].close()


def _has_something_to_say(idle: socket.socket) -> bool:
    """Whether the other side has closed the connection, or said something that nobody asked for."""
    waiting = select.poll()
    waiting.register(idle, select.POLLIN)
    return bool(waiting.poll(0))


def host_of(url: SplitResult) -> str:
    """What the header `Host` says of a URL."""
    port = f":{url.port}" if url.port not in (None, PORTS[url.scheme]) else ""
    return (f"[{url.hostname}]" if ":" in str(url.hostname) else str(url.hostname)) + port


def _head(method: str, url: SplitResult, headers: Headers) -> bytes:
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {host_of(url)}",
        "Accept-Encoding: identity",
    ]
    # The body goes with its head: nobody is asked whether it may come.
    said = ("expect", "host")
    lines += [f"{name}: {text}" for name, text in headers if name.lower() not in said]
    if any("\r" in line or "\n" in line for line in lines):
        raise HTTPClientError(error="a header with a line break in it cannot be sent")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
