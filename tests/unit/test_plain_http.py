"""Plain HTTP: how much of an answer is read, and what is none."""

import time
from types import SimpleNamespace

import pytest
from spectrum_forwarder.adapters import plain_http
from spectrum_forwarder.adapters.plain_http import Answer, NotPlain, Unanswered, exchange


class Connection:
    """One that gives these parts one after the other, and then ends."""

    def __init__(self, *parts: bytes, takes: int = 9) -> None:
        self.parts = list(parts)
        self.takes = takes
        self.said = b""
        self.limits: list[float] = []
        self.closed = False

    def settimeout(self, seconds: float) -> None:
        self.limits.append(seconds)

    def send(self, part: memoryview) -> int:
        self.said += bytes(part[: self.takes])
        return min(len(part), self.takes)

    def recv(self, most: int) -> bytes:
        return self.parts.pop(0) if self.parts else b""

    def close(self) -> None:
        self.closed = True


def answered(*parts: bytes) -> tuple[Answer, Connection]:
    connection = Connection(*parts)
    ends = time.monotonic() + 60
    return exchange(connection, b"ask and be answered", ends), connection  # type: ignore[arg-type]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n"


@pytest.mark.parametrize(
    ("parts", "body", "is_last"),
    [
        ([HEAD % 0 + b"\r\n"], b"", False),
        ([HEAD % 9 + b"\r\n", b"12", b"3456", b"7", b"89"], b"123456789", False),
        ([HEAD[:9], HEAD[9:] % 3 + b"\r\n1", b"2", b"3"], b"123", False),
        # What comes beyond the length is nobody's answer.
        ([HEAD % 3 + b"\r\n123\n"], b"123", True),
        ([HEAD % 3 + b"\r\n1", b"234"], b"123", True),
        ([HEAD % 1 + b"Connection: CLOSE\r\n\r\n1"], b"1", True),
        ([HEAD.replace(b"1.1", b"1.0") % 1 + b"\r\n1"], b"1", True),
    ],
)
def test_an_answer_is_read_to_its_length(parts: list[bytes], body: bytes, is_last: bool) -> None:
    answer, connection = answered(*parts)
    assert (answer.status, answer.body, answer.is_last) == (200, body, is_last)
    assert (connection.said, connection.closed) == (b"ask and be answered", False)
    assert all(59 < limit <= 60 for limit in connection.limits)


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "an answer of status 200 and length unknown"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "an answer of status 200 and length x"),
        (b"HTTP/1.1 199 OK\r\nContent-Length: 0\r\n\r\n", "an answer of status 199 and length 0"),
        (b"HTTP/1.1 no\r\nContent-Length: 0\r\n\r\n", "an answer of status 0 and length 0"),
        (b"\r\n\r\n", "an answer of status 0 and length unknown"),
        (b"x" * 65_537, "the head of the answer does not end"),
    ],
)
def test_what_is_no_plain_answer_is_told(head: bytes, why: str) -> None:
    connection = Connection(head)
    with pytest.raises(NotPlain, match=f"^{why}$"):
        exchange(connection, b"", time.monotonic() + 60)  # type: ignore[arg-type]
    assert connection.closed


def test_a_head_may_be_as_long_as_that() -> None:
    filled = HEAD % 0 + b"x: " + b"x" * (65_536 - len(HEAD % 0) - 3)
    answer, _ = answered(filled, b"\r\n\r\n")
    assert answer.status == 200


@pytest.mark.parametrize(
    ("parts", "kind"), [([], Unanswered), ([HEAD % 2 + b"\r\n1"], ConnectionResetError)]
)
def test_a_connection_that_ends_has_answered_nothing_or_not_all(
    parts: list[bytes], kind: type[OSError]
) -> None:
    connection = Connection(*parts)
    with pytest.raises(kind) as raised:
        exchange(connection, b"", time.monotonic() + 60)  # type: ignore[arg-type]
    assert type(raised.value) is kind
    assert connection.closed


def test_no_time_is_left_at_the_very_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_http, "time", SimpleNamespace(monotonic=lambda: 100.0))
    assert plain_http.left(100.25) == 0.25
    for ends in (100.0, 99.0):
        with pytest.raises(TimeoutError):
            plain_http.left(ends)


def test_without_time_nothing_is_said() -> None:
    connection = Connection(HEAD % 0 + b"\r\n")
    with pytest.raises(TimeoutError):
        exchange(connection, b"ask", time.monotonic())  # type: ignore[arg-type]
    assert (connection.said, connection.closed) == (b"", True)
