"""The wire to AWS: what botocore has signed goes out over kept connections, and its answer back.

botocore makes, signs, retries and reads every call; all that is replaced is its HTTP session, which
costs a third of a warm event's CPU (docs/performance.md) for pools, proxies and streams that nobody
here has. It is done where botocore offers it, at its `before-send` event, and only for requests of
the plainest kind: a POST of bytes. The rest goes through botocore's own session, and so does a host
whose answers turn out not to be of the plainest kind.
"""

import contextlib
import select
import socket
import ssl
import weakref
from collections import defaultdict
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)

PORTS = {"http": 80, "https": 443}
# Bytes: of the head of an answer at most, and read in one go.
LONGEST_HEAD, READ_SIZE = 65_536, 65_536


class NotPlain(Exception):
    """The answer is none that is read here, such as one that does not say its length."""


class Unanswered(OSError):
    """The connection was closed before an answer had begun."""


class Answer(NamedTuple):
    """An answer; headers by their names in lower case. `is_last` says that the connection is."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_last: bool


class Wire:
    """Connections by host, each carrying one call at a time; safe from several threads.

    `ca_bundle` is a file of PEM certificates. Making a connection may take `connect_seconds`, as
    may its handshake; each wait for more of an answer `read_seconds`.
    """

    def __init__(self, ca_bundle: str, *, connect_seconds: float, read_seconds: float) -> None:
        self._context = ssl.create_default_context(cafile=ca_bundle)
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._idle: defaultdict[str, list[socket.socket]] = defaultdict(list)
        weakref.finalize(self, _close, self._idle)
        self._left_alone: set[str] = set()

    def send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        """Handle botocore's `before-send`; None leaves the request to botocore's own session.

        Raises what that session raises, so that botocore retries as ever: ConnectTimeoutError,
        EndpointConnectionError, SSLError, ReadTimeoutError, ConnectionClosedError.
        """
        url = urlsplit(request.url)
        plain = request.method == "POST" and not request.stream_output
        if not plain or not isinstance(request.body, bytes) or url.netloc in self._left_alone:
            return None
        message = _head(request, url) + request.body
        try:
            connection, answer = self._ask(url, message)
        except BotoCoreError:  # some are OSErrors, too
            raise
        except NotPlain as error:
            self._left_alone.add(url.netloc)
            raise HTTPClientError(error=error) from error
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except OSError as error:
            raise ConnectionClosedError(endpoint_url=request.url, error=error) from error
        if answer.is_last:
            connection.close()
        else:
            self._idle[url.netloc].append(connection)
        return AWSResponse(
            request.url,
            answer.status,
            answer.headers,  # type: ignore[arg-type]  # any mapping will do
            _Whole(answer.body),
        )

    def _ask(self, url: SplitResult, message: bytes) -> tuple[socket.socket, Answer]:
        kept = self._kept(url.netloc)
        if kept is not None:
            # It may have been closed while this instance was frozen, and not be known to be yet.
            with contextlib.suppress(Unanswered):
                return kept, _exchange(kept, message)
        connection = self._connect(url)
        return connection, _exchange(connection, message)

    def _kept(self, host: str) -> socket.socket | None:
        with contextlib.suppress(IndexError):  # none is left
            while _has_something_to_say(connection := self._idle[host].pop()):
                connection.close()
            return connection
        return None

    def _connect(self, url: SplitResult) -> socket.socket:
        try:
            return self._open(url)
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=url.geturl(), error=error) from error
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=url.geturl(), error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=url.geturl(), error=error) from error

    def _open(self, url: SplitResult) -> socket.socket:
        # As bytes, because a name in a string brings in what codes international ones.
        host, port = str(url.hostname).encode("ascii"), url.port or PORTS[url.scheme]
        connection = socket.create_connection((host, port), self._connect_seconds)  # type: ignore[arg-type]
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if url.scheme == "https":
                connection = self._context.wrap_socket(connection, server_hostname=url.hostname)
            connection.settimeout(self._read_seconds)
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


def _close(idle: dict[str, list[socket.socket]]) -> None:
    for connections in idle.values():
        while connections:
            connections.pop().close()


def _has_something_to_say(idle: socket.socket) -> bool:
    """Whether the other side has closed the connection, or said something that nobody asked for."""
    waiting = select.poll()
    waiting.register(idle, select.POLLIN)
    return bool(waiting.poll(0))


def _head(request: AWSPreparedRequest, url: SplitResult) -> bytes:
    port = f":{url.port}" if url.port not in (None, PORTS[url.scheme]) else ""
    host = f"[{url.hostname}]" if ":" in str(url.hostname) else url.hostname
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [f"POST {target} HTTP/1.1", f"Host: {host}{port}", "Accept-Encoding: identity"]
    for name, value in request.headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        lines.append(f"{name}: {text}")
    if any("\r" in line or "\n" in line for line in lines):
        raise HTTPClientError(error="a header with a line break in it cannot be sent")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _exchange(connection: socket.socket, message: bytes) -> Answer:
    """Ask and read the answer; raise NotPlain, Unanswered or another OSError, it being closed."""
    try:
        try:
            connection.sendall(message)
            begun = _more(connection)
        except TimeoutError:
            raise
        except OSError as error:
            raise Unanswered(*error.args) from error
        return _read_answer(connection, begun)
    except BaseException:
        connection.close()
        raise


def _read_answer(connection: socket.socket, received: bytes) -> Answer:
    """Read on where an answer has begun."""
    while (end := received.find(b"\r\n\r\n")) < 0:
        if len(received) > LONGEST_HEAD:
            raise NotPlain("the head of the answer does not end")
        received += _more(connection)
    version, status, headers = _read_head(received[:end])
    length = headers.get("content-length", "")
    if status < 200 or not (length.isascii() and length.isdigit()):
        raise NotPlain(f"an answer of status {status} and length {length or 'unknown'}")
    parts, missing = [received[end + 4 :]], int(length) - (len(received) - end - 4)
    while missing > 0:
        parts.append(_more(connection))
        missing -= len(parts[-1])
    closing = version != "HTTP/1.1" or headers.get("connection", "").lower() == "close"
    body = b"".join(parts)[: int(length)]
    # Whatever came beyond the length is nobody's answer: the next one must not begin with it.
    return Answer(status, headers, body, is_last=closing or missing < 0)


def _read_head(head: bytes) -> tuple[str, int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    code = rest[:3]
    status = int(code) if code.isascii() and code.isdigit() else 0
    fields = (line.partition(":") for line in lines)
    return version, status, {name.lower(): value.strip() for name, _, value in fields}


def _more(connection: socket.socket) -> bytes:
    part = connection.recv(READ_SIZE)
    if not part:
        raise ConnectionResetError("the connection was closed within an answer")
    return part
