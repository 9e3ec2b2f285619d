"""The HTTP sender against real sockets: what goes over the wire, and what is made of the answer."""

import itertools
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from spectrum_forwarder.adapters.kinds.http import engine, exchange
from spectrum_forwarder.adapters.kinds.http.codes import word
from spectrum_forwarder.adapters.kinds.http.headers import retry_after
from spectrum_forwarder.adapters.kinds.http.sender import HttpSender
from spectrum_forwarder.adapters.kinds.http.trust import public_ca_bundle
from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer
from spectrum_forwarder.domain.outbound import Attempt

from tests.support.certificates import make_certificate
from tests.support.http_server import (
    HttpServer,
    Request,
    Script,
    never_end,
    reset,
    respond,
    say,
    serving,
    silent,
    together,
    when,
)
from tests.support.waiting import PATIENCE, wait_until

HEADERS = {"Content-Type": "application/json", "User-Agent": "spectrum-forwarder/test"}
NUMBERS = itertools.count()
# Seconds: an attempt that waits for so long fails its test by the time that a test may take.
FOR_EVER = 3600.0


def attempt_at(
    url: str,
    *,
    body: bytes = b"{}",
    headers: dict[str, str] | None = None,
    timeout: float = 5.0,
    begin_by: float = float("inf"),
) -> Attempt:
    """An attempt of its own event."""
    return Attempt(
        event_key=f"test:{next(NUMBERS)}",
        destination="test",
        url=url,
        headers=HEADERS if headers is None else headers,
        body=body,
        timeout_seconds=timeout,
        begin_by=begin_by,
    )


def ask(sender: HttpSender, url: str, **changes: object) -> Answer:
    """The answer to a single attempt."""
    [(_, answer)] = sender.send([attempt_at(url, **changes)])  # type: ignore[arg-type]
    return answer


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with serving() as server:
        yield server


@pytest.fixture
def sender() -> Iterator[HttpSender]:
    """One that may reach this machine."""
    sender = HttpSender(public_ca_bundle(), allow_loopback=True)
    yield sender
    sender.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


# What goes over the wire


def test_request_carries_exactly_the_given_headers_and_bytes(
    server: HttpServer, sender: HttpSender
) -> None:
    body = bytes(range(256)) + '"\\ud83d" \u2028'.encode() + b"\r\n\r\n\x00"
    headers = HEADERS | {"webhook-id": "spectrum:a/b", "X-Empty": "", "X-Spaced": "a  b; c,d"}

    assert ask(sender, server.url("/hook?a=1&b=%20"), body=body, headers=headers).status == 200

    [request] = server.requests
    assert request.head.startswith(b"POST /hook?a=1&b=%20 HTTP/1.1\r\n")
    assert request.body == body
    host = ("Host", f"127.0.0.1:{server.port}")
    expected = [host, *headers.items(), ("Content-Length", str(len(body)))]
    assert sorted(request.headers) == sorted(expected)


@pytest.mark.parametrize("size", [0, 1, 65_537, 2_000_000])
def test_body_of_any_size_goes_out_whole_and_at_once(
    server: HttpServer, sender: HttpSender, size: int
) -> None:
    body = os.urandom(size)

    assert ask(sender, server.url(), body=body, headers={}).status == 200

    [request] = server.requests
    assert request.body == body
    assert {name for name, _ in request.headers} == {"Host", "Content-Length"}


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Bad": "a\r\nX-Injected: b"},
        {"X-Bad": "a\nb"},
        {"X-Bad": "a\x00b"},
        {"X-Bad": "\u00e9"},
        {"X-Bad\r\nX-Injected": "b"},
        {"X-Bad: b\r\nX-Injected": "c"},
        {"": "a"},
        {"X Bad": "a"},
        {"Content-Length": "1"},
        {"Transfer-Encoding": "chunked"},
        {"expect": "100-continue"},
    ],
)
def test_header_that_would_change_the_request_is_never_sent(
    server: HttpServer, sender: HttpSender, headers: dict[str, str]
) -> None:
    assert ask(sender, server.url(), headers=headers).error == "invalid_header"
    assert server.connections == 0


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1:{port}/", "http://a:b@127.0.0.1:{port}/", "127.0.0.1:{port}", "http://\x00"],
)
def test_url_that_is_not_plain_http_is_never_asked(
    server: HttpServer, sender: HttpSender, url: str
) -> None:
    assert ask(sender, url.format(port=server.port)).error == "invalid_url"
    assert server.connections == 0


