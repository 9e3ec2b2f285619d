"""A real HTTP server on loopback whose answers are scripted by path, plain or over TLS.

It records every request as it came and can misbehave as destinations do: answer late, drip, never
end, redirect, break off, talk nonsense. Paths without a script are answered 200.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.support.waiting import PATIENCE


@dataclass(frozen=True)
class Request:
    """One request; `head` is everything up to and without the empty line."""

    head: bytes
    body: bytes
    connection: int
    arrived_at: float

    @property
    def method(self) -> str:
        return self.head.split(b" ", 1)[0].decode()

    @property
    def path(self) -> str:
        return self.head.split(b" ", 2)[1].decode()

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names and values in the order they came."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    def header(self, name: str) -> str | None:
        """The value of the only header of this name, in any case; None where there is none."""
        values = [v for n, v in self.headers if n.lower() == name.lower()]
        if len(values) > 1:
            raise AssertionError(f"{name} was sent {len(values)} times")
        return values[0] if values else None


# Writes an answer; the connection is kept for another request if it returns True.
Script = Callable[[Request, socket.socket], bool]


def respond(
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Script:
    """A well-formed answer."""

    def script(request: Request, connection: socket.socket) -> bool:
        connection.sendall(_head(status, {"Content-Length": str(len(body))} | dict(headers or {})))
        connection.sendall(body)
        return True

    return script


def say(*parts: bytes, pause: float = 0.0) -> Script:
    """Exactly these bytes, with a pause after each part; then the connection is closed."""

    def script(request: Request, connection: socket.socket) -> bool:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        return False

    return script


def silent(request: Request, connection: socket.socket) -> bool:
    """No answer for as long as the client stays: who waits for one without a limit never ends."""
    connection.recv(1)
    return False


def when(event: threading.Event, script: Script) -> Script:
    """The script, as soon as the event has happened."""

    def later(request: Request, connection: socket.socket) -> bool:
        return event.wait(PATIENCE) and script(request, connection)

    return later


def together(number: int, script: Script) -> Script:
    """The script for each of so many requests, as soon as all of them are there."""
    all_there = threading.Barrier(number, timeout=PATIENCE)

    def meeting(request: Request, connection: socket.socket) -> bool:
        all_there.wait()
        return script(request, connection)

    return meeting


def reset(before: bytes = b"") -> Script:
    """These bytes, and then a TCP reset."""

    def script(request: Request, connection: socket.socket) -> bool:
        connection.sendall(before)
        time.sleep(0.05)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    return script


def never_end(status: int = 200, *, chunk: bytes = b"x" * 1024, pause: float = 0.0) -> Script:
    """An answer whose body goes on until the client leaves."""

    def script(request: Request, connection: socket.socket) -> bool:
        connection.sendall(_head(status, {}))
        while True:
            connection.sendall(chunk)
            time.sleep(pause)

    return script


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{n}: {v}" for n, v in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


class HttpServer:
    """Listens on loopback from construction to `close`; use it through `serving`."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, family: int = socket.AF_INET) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._tls = tls
        self._scripts: dict[str, Script] = {}
        self._open: set[socket.socket] = set()
        self._peers: set[int] = set()
        self._lock = threading.Condition()
        host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self._listener = socket.create_server((host, 0), family=socket.AddressFamily(family))
        self._listener.listen(256)
        self._address = self._listener.getsockname()[:2]
        self.port: int = self._address[1]
        threading.Thread(target=self._accept, name="http-server", daemon=True).start()

    def on(self, path: str, script: Script) -> None:
        """Answer requests for this path (query included) with the script from now on."""
        self._scripts[path] = script

    def url(self, path: str = "/", *, host: str = "127.0.0.1") -> str:
        """The address of a path here, by the host's name or number."""
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def await_quiet(self) -> None:
        """Return once every connection that was made is closed on this side."""
        with self._lock:
            assert self._lock.wait_for(lambda: not self._open, PATIENCE)

    def connections_of_others(self) -> int:
        """How many connections were made but the one of this call, which has to wait its turn."""
        with socket.create_connection(self._address) as own, self._lock:
            port = own.getsockname()[1]
            assert self._lock.wait_for(lambda: port in self._peers, PATIENCE)
            return self.connections - 1

    def close(self) -> None:
        """Stop listening and break off every connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
                self._peers.add(peer[1])
                self._lock.notify_all()
            threading.Thread(
                target=self._serve, args=(connection, self.connections), daemon=True
            ).start()

    def _serve(self, raw: socket.socket, number: int) -> None:
        connection = raw
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                connection = self._tls.wrap_socket(raw, server_side=True)
            while (request := _read_request(connection, number)) is not None:
                with self._lock:
                    self.requests.append(request)
                if not self._scripts.get(request.path, respond())(request, connection):
                    return
        except OSError:
            pass  # the client left, or the server was closed
        finally:
            connection.close()
            with self._lock:
                self._open.discard(raw)
                self._lock.notify_all()


def _read_request(connection: socket.socket, number: int) -> Request | None:
    """The next request, or None at the end of the connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            return None
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    so_far = Request(head, b"", number, time.monotonic())
    length = int(so_far.header("Content-Length") or 0)
    while len(body) < length:
        part = connection.recv(65536)
        if not part:
            return None
        body += part
    return Request(head, body, number, so_far.arrived_at)


@contextlib.contextmanager
def serving(
    *, tls: ssl.SSLContext | None = None, family: int = socket.AF_INET
) -> Iterator[HttpServer]:
    """A server for the time of a test."""
    server = HttpServer(tls=tls, family=family)
    try:
        yield server
    finally:
        server.close()
