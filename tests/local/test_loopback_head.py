"""The head of a request, read by the quick way and by the standard library's."""

from __future__ import annotations

import io
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spectrum_cli.local.loopback import LoopbackHandler
from spectrum_cli.local.loopback_head import Fields

LINES = (
    *("Host: 127.0.0.1:80", "host:a", "Content-Length: 3", "Content-Length:3 ", "X-Two: 1"),
    *("x-two: 2", "X-Empty:", "X_Under: \té ", "Connection: close", "Connection: keep-alive"),
    *("connection: Close", "Expect: 100-continue", "Expect: x", "Content-Type: multipart/x"),
    *(" folded", "\tfolded", "no colon", "spaced : x", ": x", "X-Odd: a\x0bb\x85c", "From x: y"),
    *("X-Bare: a\rb", "\x00: x", "X-Nul: \x00"),
)
REQUESTS = (
    *("GET / HTTP/1.1", "POST /a%20b?c=d HTTP/1.1", "GET //elsewhere HTTP/1.1", "get / HTTP/1.1"),
    *("GET / HTTP/1.0", "GET /", "GET  / HTTP/1.1", "GET /é HTTP/1.1", "GET / HTTP/2.0", ""),
    *("OPTIONS * HTTP/1.1", "GET http://127.0.0.1/ HTTP/1.1", "GET /a /b HTTP/1.1", "GET / HTTP/1"),
)
heads = st.lists(st.sampled_from(LINES), max_size=6)


class Quick(LoopbackHandler):
    """A handler that reads what it is given and keeps what it says."""

    def __init__(self, sent: bytes) -> None:
        self.rfile, self.wfile = io.BytesIO(sent), io.BytesIO()
        self.raw_requestline = self.rfile.readline(65537)

    def understood(self) -> dict[str, Any]:
        proceeds = self.parse_request()
        names = ("command", "path", "request_version", "requestline", "close_connection")
        headers = getattr(self, "headers", None)
        said = (
            self.wfile.getvalue().split(b"Date:")[0] if isinstance(self.wfile, io.BytesIO) else ""
        )
        return {
            **{name: getattr(self, name, None) for name in names},
            "proceeds": proceeds,
            "fields": None if headers is None else headers.items(),
            "said": said,
            "body": self.rfile.read(),
        }


class Slow(Quick):
    """The same, by the standard library."""

    parse_request = BaseHTTPRequestHandler.parse_request


def both(sent: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    return Quick(sent).understood(), Slow(sent).understood()


@given(request=st.sampled_from(REQUESTS), lines=heads, end=st.sampled_from(["\r\n", "\n"]))
def test_any_head_is_understood_as_by_the_standard_library(
    request: str, lines: list[str], end: str
) -> None:
    sent = "".join(f"{line}{end}" for line in (request, *lines, "")) + "body"
    quick, slow = both(sent.encode("latin-1"))
    assert quick == slow


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 99 + b"\r\nbody",
        b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 100 + b"\r\nbody",
        b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 101 + b"\r\nbody",
        b"GET / HTTP/1.1\r\nX: x\r\n",
        b"GET / HTTP/1.1\r\nX: x",
    ],
)
def test_a_head_that_is_too_long_or_ends_early_is_refused_at_the_same_place(sent: bytes) -> None:
    quick, slow = both(sent)
    for understood in (quick, slow):
        del understood["body"]  # what is read of it no longer matters: the connection ends
    assert quick == slow


def test_nothing_is_awaited_after_a_line_that_is_refused_at_once() -> None:
    class Endless(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            raise AssertionError("waits for more")

    for request in (b"\r\n", b"GET / HTTP/9.9\r\n", b"nonsense\r\n"):
        handler = Quick(request)
        handler.rfile = Endless()
        assert not handler.parse_request()


@given(lines=st.lists(st.sampled_from([line for line in LINES if ":" in line[1:]]), max_size=6))
def test_fields_are_found_by_any_spelling(lines: list[str]) -> None:
    pairs = [(line.partition(":")[0], line.partition(":")[2]) for line in lines]
    quick, slow = Fields(pairs), HTTPMessage()
    for name, value in pairs:
        slow.set_raw(name, value)
    assert quick.items() == slow.items()
    for name in (*(pair[0] for pair in pairs), "X-TWO", "none"):
        for spelt in (name, name.upper(), name.lower()):
            assert quick.get(spelt, "?") == slow.get(spelt, "?")
            assert quick.get_all(spelt, []) == slow.get_all(spelt, [])
            assert (spelt in quick, quick[spelt]) == (spelt in slow, slow[spelt])