def test_connection_is_kept_between_calls(server: HttpServer, sender: HttpSender) -> None:
    assert [ask(sender, server.url()).status for _ in range(5)] == [200] * 5
    assert server.connections == 1


def test_connection_that_the_destination_has_closed_meanwhile_is_replaced(
    server: HttpServer, sender: HttpSender
) -> None:
    server.on("/last", say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    assert ask(sender, server.url("/last")).status == 200
    server.await_quiet()
    assert ask(sender, server.url()).status == 200
    assert server.connections == 2


def test_connection_over_tls_that_the_destination_has_closed_meanwhile_is_replaced(
    certificate: tuple[Path, ssl.SSLContext],
) -> None:
    bundle, context = certificate
    sender = HttpSender(str(bundle), allow_loopback=True)
    with serving(tls=context) as server:
        server.on("/last", say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
        assert ask(sender, server.url("/last")).status == 200
        server.await_quiet()
        assert ask(sender, server.url()).status == 200
        assert (server.connections, len(server.requests)) == (2, 2)
    sender.close()


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 200_000])
@pytest.mark.parametrize(
    "end",
    [say(), say(b"HTTP/1.1 2"), say(b"HTTP/1.1 200 OK"), reset(), reset(b"HTT")],
    ids=["closed", "half a status line", "a status line without its end", "reset", "three letters"],
)
def test_a_request_is_never_sent_twice_when_a_used_connection_dies(
    server: HttpServer, sender: HttpSender, end: Script, body: bytes
) -> None:
    """libcurl would send it again by itself, and the attempt's record would not say so."""
    server.on("/taken", end)
    assert ask(sender, server.url(), body=b"{}").status == 200

    answer = ask(sender, server.url("/taken"), body=body)

    assert (answer.status, answer.error in ("connection_reset", "bad_response")) == (None, True)
    assert [request.path for request in server.requests] == ["/", "/taken"]
    assert ask(sender, server.url()).status == 200


