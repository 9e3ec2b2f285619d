"""The HTTP server that the local stack's own servers are made of: threads, HTTP/1.1, loopback only.

Owns reading a request's body (Content-Length and chunked), writing an answer, and stopping without
leaving a connection or a thread behind.
"""

from __future__ import annotations

import contextlib
import io
import json
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from spectrum_cli.local.loopback_head import plain_fields, plain_request, read_lines

# What is read and thrown away of a refused body, so that the sender can get its answer: closing
# with unread bytes resets the connection and the answer with it.
DRAIN_LIMIT = 64 * 1024 * 1024
BLOCK = 64 * 1024
LONGEST_CHUNK_LINE = 1024


class MalformedRequest(ValueError):
    """The body's framing cannot be understood."""


class BodyTooLarge(ValueError):
    """The body is longer than the limit; what could be drained has been."""


class LoopbackServer(ThreadingHTTPServer):
    """A server on 127.0.0.1, one thread a connection. Port 0 picks a free port.

    Raises OSError when the port is taken.
    """

    # Bursts of hundreds of new connections at once must not wait for a SYN retry.
    request_queue_size = 1024
    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int = 0) -> None:
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        super().__init__(("127.0.0.1", port), handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, name: str) -> None:
        """Serve in a thread of its own until `stop`."""
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.2,), name=name, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop accepting, then cut the connections that are still open."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        self.server_close()
        with self._connections_lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def server_bind(self) -> None:
        # HTTPServer's own would look the host name up, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.port

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # The other side leaving is its own affair; anything else is a bug that must be seen.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class LoopbackHandler(BaseHTTPRequestHandler):
    """A request handler that speaks JSON errors and sends each answer in one piece."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = BLOCK
    timeout: ClassVar[float | None] = 75
    raw_requestline: bytes

    def parse_request(self) -> bool:
        """Read a request's head, as the base class does, to whom it is left if it is not plain."""
        asked = plain_request(self.raw_requestline)
        if asked is None:
            return super().parse_request()
        lines = read_lines(self.rfile)
        fields = plain_fields(lines)
        if fields is None or fields.get("expect"):
            behind, self.rfile = self.rfile, io.BytesIO(b"".join(lines))
            try:
                return super().parse_request()
            finally:
                self.rfile = behind
        self.requestline, self.command, self.path = asked
        self.request_version, self.headers = self.protocol_version, fields
        self.close_connection = fields.get("connection", "").lower() == "close"
        return True

    def read_body(self, limit: int) -> bytes:
        """Return the request's body as it was before transfer coding.

        Raises MalformedRequest, BodyTooLarge, or ConnectionError when the sender left early.
        """
        codings = ",".join(self.headers.get_all("transfer-encoding", [])).lower().strip()
        lengths = set(self.headers.get_all("content-length", []))
        if codings:
            if codings != "chunked" or lengths:
                raise MalformedRequest("a body is either chunked or has a Content-Length")
            return self._read_chunks(limit)
        if not lengths:
            return b""
        length = lengths.pop().strip()
        if lengths or not (length.isascii() and length.isdigit()):
            raise MalformedRequest("Content-Length is not one number")
        if int(length) > limit:
            self._drain(int(length))
            raise BodyTooLarge
        return self._read_exactly(int(length))

    def read_or_refuse(self, limit: int) -> bytes | None:
        """As `read_body`; a request whose body cannot be taken is refused, and has none."""
        try:
            return self.read_body(limit)
        except BodyTooLarge:
            self.refuse(413, "Request Entity Too Large")
        except MalformedRequest:
            self.refuse(400, "Bad Request")
        return None

    def answer(
        self, status: int, body: bytes, headers: Iterable[tuple[str, str]], *, length: bool = True
    ) -> None:
        """Send a whole answer. `length` off: the status has no body at all (204, 304)."""
        content = body if length and self.command != "HEAD" else b""
        self.wfile.write(self._head(status, body if length else None, headers) + content)
        self.wfile.flush()

    def answer_json(self, status: int, content: object) -> None:
        body = json.dumps(content, separators=(",", ":")).encode()
        self.answer(status, body, [("Content-Type", "application/json")])

    def refuse(self, status: int, text: str) -> None:
        """Answer an error after which the connection cannot be used again."""
        self.close_connection = True
        self.answer_json(status, {"message": text})

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        # Called by the base class for requests that it cannot parse.
        if not hasattr(self, "command") or self.command is None:
            self.command = ""
        self.request_version = self.request_version or self.protocol_version
        self.refuse(code, message or "Bad Request")

    def handle_expect_100(self) -> bool:
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def log_message(self, format: str, *args: Any) -> None:
        """Be silent: each server writes its own lines."""

    def _head(self, status: int, body: bytes | None, headers: Iterable[tuple[str, str]]) -> bytes:
        if self.request_version == self.default_request_version:
            return b""  # of what has no version, or was not understood, nothing else is expected
        phrase = self.responses.get(status, ("",))[0]
        lines = [f"{self.protocol_version} {status} {phrase}", f"Date: {_date(int(time.time()))}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        if self.close_connection:
            lines.append("Connection: close")
        return "\r\n".join((*lines, "", "")).encode("latin-1")

    def _read_chunks(self, limit: int) -> bytes:
        body = bytearray()
        while size := self._chunk_size():
            if len(body) + size > limit:
                self._drain(size)
                raise BodyTooLarge
            body += self._read_exactly(size)
            if self._read_exactly(2) != b"\r\n":
                raise MalformedRequest("a chunk is longer than it says")
        while self.rfile.readline(LONGEST_CHUNK_LINE) not in (b"\r\n", b"\n", b""):
            pass  # trailers say nothing that anyone here wants
        return bytes(body)

    def _chunk_size(self) -> int:
        digits = self.rfile.readline(LONGEST_CHUNK_LINE).split(b";")[0].strip()
        if not digits or digits.strip(b"0123456789abcdefABCDEF"):
            raise MalformedRequest("a chunk does not begin with its size")
        return int(digits, 16)

    def _read_exactly(self, size: int) -> bytes:
        block = self.rfile.read(size)
        if len(block) < size:
            raise ConnectionError("the sender left in the middle of a body")
        return block

    def _drain(self, size: int) -> None:
        left = min(size, DRAIN_LIMIT)
        while left > 0 and (block := self.rfile.read(min(left, BLOCK))):
            left -= len(block)


@lru_cache(2)
def _date(now: int) -> str:
    """Unix seconds as HTTP writes them."""
    return formatdate(now, usegmt=True)
