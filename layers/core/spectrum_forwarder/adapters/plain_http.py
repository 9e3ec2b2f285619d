"""A plain exchange over a socket: a message out, and an answer back that says its length.

Times are of the monotonic clock, and hold for a whole step, however many parts it comes in.
"""

import socket
import time
from typing import NamedTuple

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


def left(ends: float) -> float:
    """Seconds until then; raise TimeoutError where there are none."""
    seconds = ends - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds


def dial(host: str, port: int, ends: float) -> socket.socket:
    """Connect to the first address that takes it; all of them share the time."""
    # As bytes, because a name in a string brings in what codes international ones.
    found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    failed: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(left(ends))
            connection.connect(address)
        except OSError as error:
            connection.close()
            failed = error
        else:
            return connection
    raise failed


def exchange(connection: socket.socket, message: bytes, ends: float) -> Answer:
    """Ask and read the answer; raise NotPlain, Unanswered or another OSError, it being closed."""
    try:
        try:
            _say(connection, message, ends)
            begun = _more(connection, ends)
        except TimeoutError:
            raise
        except OSError as error:
            raise Unanswered(*error.args) from error
        return _read_answer(connection, begun, ends)
    except BaseException:
        connection.close()
        raise


def _say(connection: socket.socket, message: bytes, ends: float) -> None:
    unsent = memoryview(message)
    while unsent:
        connection.settimeout(left(ends))
        unsent = unsent[connection.send(unsent) :]


def _read_answer(connection: socket.socket, received: bytes, ends: float) -> Answer:
    """Read on where an answer has begun."""
    while (end := received.find(b"\r\n\r\n")) < 0:
        if len(received) > LONGEST_HEAD:
            raise NotPlain("the head of the answer does not end")
        received += _more(connection, ends)
    version, status, headers = _read_head(received[:end])
    length = headers.get("content-length", "")
    if status < 200 or not (length.isascii() and length.isdigit()):
        raise NotPlain(f"an answer of status {status} and length {length or 'unknown'}")
    parts, missing = [received[end + 4 :]], int(length) - (len(received) - end - 4)
    while missing > 0:
        parts.append(_more(connection, ends))
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


def _more(connection: socket.socket, ends: float) -> bytes:
    connection.settimeout(left(ends))
    part = connection.recv(READ_SIZE)
    if not part:
        raise ConnectionResetError("the connection was closed within an answer")
    return part
