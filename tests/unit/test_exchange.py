"""An exchange without a network: what libcurl is told, and what is made of what it calls back."""

import errno
import socket
from types import SimpleNamespace
from typing import Any

import pycurl  # type: ignore[import-untyped]
import pytest
from spectrum_forwarder.adapters.kinds.http import exchange
from spectrum_forwarder.adapters.kinds.http.exchange import Exchange
from spectrum_forwarder.adapters.kinds.http.headers import Unsendable
from spectrum_forwarder.domain.answers import LOOKED_AT
from spectrum_forwarder.domain.outbound import Attempt

from tests.support.make import NOW

LIMIT = 65_536


class Curl:
    """A handle that notes what it is told, and says what it is to say."""

    def __init__(self) -> None:
        self.told: dict[int, Any] = {}
        self.unset: list[int] = []
        self.says: dict[int, Any] = {pycurl.PRETRANSFER_TIME: 0.0, pycurl.ACTIVESOCKET: -1}
        self.closed = False

    def setopt(self, option: int, value: Any) -> None:
        self.told[option] = value

    def unsetopt(self, option: int) -> None:
        self.unset.append(option)

    def getinfo(self, what: int) -> Any:
        return self.says[what]

    def close(self) -> None:
        self.closed = True


class Bench:
    """An exchange on such a handle; `now` is the monotonic clock."""

    def __init__(self, allow_loopback: bool = False) -> None:
        self.now = 1000.0
        self.made = Exchange(ca_bundle="/ca.pem", allow_loopback=allow_loopback, clock=lambda: NOW)
        self.curl: Curl = self.made.curl

    def begin(self, *, anew: bool | None = None, **changes: Any) -> None:
        values: dict[str, Any] = {
            "event_key": "main:1",
            "destination": "crm",
            "url": "https://crm.example.com/",
            "headers": {},
            "body": b"{}",
            "timeout_seconds": 5.0,
            "begin_by": NOW,
        }
        self.made.begin(Attempt(**values | changes), **({} if anew is None else {"anew": anew}))

    def headers(self, *lines: bytes) -> list[int]:
        return [self.curl.told[pycurl.HEADERFUNCTION](line) for line in lines]

    def opens(self, address: str, family: int = socket.AF_INET) -> bool:
        """Whether a socket is opened for an address."""
        candidate = SimpleNamespace(
            family=family, socktype=socket.SOCK_STREAM, protocol=0, addr=(address, 443)
        )
        opened = self.curl.told[pycurl.OPENSOCKETFUNCTION](0, candidate)
        if opened == pycurl.SOCKET_BAD:
            return False
        opened.close()
        return True


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(pycurl, "Curl", Curl)
    made = Bench()
    monkeypatch.setattr(exchange, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def test_nothing_but_https_is_spoken_with_nobody_between_and_whoever_answers_is_proved(
    bench: Bench,
) -> None:
    expected = {
        pycurl.PROTOCOLS: pycurl.PROTO_HTTPS,
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
        pycurl.POST: 1,
        pycurl.FOLLOWLOCATION: 0,
        pycurl.PROXY: "",
        pycurl.USERAGENT: "",
        pycurl.NOSIGNAL: 1,
        pycurl.CAINFO: b"/ca.pem",
        pycurl.SSL_VERIFYPEER: 1,
        pycurl.SSL_VERIFYHOST: 2,
        pycurl.MAXAGE_CONN: 60,
    }
    assert {option: bench.curl.told[option] for option in expected} == expected
    local = Bench(allow_loopback=True)
    assert local.curl.told[pycurl.PROTOCOLS] == pycurl.PROTO_HTTPS | pycurl.PROTO_HTTP


@pytest.mark.parametrize(
    ("seconds", "whole", "connecting"),
    [(5.0, 5000, 5000), (30.0, 30_000, 10_000), (10.0, 10_000, 10_000), (0.0, 1, 1)],
)
def test_how_long_an_exchange_and_its_connecting_may_take(
    bench: Bench, seconds: float, whole: int, connecting: int
) -> None:
    bench.begin(timeout_seconds=seconds)
    told = bench.curl.told
    assert (told[pycurl.TIMEOUT_MS], told[pycurl.CONNECTTIMEOUT_MS]) == (whole, connecting)


@pytest.mark.parametrize(
    ("body", "anew", "fresh"),
    [(b"{}", None, 0), (b"{}", False, 0), (b"{}", True, 1), (b"", False, 1)],
)
def test_when_a_connection_is_made_anew(
    bench: Bench, body: bytes, anew: bool | None, fresh: int
) -> None:
    bench.begin(body=body, anew=anew)
    assert bench.curl.told[pycurl.FRESH_CONNECT] == fresh
    assert bench.curl.told[pycurl.POSTFIELDSIZE_LARGE] == len(body)


def test_a_body_is_given_once(bench: Bench) -> None:
    bench.begin(body=b"abcde")
    give = bench.curl.told[pycurl.READFUNCTION]
    assert [give(2), give(2), give(2), give(2)] == [b"ab", b"cd", b"e", b""]


def test_a_destination_s_own_authorities_are_believed_by_its_exchanges_alone(bench: Bench) -> None:
    bench.begin(options={"ca_bundle": "own"})
    assert bench.curl.told.pop(pycurl.CAINFO_BLOB) == b"own"
    bench.begin(options={"ca_bundle": "own"})
    assert (pycurl.CAINFO_BLOB in bench.curl.told, bench.curl.unset) == (False, [])
    bench.begin()
    bench.begin()
    assert bench.curl.unset == [pycurl.CAINFO_BLOB]


@pytest.mark.parametrize("url", ["http://crm.example.com/", "https://"])
def test_what_is_no_https_url_is_not_begun(bench: Bench, url: str) -> None:
    with pytest.raises(Unsendable, match="invalid_url"):
        bench.begin(url=url)
    assert pycurl.URL not in bench.curl.told


def test_an_answer_is_that_of_the_last_status_once_its_headers_are_whole(bench: Bench) -> None:
    bench.begin()
    bench.headers(b"HTTP/1.1 100 Continue\r\n", b"\r\n")
    assert bench.made.answered_at is None
    bench.headers(b"HTTP/1.1 503 Busy\r\n", b"X: y\r\n", b"RETRY-After:7 \r\n")
    bench.now += 0.25
    assert bench.headers(b"\r\n") == [2]
    bench.headers(b"Retry-After: 9\r\n", b"HTTP/1.1 200 Trailer\r\n")
    bench.curl.told[pycurl.WRITEFUNCTION](b"busy")
    bench.now += 5
    answer = bench.made.end(0)
    assert (answer.status, answer.retry_after, answer.seconds) == (503, 7.0, 0.25)
    assert (answer.line, answer.said) == (b"HTTP/1.1 503 Busy", b"busy")
    assert bench.made.attempt is None


@pytest.mark.parametrize(("status", "kept"), [(199, None), (200, False), (299, False), (300, True)])
def test_what_a_success_says_is_not_kept(bench: Bench, status: int, kept: bool | None) -> None:
    bench.begin()
    bench.headers(b"HTTP/1.1 %d Said\r\n" % status, b"\r\n")
    assert bench.curl.told[pycurl.WRITEFUNCTION](b"said") == 4
    answer = bench.made.end(0)
    if kept is None:
        assert answer.status is None
    else:
        assert (bool(answer.line), bool(answer.said)) == (kept, kept)


def test_so_much_is_read_of_an_answer_and_less_is_kept(bench: Bench) -> None:
    bench.begin()
    assert bench.headers(b"HTTP/1.1 500 " + b"x" * LOOKED_AT + b"\r\n", b"\r\n")
    take = bench.curl.told[pycurl.WRITEFUNCTION]
    half = LIMIT // 2
    assert [take(b"a" * 10), take(b"b" * (half - 10)), take(b"c" * half)] == [10, half - 10, half]
    assert take(b"d") == -1
    answer = bench.made.end(0)
    assert answer.said == (b"a" * 10 + b"b" * half)[:LOOKED_AT]
    assert len(answer.line) == LOOKED_AT


def test_headers_without_an_end_are_not_read(bench: Bench) -> None:
    bench.begin()
    assert bench.headers(b"x" * LIMIT, b"\r\n") == [LIMIT, -1]
    bench.begin()
    assert bench.headers(b"x" * LIMIT, b"x") == [LIMIT, -1]


@pytest.mark.parametrize(
    ("code", "number", "error"),
    [
        (pycurl.E_COULDNT_CONNECT, errno.ECONNREFUSED, "connection_refused"),
        (pycurl.E_COULDNT_CONNECT, errno.EHOSTUNREACH, "unreachable"),
        (pycurl.E_OPERATION_TIMEDOUT, 0, "timeout"),
    ],
)
def test_what_an_exchange_without_an_answer_failed_with(
    bench: Bench, code: int, number: int, error: str
) -> None:
    bench.begin()
    bench.curl.says[pycurl.OS_ERRNO] = number
    bench.now += 2.5
    answer = bench.made.end(code)
    assert (answer.status, answer.error, answer.seconds) == (None, error, 2.5)


def test_an_address_that_may_not_be_connected_to_is_told_where_no_other_was_tried(
    bench: Bench,
) -> None:
    bench.curl.says[pycurl.OS_ERRNO] = errno.ECONNREFUSED
    bench.begin()
    assert not bench.made.tried_address
    assert not bench.opens("127.0.0.1")
    assert bench.made.tried_address
    assert bench.made.end(pycurl.E_COULDNT_CONNECT).error == "blocked_address"
    bench.begin()
    assert not bench.opens("/run/socket", socket.AF_UNIX)
    assert bench.made.end(pycurl.E_COULDNT_CONNECT).error == "blocked_address"
    bench.begin()
    assert not bench.opens("no address")
    assert bench.opens("93.184.216.34")
    assert bench.made.end(pycurl.E_COULDNT_CONNECT).error == "connection_refused"


def test_where_no_socket_can_be_made_that_is_told_unless_an_address_was_blocked(
    bench: Bench,
) -> None:
    nowhere = SimpleNamespace(family=socket.AF_INET, addr=None)
    bench.begin()
    assert bench.curl.told[pycurl.OPENSOCKETFUNCTION](0, nowhere) == pycurl.SOCKET_BAD
    assert bench.made.end(pycurl.E_COULDNT_CONNECT).error == "no_socket"
    bench.begin()
    assert not bench.opens("127.0.0.1")
    assert bench.curl.told[pycurl.OPENSOCKETFUNCTION](0, nowhere) == pycurl.SOCKET_BAD
    assert bench.made.end(pycurl.E_COULDNT_CONNECT).error == "blocked_address"


def test_a_name_is_known_once_an_address_is_tried_or_a_connection_used_again(bench: Bench) -> None:
    bench.begin()
    assert not bench.made.looked_up
    bench.curl.says[pycurl.PRETRANSFER_TIME] = 0.001
    assert bench.made.looked_up
    assert not bench.made.tried_address
    bench.headers(b"HTTP/1.1 200 OK\r\n", b"\r\n")
    assert bench.made.tried_address
    bench.curl.says[pycurl.ACTIVESOCKET] = 7
    assert bench.made.socket == 7
    bench.made.close()
    assert bench.curl.closed
