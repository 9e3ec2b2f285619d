"""An exchange ends in its time, and an address that could be read along gets no secret."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from spectrum_cli.stack.http_client import LARGEST_ANSWER, HttpClient, NotAnswered

from tests.support.stacks import Deployed, forwarder

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@contextmanager
def answering(answer: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A server that answers one connection as it is told, until the event is set."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                with contextlib.suppress(OSError):  # the client has gone
                    answer(connection, over)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            over.set()
            thread.join()


def drip(first: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """A beginning, and then a byte ten times a second, for ever."""

    def answer(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(first)
        while not over.wait(0.1):
            connection.sendall(b"x")

    return answer


@pytest.mark.parametrize(
    "first",
    [
        HEAD + b"Content-Length: 100000\r\n\r\n",
        HEAD + b"\r\n",
        HEAD + b"X-Slow: ",
        b"HTTP/1.1 200 ",
    ],
    ids=["a body", "a body without end", "a header", "a status"],
)
def test_an_answer_that_only_drips_ends_in_its_time(first: bytes) -> None:
    with answering(drip(first)) as url, HttpClient() as client:
        with pytest.raises(NotAnswered, match=r"did not come within 0\.5 s") as raised:
            client.request("GET", url, timeout=0.5)
        assert raised.value.sent


def test_an_answer_without_end_is_cut_off() -> None:
    def answer(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(HEAD + b"\r\n")
        while not over.is_set():
            connection.sendall(b"x" * 65536)

    with answering(answer) as url, HttpClient() as client:
        assert len(client.request("GET", url, timeout=30).body) == LARGEST_ANSWER


@pytest.mark.parametrize(
    "url", ["http://spectrum.example.com", "http://127.0.0.1.example.com", "ftp://x", "spectrum"]
)
def test_no_secret_goes_to_an_address_that_can_be_read_along(
    stack: Deployed, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPECTRUM_PROJECT_ID", "p")
    monkeypatch.setenv("SPECTRUM_PROJECT_SECRET", "top-secret")
    ran = forwarder("webhooks", "list", "--api-url", url)
    assert (ran.status, ran.out) == (2, "")
    assert "unencrypted" in ran.err
    assert "top-secret" not in ran.err
