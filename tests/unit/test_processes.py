"""Ports for servers that tests start as processes of their own."""

import socket
from pathlib import Path

import pytest

from tests.support.processes import free_port

HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")


@pytest.mark.skipif(not HANDED_OUT.exists(), reason="the system does not say what it hands out")
def test_a_free_port_is_none_that_another_server_may_be_given() -> None:
    first, last = map(int, HANDED_OUT.read_text().split())
    assert free_port() not in range(first, last + 1)


def test_a_port_that_is_taken_is_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        other = free_port()
        monkeypatch.setattr(
            "tests.support.processes.random.SystemRandom.sample", lambda *_: [port, other]
        )
        assert free_port() == other