def test_one_request_a_connection_costs_no_attempt(server: HttpServer, sender: HttpSender) -> None:
    """A destination that says keep-alive and closes all the same; libcurl looks once a second."""
    server.on("/", say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    for _ in range(20):
        assert ask(sender, server.url()).status == 200
        server.await_quiet()
    assert (server.connections, len(server.requests)) == (20, 20)


@pytest.mark.parametrize(
    ("later", "connections"), [(0.0, 1), (59.75, 1), (60.0, 2), (61.0, 2), (-0.25, 2)]
)
def test_connections_that_idled_too_long_are_not_used_again(
    server: HttpServer, later: float, connections: int
) -> None:
    """Nor those of a time that has not come: the clock was set, and nobody knows for how long."""
    now = [1_700_000_000.0]
    sender = HttpSender(public_ca_bundle(), allow_loopback=True, clock=lambda: now[0])
    ask(sender, server.url())
    now[0] += later
    assert ask(sender, server.url()).status == 200
    assert server.connections == connections
    sender.close()


def test_a_fault_of_ours_is_raised_where_it_can_be_seen(
    sender: HttpSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ArithmeticError("ours")

    monkeypatch.setattr(engine.Engine, "drive", fail)
    with pytest.raises(ArithmeticError, match="ours"):
        ask(sender, "http://127.0.0.1:1/")


def test_proxies_of_the_environment_are_ignored(
    server: HttpServer, sender: HttpSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as proxy:
        for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        assert ask(sender, server.url()).status == 200
        assert proxy.connections == 0


# What the answer means


@pytest.mark.parametrize("status", [200, 201, 204, 299, 400, 401, 404, 410, 429, 500, 503, 599])
def test_status_is_the_answer(server: HttpServer, sender: HttpSender, status: int) -> None:
    server.on("/", respond(status))
    answer = ask(sender, server.url())
    assert (answer.status, answer.error) == (status, None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_answer_and_not_followed(
    server: HttpServer, sender: HttpSender, status: int
) -> None:
    server.on("/", respond(status, {"Location": server.url("/elsewhere")}))
    assert ask(sender, server.url()).status == status
    assert [request.path for request in server.requests] == ["/"]


def test_cookies_are_not_kept(server: HttpServer, sender: HttpSender) -> None:
    server.on("/", respond(200, {"Set-Cookie": "a=b; Path=/"}))
    ask(sender, server.url())
    ask(sender, server.url())
    assert [request.header("Cookie") for request in server.requests] == [None, None]


def test_informational_answers_are_passed_over(server: HttpServer, sender: HttpSender) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
    server.on("/", say(early, early, b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"))
    answer = ask(sender, server.url())
    assert (answer.status, answer.retry_after) == (503, None)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("99999999999", None),
        ("\xff\xfe", None),
    ],
)
def test_retry_after_in_seconds_is_read_and_nonsense_is_none(
    server: HttpServer, sender: HttpSender, value: str, seconds: float | None
) -> None:
    server.on("/", respond(429, {"Retry-After": value}))
    assert ask(sender, server.url()).retry_after == seconds


def test_retry_after_as_a_date_is_told_in_seconds_from_now() -> None:
    now = 1_700_000_000.0
    assert retry_after(formatdate(now + 90, usegmt=True).encode(), now) == 90.0
    assert retry_after(formatdate(now - 90, usegmt=True).encode(), now) == 0.0
    assert retry_after(b"Wed, 99 Foo 2023 25:61:00 GMT", now) is None


# What a failing answer says


def test_the_status_line_and_the_first_kilobyte_of_a_failing_answer_are_kept(
    server: HttpServer, sender: HttpSender
) -> None:
    body = b'{"error": "no such order"}' + b"x" * 5000
    server.on("/", respond(500, body=body))
    for _ in range(3):
        answer = ask(sender, server.url())
        assert (answer.status, answer.line, answer.said) == (
            500,
            b"HTTP/1.1 500 Scripted",
            body[:1024],
        )
    # It was read to its end, up to the limit: the connection is used again.
    assert server.connections == 1


@pytest.mark.parametrize("status", [200, 204, 299])
def test_of_a_success_nothing_is_kept(server: HttpServer, sender: HttpSender, status: int) -> None:
    server.on("/", respond(status, body=b"" if status == 204 else b"thanks"))
    answer = ask(sender, server.url())
    assert (answer.status, answer.line, answer.said) == (status, b"", b"")


def test_what_was_said_once_is_not_kept_with_the_next_answer(
    server: HttpServer, sender: HttpSender
) -> None:
    server.on("/", respond(500, body=b"the first"))
    server.on("/refused", say(b""))
    assert ask(sender, server.url()).said == b"the first"
    answer = ask(sender, server.url("/refused"))
    assert (answer.error, answer.line, answer.said) == ("connection_reset", b"", b"")


def ask_and_see_that_the_body_takes_no_time(
    sender: HttpSender, url: str, *, waited_for: bool
) -> Answer:
    """The answer to one attempt: its time ends with its headers, though a body was waited for."""
    began = time.monotonic()
    answer = ask(sender, url, timeout=FOR_EVER)
    over = time.monotonic() - began
    assert answer.seconds < over - (engine.BODY_GRACE_SECONDS if waited_for else 0)
    return answer


DRIP = never_end(503, chunk=b"x", pause=0.01)


@pytest.mark.parametrize(("script", "waited_for"), [(never_end(503), False), (DRIP, True)])
def test_a_failing_answer_that_never_ends_takes_no_longer_and_is_kept_as_far_as_it_came(
    server: HttpServer, sender: HttpSender, script: Script, waited_for: bool
) -> None:
    server.on("/", script)
    answer = ask_and_see_that_the_body_takes_no_time(sender, server.url(), waited_for=waited_for)
    assert (answer.status, answer.line) == (503, b"HTTP/1.1 503 Scripted")
    assert 0 < len(answer.said) <= 1024
    assert set(answer.said) == set(b"x")


def test_of_two_status_lines_the_last_one_is_kept(server: HttpServer, sender: HttpSender) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    server.on("/", say(early + b"HTTP/1.1 400 No\r\nContent-Length: 3\r\n\r\nwhy"))
    answer = ask(sender, server.url())
    assert (answer.status, answer.line, answer.said) == (400, b"HTTP/1.1 400 No", b"why")


def test_success_stands_when_the_body_never_ends(server: HttpServer, sender: HttpSender) -> None:
    server.on("/", never_end())
    answer = ask_and_see_that_the_body_takes_no_time(sender, server.url(), waited_for=False)
    assert answer.status == 200


def test_success_stands_when_the_body_drips_and_does_not_wait_for_the_timeout(
    server: HttpServer, sender: HttpSender
) -> None:
    server.on("/", never_end(chunk=b"x", pause=0.05))
    answer = ask_and_see_that_the_body_takes_no_time(sender, server.url(), waited_for=True)
    assert answer.status == 200


def test_success_stands_when_the_body_is_broken_off(server: HttpServer, sender: HttpSender) -> None:
    server.on("/", reset(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))
    assert ask(sender, server.url()).status == 200


def test_status_line_without_the_end_of_the_headers_is_no_answer(
    server: HttpServer, sender: HttpSender
) -> None:
    server.on("/", reset(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"))
    assert ask(sender, server.url()).error == "connection_reset"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", "connection_reset"),
        (b"\x00\x01\x02 nonsense\r\n\r\n", "bad_response"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "bad_response"),
        (b"HTTP/1.1 two hundred\r\n\r\n", "bad_response"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", "bad_response"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 5000, "bad_response"),
    ],
    ids=["nothing", "bytes", "ssh", "words", "huge header", "endless informational"],
)
def test_what_is_not_http_has_its_error(
    server: HttpServer, sender: HttpSender, answer: bytes, error: str
) -> None:
    server.on("/", say(answer, pause=0.05))
    assert ask(sender, server.url()).error == error


def headers_of(total: int) -> bytes:
    """A whole answer without a body whose headers have so many bytes, the last line included."""
    begin, end = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ", b"\r\n\r\n"
    return begin + b"x" * (total - len(begin) - len(end)) + end


def until_left(answer: bytes) -> Script:
    """Say this, and leave it to the client to end the connection."""

    def script(request: Request, connection: socket.socket) -> bool:
        connection.sendall(answer)
        return silent(request, connection)

    return script


def test_headers_are_read_up_to_64_kib(server: HttpServer, sender: HttpSender) -> None:
    server.on("/more", until_left(headers_of(65_537)))
    assert ask(sender, server.url("/more")).error == "bad_response"
    # Last, for the server closes what the client would use again.
    server.on("/", say(headers_of(65_536)))
    assert ask(sender, server.url()).status == 200


@pytest.mark.parametrize(("size", "connections"), [(65_536, 1), (65_537, 2)])
def test_a_connection_is_used_again_after_a_body_of_up_to_64_kib(
    server: HttpServer, sender: HttpSender, size: int, connections: int
) -> None:
    server.on("/", respond(200, body=b"x" * size))
    assert [ask(sender, server.url()).status for _ in range(2)] == [200, 200]
    assert server.connections == connections


@pytest.mark.parametrize(
    ("code", "error"),
    [(98, "tls"), (100, "bad_response"), (101, "curl_101"), (99, "curl_99"), (97, "curl_97")],
)
def test_codes_that_pycurl_does_not_name_have_their_words(code: int, error: str) -> None:
    assert word(code) == error


def test_reset_before_the_answer_has_its_error(server: HttpServer, sender: HttpSender) -> None:
    server.on("/", reset())
    assert ask(sender, server.url()).error == "connection_reset"


def test_closed_port_has_its_error(sender: HttpSender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert ask(sender, f"http://127.0.0.1:{port}/").error == "connection_refused"


@pytest.mark.timeout(30)  # one after the other would take a minute
def test_name_that_is_not_found_fails_all_its_attempts_and_no_other(
    server: HttpServer, sender: HttpSender
) -> None:
    attempts = [attempt_at("http://nowhere.invalid/", timeout=2) for _ in range(30)]
    attempts.append(attempt_at(server.url()))
    outcomes = list(sender.send(attempts))
    assert len({attempt.event_key for attempt, _ in outcomes}) == 31
    answers = {attempt.url: answer for attempt, answer in outcomes}
    assert answers[server.url()].status == 200
    # Where nothing answers for names at all, the look-up only ends with the attempt.
    assert answers["http://nowhere.invalid/"].error in ("dns", "timeout")


def test_unsendable_attempt_holds_back_no_other_at_its_place(
    server: HttpServer, sender: HttpSender
) -> None:
    attempts = [attempt_at(server.url(), headers={"A": "\n"})]
    attempts += [attempt_at(server.url()) for _ in range(5)]
    answers = [str(answer) for _, answer in sender.send(attempts)]
    assert sorted(answers) == ["200"] * 5 + ["invalid_header"]


# Time


def drip_headers(request: Request, connection: socket.socket) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X: y\r\n")
        time.sleep(0.05)


@pytest.mark.parametrize("script", [silent, drip_headers])
def test_timeout_bounds_the_whole_exchange(
    server: HttpServer, sender: HttpSender, script: Script
) -> None:
    """Without the bound it would have no end."""
    server.on("/", script)
    answer = ask(sender, server.url(), timeout=0.4)
    assert answer.error == "timeout"
    assert answer.seconds > 0.35


def test_attempts_that_never_left_have_failed_and_none_is_lost(sender: HttpSender) -> None:
    """Their connections are taken and nobody shakes hands, as where a host has no processor left:
    nothing of them arrives there, and each has its answer here, to be tried again by.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        attempts = [attempt_at(url, timeout=0.4) for _ in range(20)]
        outcomes = list(sender.send(attempts))
    assert {attempt.event_key: answer.error for attempt, answer in outcomes} == {
        attempt.event_key: "timeout" for attempt in attempts
    }


def test_fifty_attempts_are_under_way_at_once(server: HttpServer, sender: HttpSender) -> None:
    server.on("/", together(50, respond()))
    outcomes = list(sender.send([attempt_at(server.url(), timeout=FOR_EVER) for _ in range(50)]))
    assert [answer.status for _, answer in outcomes] == [200] * 50
    assert len({attempt.event_key for attempt, _ in outcomes}) == 50


def test_slow_destination_holds_nobody_up(server: HttpServer, sender: HttpSender) -> None:
    the_others_are_told = threading.Event()
    server.on("/slow", when(the_others_are_told, respond()))
    urls = [server.url("/slow"), *[server.url("/fast")] * 20]
    told = []
    for attempt, answer in sender.send([attempt_at(url, timeout=FOR_EVER) for url in urls]):
        told.append((attempt.url, answer.status))
        if len(told) == 20:
            the_others_are_told.set()
    assert told == [*[(server.url("/fast"), 200)] * 20, (server.url("/slow"), 200)]


def test_attempts_leave_while_others_are_still_being_made(
    server: HttpServer, sender: HttpSender
) -> None:
    arrived = threading.Event()

    def first(request: Request, connection: socket.socket) -> bool:
        arrived.set()
        return respond()(request, connection)

    def attempts() -> Iterator[Attempt]:
        yield attempt_at(server.url("/first"))
        assert arrived.wait(PATIENCE)
        yield attempt_at(server.url("/second"))

    server.on("/first", first)
    outcomes = list(sender.send(attempts()))
    assert [answer.status for _, answer in outcomes] == [200, 200]
    assert [request.path for request in server.requests] == ["/first", "/second"]


def test_a_failure_of_whoever_makes_attempts_is_seen_and_leaves_nothing_running(
    server: HttpServer, sender: HttpSender
) -> None:
    def attempts() -> Iterator[Attempt]:
        yield attempt_at(server.url("/"))
        raise RuntimeError("made no more")

    with pytest.raises(RuntimeError, match="made no more"):
        list(sender.send(attempts()))
    assert drivers() == []
    assert ask(sender, server.url("/next")).status == 200


def test_no_more_than_the_bound_run_at_once(server: HttpServer) -> None:
    sender = HttpSender(public_ca_bundle(), allow_loopback=True, concurrency=3)
    server.on("/", together(3, respond()))
    outcomes = list(sender.send([attempt_at(server.url()) for _ in range(21)]))
    assert [answer.status for _, answer in outcomes] == [200] * 21
    assert server.connections == 3
    sender.close()


def test_attempt_whose_turn_comes_too_late_is_not_started(server: HttpServer) -> None:
    now = [1_700_000_000.0]

    def take_long(request: Request, connection: socket.socket) -> bool:
        now[0] += 1
        return respond()(request, connection)

    sender = HttpSender(
        public_ca_bundle(), allow_loopback=True, concurrency=1, clock=lambda: now[0]
    )
    server.on("/first", take_long)
    late = attempt_at(server.url("/late"), begin_by=now[0] + 0.5)
    answers = {
        attempt.url: answer
        for attempt, answer in sender.send([attempt_at(server.url("/first")), late])
    }
    assert answers[server.url("/first")].status == 200
    assert answers[late.url] is NOT_STARTED
    assert [request.path for request in server.requests] == ["/first"]
    sender.close()


def test_slow_consumer_makes_no_attempt_look_slow(server: HttpServer, sender: HttpSender) -> None:
    the_consumer_is_busy = threading.Event()
    server.on("/later", when(the_consumer_is_busy, respond()))
    attempts = [attempt_at(server.url("/quick"))]
    attempts += [attempt_at(server.url("/later")) for _ in range(5)]
    began = time.monotonic()
    answers = []
    for _, answer in sender.send(attempts):
        answers.append(answer)
        if len(answers) == 1:
            the_consumer_is_busy.set()
            for driver in drivers():
                driver.join(PATIENCE)  # it needs nobody to take what it has
            all_ended = time.monotonic() - began
            time.sleep(0.2)
    assert [answer.status for answer in answers] == [200] * 6
    assert all(answer.seconds < all_ended for answer in answers)


# TLS


def test_trusted_certificate_is_accepted(certificate: tuple[Path, ssl.SSLContext]) -> None:
    bundle, context = certificate
    sender = HttpSender(str(bundle), allow_loopback=True)
    with serving(tls=context) as server:
        assert ask(sender, server.url()).status == 200
        assert ask(sender, server.url(host="localhost")).status == 200
    sender.close()


def test_self_signed_certificate_is_refused(
    certificate: tuple[Path, ssl.SSLContext], sender: HttpSender
) -> None:
    with serving(tls=certificate[1]) as server:
        assert ask(sender, server.url()).error == "tls"
        assert server.requests == []


@pytest.mark.parametrize(("names", "days"), [(("other.example",), 1), (("localhost",), -1)])
def test_certificate_for_another_name_or_time_is_refused(
    tmp_path: Path, names: tuple[str, ...], days: int
) -> None:
    bundle, context = make_certificate(tmp_path, names=names, days=days)
    sender = HttpSender(str(bundle), allow_loopback=True)
    with serving(tls=context) as server:
        assert ask(sender, server.url(host="localhost")).error == "tls"
        assert server.requests == []
    sender.close()


def test_plain_http_behind_an_https_url_is_a_tls_error(sender: HttpSender) -> None:
    def answer_in_plain_text(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer_in_plain_text, args=(listener,))
        server.start()
        assert ask(sender, f"https://127.0.0.1:{listener.getsockname()[1]}/").error == "tls"
        server.join()


def test_missing_ca_bundle_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        HttpSender(str(tmp_path / "none.pem"))


# Where attempts may go


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "a.localhost",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "127.1",
        "0.0.0.0",
        "0",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "%31%32%37.0.0.1",
    ],
)
def test_nothing_reaches_this_machine_unless_it_is_allowed(
    certificate: tuple[Path, ssl.SSLContext], host: str
) -> None:
    bundle, context = certificate
    guarded = HttpSender(str(bundle))
    with serving(tls=context) as server:
        assert ask(guarded, server.url(host=host)).error == "blocked_address"
        assert server.connections_of_others() == 0
    guarded.close()


def test_nothing_reaches_the_ipv6_loopback(certificate: tuple[Path, ssl.SSLContext]) -> None:
    bundle, context = certificate
    guarded = HttpSender(str(bundle))
    with serving(tls=context, family=socket.AF_INET6) as server:
        assert ask(guarded, server.url(host="[::1]")).error == "blocked_address"
        assert ask(guarded, server.url(host="localhost")).error == "blocked_address"
        assert server.connections_of_others() == 0
    guarded.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "[::ffff:127.0.0.1]", "[::]"])
def test_allowing_loopback_allows_no_other_way_to_this_machine(
    server: HttpServer, sender: HttpSender, host: str
) -> None:
    assert ask(sender, server.url(host=host)).error == "blocked_address"
    assert server.connections == 0


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "192.168.0.1", "[fd00:ec2::254]"])
def test_private_address_is_refused_without_trying(
    sender: HttpSender, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(exchange, "_Lent", lambda *each: opened.append(each))
    assert ask(sender, f"http://{host}/", timeout=FOR_EVER).error == "blocked_address"
    assert opened == []


def test_plain_http_is_refused_unless_loopback_is_allowed(server: HttpServer) -> None:
    guarded = HttpSender(public_ca_bundle())
    assert ask(guarded, server.url()).error == "invalid_url"
    guarded.close()


def test_every_connection_is_judged_anew(
    server: HttpServer, sender: HttpSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a name resolves to a public address first and to a private one the next time."""
    judged: list[str] = []

    def only_the_first(address: str, *, allow_loopback: bool) -> bool:
        judged.append(address)
        return len(judged) == 1

    monkeypatch.setattr(exchange, "may_connect", only_the_first)
    server.on("/", respond(200, {"Connection": "close"}))

    assert ask(sender, server.url()).status == 200
    assert ask(sender, server.url()).error == "blocked_address"
    assert judged == ["127.0.0.1", "127.0.0.1"]
    assert server.connections == 1


def test_failure_of_the_guard_refuses_the_connection(
    server: HttpServer, sender: HttpSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(address: str, *, allow_loopback: bool) -> bool:
        raise RuntimeError("out of order")

    monkeypatch.setattr(exchange, "may_connect", broken)
    assert ask(sender, server.url()).error == "no_socket"
    assert server.connections == 0


# Leaving no traces


def drivers() -> list[threading.Thread]:
    """The threads that drive attempts."""
    return [thread for thread in threading.enumerate() if thread.name == "http-sender"]


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_call_that_is_given_up_ends_what_it_began(server: HttpServer, sender: HttpSender) -> None:
    server.on("/slow", silent)
    ask(sender, server.url())
    slow = [attempt_at(server.url("/slow"), timeout=FOR_EVER) for _ in range(5)]
    outcomes = iter(sender.send([attempt_at(server.url()), *slow]))
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert drivers() == []
    assert ask(sender, server.url()).status == 200


def test_two_calls_at_the_same_time_do_not_meet(server: HttpServer, sender: HttpSender) -> None:
    another_was_made = threading.Event()
    server.on("/slow", when(another_was_made, respond()))
    urls = (server.url("/quick"), server.url("/slow"))
    first = iter(sender.send([attempt_at(url, timeout=FOR_EVER) for url in urls]))
    next(first)
    assert ask(sender, server.url()).status == 200
    another_was_made.set()
    assert next(first)[1].status == 200


def test_sending_nothing_yields_nothing(sender: HttpSender) -> None:
    assert list(sender.send([])) == []


def test_thousand_sends_leak_no_descriptors(
    server: HttpServer, certificate: tuple[Path, ssl.SSLContext]
) -> None:
    sender = HttpSender(public_ca_bundle(), allow_loopback=True)
    server.on("/close", respond(200, {"Connection": "close"}))
    server.on("/reset", reset())
    server.on("/endless", never_end())
    urls = [server.url(p) for p in ("/", "/close", "/reset", "/endless")] + ["http://10.0.0.1/"]
    before = open_descriptors()
    for _ in range(20):
        attempts = [attempt_at(url) for url in urls for _ in range(10)]
        assert len(list(sender.send(attempts))) == 50
    sender.close()
    server.close()
    # The server's side of the connections goes a little later.
    wait_until(lambda: open_descriptors() <= before)
