"""One exchange with a destination: the request as libcurl is told to make it, and the answer.

An exchange is used for many attempts, one after the other, so that its settings are made once.
Nothing here raises for what a destination does, and no callback raises into libcurl.
"""

import errno
import functools
import os
import re
import socket
import time
from typing import Any

import pycurl  # type: ignore[import-untyped]

from spectrum_forwarder.adapters.kinds.http.codes import word
from spectrum_forwarder.adapters.kinds.http.headers import Unsendable, header_lines, retry_after
from spectrum_forwarder.adapters.url_guard import may_connect, split_url
from spectrum_forwarder.domain.answers import LOOKED_AT
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Clock

CONNECT_LIMIT_SECONDS = 10.0
# What is read of an answer, so that its connection can be used again; more cannot change what it
# means. Of what a failing one says the beginning is kept.
HEADER_LIMIT = BODY_LIMIT = 64 * 1024
# A connection that has been idle for longer may be dead without this side knowing.
IDLE_LIMIT_SECONDS = 60

_STATUS_LINE = re.compile(rb"HTTP/[0-9.]+ ([0-9]{3})\b")


class _Lent(socket.socket):
    """A socket that pycurl duplicates and lets go of: it is closed then, as intended."""

    def __del__(self) -> None:
        self.close()


