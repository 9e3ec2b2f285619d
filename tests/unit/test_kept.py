"""Connections that are kept: whether the other side has closed one, by host and port."""

import socket
from collections.abc import Iterator

import pytest
from spectrum_forwarder.adapters.kinds.http.kept import Kept

URL = "https://a.example.com:8443/hook"


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize(
    ("url", "is_there"),
    [
        (URL, True),
        ("https://A.Example.com:8443/other?x", True),
        ("https://a.example.com:8443", True),
        ("https://a.example.com/hook", False),
        ("https://b.example.com:8443/hook", False),
        ("", False),
    ],
)
def test_it_is_told_of_its_own_host_and_port_alone(
    pair: tuple[socket.socket, socket.socket], url: str, is_there: bool
) -> None:
    ours, theirs = pair
    kept = Kept()
    kept.note(URL, ours.fileno())
    kept.note(URL, ours.fileno())
    assert not kept.any_closed(url)
    theirs.close()
    assert kept.any_closed(url) is is_there


def test_what_was_said_unasked_is_no_end(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    kept = Kept()
    kept.note(URL, ours.fileno())
    theirs.send(b"early")
    assert not kept.any_closed(URL)
    theirs.shutdown(socket.SHUT_WR)
    assert kept.any_closed(URL)


def test_an_exchange_that_left_no_connection_leaves_nothing_to_look_at() -> None:
    kept = Kept()
    kept.note(URL, -1)
    assert not kept.any_closed(URL)


def test_what_is_closed_on_this_side_too_is_forgotten() -> None:
    ours, theirs = socket.socketpair()
    kept = Kept()
    kept.note(URL, ours.fileno())
    theirs.close()
    ours.close()
    assert not kept.any_closed(URL)
    ours, theirs = socket.socketpair()  # of the same number, perhaps
    kept.note(URL, ours.fileno())
    theirs.close()
    assert kept.any_closed(URL)
    ours.close()
