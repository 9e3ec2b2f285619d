"""The wire without a server: what is sent by it at all, under which name, and what it lets go."""

import gc
import socket
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import HTTPClientError
from spectrum_forwarder.adapters.kinds.http.trust import public_ca_bundle
from spectrum_forwarder.adapters.wire import Wire, _head, host_of

URL = urlsplit("https://sqs.example.com/queue?a=b")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example.com/", "a.example.com"),
        ("https://a.example.com:443/", "a.example.com"),
        ("http://a.example.com:80/", "a.example.com"),
        ("http://a.example.com:443/", "a.example.com:443"),
        ("https://a.example.com:80/", "a.example.com:80"),
        ("http://127.0.0.1:5000/", "127.0.0.1:5000"),
        ("http://[::1]/", "[::1]"),
        ("http://[::1]:5000/", "[::1]:5000"),
    ],
)
def test_a_port_is_said_where_it_is_not_the_schemes_own(url: str, host: str) -> None:
    assert host_of(urlsplit(url)) == host


def test_a_head_says_what_is_asked_for_and_whom() -> None:
    headers = [("X-A", "b"), ("Host", "elsewhere"), ("EXPECT", "100-continue"), ("X-C", "")]
    assert _head("POST", URL, headers) == (
        b"POST /queue?a=b HTTP/1.1\r\nHost: sqs.example.com\r\n"
        b"Accept-Encoding: identity\r\nX-A: b\r\nX-C: \r\n\r\n"
    )
    assert _head("PUT", urlsplit("https://a"), []).startswith(b"PUT / HTTP/1.1\r\n")


@pytest.mark.parametrize("text", ["a\r\nX-B: c", "a\rb", "a\nb", "\n"])
def test_a_header_with_a_line_break_in_it_is_not_sent(text: str) -> None:
    with pytest.raises(HTTPClientError, match="line break"):
        _head("POST", URL, [("X-A", text)])
    with pytest.raises(HTTPClientError, match="line break"):
        _head("POST", URL, [(f"X{text}", "a")])


def wire() -> Wire:
    return Wire(public_ca_bundle(), connect_seconds=1.0, read_seconds=1.0)


def test_what_is_read_as_a_stream_or_is_no_plain_post_is_left_to_botocore() -> None:
    one = wire()
    for method, stream, body in (
        ("GET", False, b""),
        ("POST", True, b""),
        ("GET", True, b""),
        ("PUT", False, "text"),
    ):
        request = SimpleNamespace(
            method=method, stream_output=stream, body=body, url="http://127.0.0.1:1/", headers={}
        )
        assert one.send(cast(Any, request)) is None


def test_who_goes_away_leaves_no_connection_open() -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    one = wire()
    for number, (ours, _) in enumerate(pairs):
        one._idle["a" if number else "b"].append((ours, 0.0))
    del one
    gc.collect()
    for ours, theirs in pairs:
        assert ours.fileno() == -1
        assert theirs.recv(1) == b""
        theirs.close()