class Exchange:
    """A libcurl handle, and what has been seen of the answer to the attempt it carries."""

    def __init__(self, *, ca_bundle: str, allow_loopback: bool, clock: Clock) -> None:
        self.curl: Any = pycurl.Curl()
        self.attempt: Attempt | None = None
        self.answered_at: float | None = None
        self._allow_loopback = allow_loopback
        self._clock = clock
        self._unsent = memoryview(b"")
        self._believes: str | None = None
        self._forget()
        self._configure(ca_bundle)

    def _configure(self, ca_bundle: str) -> None:
        schemes = pycurl.PROTO_HTTPS | (pycurl.PROTO_HTTP if self._allow_loopback else 0)
        for option, value in (
            (pycurl.PROTOCOLS, schemes),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.POST, 1),
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.PROXY, ""),  # none, whatever the environment says
            (pycurl.USERAGENT, ""),
            (pycurl.NOSIGNAL, 1),
            # As bytes: pycurl takes no text but ASCII, and the folder may have any name.
            (pycurl.CAINFO, os.fsencode(ca_bundle)),
            (pycurl.SSL_VERIFYPEER, 1),
            (pycurl.SSL_VERIFYHOST, 2),
            (pycurl.MAXAGE_CONN, IDLE_LIMIT_SECONDS),
            (pycurl.OPENSOCKETFUNCTION, self._open_socket),
            (pycurl.READFUNCTION, self._give_body),
            (pycurl.HEADERFUNCTION, self._take_header),
            (pycurl.WRITEFUNCTION, self._take_body),
        ):
            self.curl.setopt(option, value)

    def begin(self, attempt: Attempt, *, anew: bool = False) -> None:
        """Prepare for the attempt; raise Unsendable where there is no way to say it in HTTP.

        `anew` has it use no connection that is there already.
        """
        if not _can_be_called(attempt.url, allow_http=self._allow_loopback):
            raise Unsendable("invalid_url")
        headers = header_lines(attempt)
        total = max(1, round(attempt.timeout_seconds * 1000))
        self._forget()
        self.curl.setopt(pycurl.URL, attempt.url)
        self.curl.setopt(pycurl.HTTPHEADER, headers)
        self.curl.setopt(pycurl.POSTFIELDSIZE_LARGE, len(attempt.body))
        # Of an empty body nothing is ever taken, so that nothing tells of its being sent again.
        self.curl.setopt(pycurl.FRESH_CONNECT, 1 if anew or not attempt.body else 0)
        self.curl.setopt(pycurl.TIMEOUT_MS, total)
        limit = min(total, round(CONNECT_LIMIT_SECONDS * 1000))
        self.curl.setopt(pycurl.CONNECTTIMEOUT_MS, limit)
        self._believe(attempt.options.get("ca_bundle"))
        self.attempt = attempt
        self._unsent = memoryview(attempt.body)
        self._began_at = time.monotonic()

    def _believe(self, ca_bundle: str | None) -> None:
        """Believe a destination's own authorities alone, if it has any.

        libcurl uses no connection again that was made under another belief.
        """
        if ca_bundle == self._believes:
            return
        if ca_bundle is None:
            self.curl.unsetopt(pycurl.CAINFO_BLOB)
        else:
            self.curl.setopt(pycurl.CAINFO_BLOB, ca_bundle.encode("ascii"))
        self._believes = ca_bundle

    @property
    def tried_address(self) -> bool:
        """Whether the name was found: an address was tried, or an answer came."""
        return self._opened or self._refused is not None or self.answered_at is not None

    @property
    def looked_up(self) -> bool:
        """Whether, while this goes on, the name is known or a connection is used again."""
        return self.tried_address or self.curl.getinfo(pycurl.PRETRANSFER_TIME) > 0

    @property
    def socket(self) -> int:
        """The descriptor of the connection that was used last, -1 where it is closed."""
        return int(self.curl.getinfo(pycurl.ACTIVESOCKET))

    def end(self, code: int) -> Answer:
        """The answer to the attempt that libcurl ended with `code`; lets go of the attempt.

        Once the headers are complete the status stands, whatever becomes of the body.
        """
        seconds = (self.answered_at or time.monotonic()) - self._began_at
        if self.answered_at is not None:
            answer = Answer(
                status=self._status,
                seconds=seconds,
                retry_after=self._asked_to_wait(),
                line=b"" if self._succeeds() else self._line,
                said=bytes(self._said),
            )
        else:
            answer = Answer(error=self._error(code), seconds=seconds)
        self.attempt = None
        self._unsent = memoryview(b"")
        return answer

    def close(self) -> None:
        """Free the handle."""
        self.curl.close()

    def _forget(self) -> None:
        self.answered_at = None
        self._began_at = 0.0
        self._status = 0
        self._line = b""
        self._said = bytearray()
        self._retry_after: bytes | None = None
        self._header_bytes = 0
        self._body_bytes = 0
        self._opened = False
        self._refused: str | None = None

    def _open_socket(self, purpose: int, address: Any) -> Any:
        """A socket for one candidate address, or none where it may not be connected to."""
        try:
            known = address.family in (socket.AF_INET, socket.AF_INET6)
            if not known or not may_connect(address.addr[0], allow_loopback=self._allow_loopback):
                self._refused = "blocked_address"
                return pycurl.SOCKET_BAD
            opened = _Lent(address.family, address.socktype, address.protocol)
        except Exception:  # no more descriptors, or an address of an unknown make
            self._refused = self._refused or "no_socket"
            return pycurl.SOCKET_BAD
        self._opened = True
        return opened

    def _give_body(self, most: int) -> bytes:
        """The next part of the body; it is given once.

        libcurl repeats a request by itself whose connection was used before and dies without a
        whole header line of an answer: the destination may have taken it by then. It cannot repeat
        what it cannot have again, so each attempt is one request, and the answer says how it ended.
        """
        part, self._unsent = self._unsent[:most], self._unsent[most:]
        return bytes(part)

    def _take_header(self, line: bytes) -> int:
        """One header line, the status line and the empty last one included; -1 ends the reading."""
        self._header_bytes += len(line)
        if self._header_bytes > HEADER_LIMIT:
            return -1
        if self.answered_at is not None:
            return len(line)  # a trailer
        if status := _STATUS_LINE.match(line):
            self._status, self._retry_after = int(status[1]), None
            self._line = line.strip()[:LOOKED_AT]
        elif line[:12].lower() == b"retry-after:":
            self._retry_after = line[12:].strip()
        elif not line.strip(b"\r\n") and self._status >= 200:
            self.answered_at = time.monotonic()
        return len(line)

    def _take_body(self, part: bytes) -> int:
        self._body_bytes += len(part)
        if not self._succeeds():
            self._said += part[: LOOKED_AT - len(self._said)]
        return len(part) if self._body_bytes <= BODY_LIMIT else -1

    def _succeeds(self) -> bool:
        return 200 <= self._status < 300

    def _asked_to_wait(self) -> float | None:
        return None if self._retry_after is None else retry_after(self._retry_after, self._clock())

    def _error(self, code: int) -> str:
        if self._refused and not self._opened:
            return self._refused
        if code == pycurl.E_COULDNT_CONNECT:
            refused = self.curl.getinfo(pycurl.OS_ERRNO) == errno.ECONNREFUSED
            return "connection_refused" if refused else "unreachable"
        return word(code)


@functools.lru_cache(maxsize=1024)
def _can_be_called(url: str, *, allow_http: bool) -> bool:
    """Whether it is a URL that a destination may have: always the same few."""
    try:
        split_url(url, allow_http=allow_http)
    except InvalidEntry:
        return False
    return True
