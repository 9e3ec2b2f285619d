"""The HTTP sender against real sockets: what goes over the wire, and what is made of the answer."""

import itertools
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from spectrum_forwarder.adapters.kinds.http import exchange
from spectrum_forwarder.adapters.kinds.http.exchange import retry_after
from spectrum_forwarder.adapters.kinds.http.sender import HttpSender
from spectrum_forwarder.adapters.kinds.http.trust import public_ca_bundle
from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer
from spectrum_forwarder.domain.outbound import Attempt

from tests.support.http_server import (
    HttpServer,
    Script,
    hang,
    make_certificate,
    never_end,
    reset,
    respond,
    say,
    serving,
)

HEADERS = {"Content-Type": "application/json", "User-Agent": "spectrum-forwarder/test"}
NUMBERS = itertools.count()


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
    time.sleep(0.05)
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
        time.sleep(0.05)
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
        time.sleep(0.02)
    assert (server.connections, len(server.requests)) == (20, 20)


def test_connections_that_idled_too_long_are_not_used_again(server: HttpServer) -> None:
    now = [1_700_000_000.0]
    sender = HttpSender(public_ca_bundle(), allow_loopback=True, clock=lambda: now[0])
    ask(sender, server.url())
    now[0] += 61
    assert ask(sender, server.url()).status == 200
    assert server.connections == 2
    sender.close()


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


@pytest.mark.parametrize("script", [never_end(503), never_end(503, chunk=b"x", pause=0.01)])
def test_a_failing_answer_that_never_ends_takes_no_longer_and_is_kept_as_far_as_it_came(
    server: HttpServer, sender: HttpSender, script: Script
) -> None:
    server.on("/", script)
    began = time.monotonic()
    answer = ask(sender, server.url(), timeout=10)
    assert (answer.status, answer.line) == (503, b"HTTP/1.1 503 Scripted")
    assert 0 < len(answer.said) <= 1024
    assert set(answer.said) == set(b"x")
    assert answer.seconds < 0.5
    assert time.monotonic() - began < 3


def test_of_two_status_lines_the_last_one_is_kept(server: HttpServer, sender: HttpSender) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    server.on("/", say(early + b"HTTP/1.1 400 No\r\nContent-Length: 3\r\n\r\nwhy"))
    answer = ask(sender, server.url())
    assert (answer.status, answer.line, answer.said) == (400, b"HTTP/1.1 400 No", b"why")


def test_success_stands_when_the_body_never_ends(server: HttpServer, sender: HttpSender) -> None:
    server.on("/", never_end())
    answer = ask(sender, server.url(), timeout=5)
    assert answer.status == 200
    assert answer.seconds < 0.5


def test_success_stands_when_the_body_drips_and_does_not_wait_for_the_timeout(
    server: HttpServer, sender: HttpSender
) -> None:
    server.on("/", never_end(chunk=b"x", pause=0.05))
    began = time.monotonic()
    answer = ask(sender, server.url(), timeout=10)
    assert answer.status == 200
    assert answer.seconds < 0.5
    assert time.monotonic() - began < 3


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


def test_reset_before_the_answer_has_its_error(server: HttpServer, sender: HttpSender) -> None:
    server.on("/", reset())
    assert ask(sender, server.url()).error == "connection_reset"


def test_closed_port_has_its_error(sender: HttpSender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert ask(sender, f"http://127.0.0.1:{port}/").error == "connection_refused"


def test_name_that_is_not_found_fails_all_its_attempts_and_no_other(
    server: HttpServer, sender: HttpSender
) -> None:
    attempts = [attempt_at("http://nowhere.invalid/", timeout=2) for _ in range(30)]
    attempts.append(attempt_at(server.url()))
    began = time.monotonic()
    outcomes = list(sender.send(attempts))
    assert len({attempt.event_key for attempt, _ in outcomes}) == 31
    answers = {attempt.url: answer for attempt, answer in outcomes}
    assert answers[server.url()].status == 200
    # Where nothing answers for names at all, the look-up only ends with the attempt.
    assert answers["http://nowhere.invalid/"].error in ("dns", "timeout")
    assert time.monotonic() - began < 4


def test_unsendable_attempt_holds_back_no_other_at_its_place(
    server: HttpServer, sender: HttpSender
) -> None:
    attempts = [attempt_at(server.url(), headers={"A": "\n"})]
    attempts += [attempt_at(server.url()) for _ in range(5)]
    answers = [str(answer) for _, answer in sender.send(attempts)]
    assert sorted(answers) == ["200"] * 5 + ["invalid_header"]


# Time


@pytest.mark.parametrize(
    "script",
    [
        hang(3),
        say(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 60, pause=0.05),
    ],
    ids=["silent", "dripping headers"],
)
def test_timeout_bounds_the_whole_exchange(
    server: HttpServer, sender: HttpSender, script: Callable[..., bool]
) -> None:
    server.on("/", script)
    began = time.monotonic()
    answer = ask(sender, server.url(), timeout=0.4)
    assert answer.error == "timeout"
    assert 0.35 < answer.seconds < 1
    assert time.monotonic() - began < 1.2


def test_fifty_attempts_take_the_time_of_about_one(server: HttpServer, sender: HttpSender) -> None:
    server.on("/", respond(delay=0.05))
    began = time.monotonic()
    outcomes = list(sender.send([attempt_at(server.url()) for _ in range(50)]))
    assert time.monotonic() - began < 1  # one after the other would take 2.5
    assert [answer.status for _, answer in outcomes] == [200] * 50
    assert len({attempt.event_key for attempt, _ in outcomes}) == 50


def test_slow_destination_holds_nobody_up(server: HttpServer, sender: HttpSender) -> None:
    server.on("/slow", respond(delay=1.5))
    began = time.monotonic()
    urls = [server.url("/slow"), *[server.url("/fast")] * 20]
    arrivals = [
        (attempt.url, time.monotonic() - began)
        for attempt, _ in sender.send([attempt_at(url) for url in urls])
    ]
    assert arrivals[-1][0] == server.url("/slow")
    assert all(at < 1 for _, at in arrivals[:-1])


def test_attempts_leave_while_others_are_still_being_made(
    server: HttpServer, sender: HttpSender
) -> None:
    def attempts() -> Iterator[Attempt]:
        yield attempt_at(server.url("/first"))
        deadline = time.monotonic() + 5
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.01)
        yield attempt_at(server.url("/second"))

    began = time.monotonic()
    outcomes = list(sender.send(attempts()))
    assert [answer.status for _, answer in outcomes] == [200, 200]
    assert time.monotonic() - began < 4
    assert [request.path for request in server.requests] == ["/first", "/second"]


def test_a_failure_of_whoever_makes_attempts_is_seen_and_leaves_nothing_running(
    server: HttpServer, sender: HttpSender
) -> None:
    def attempts() -> Iterator[Attempt]:
        yield attempt_at(server.url("/"))
        raise RuntimeError("made no more")

    with pytest.raises(RuntimeError, match="made no more"):
        list(sender.send(attempts()))
    assert not [thread for thread in threading.enumerate() if thread.name == "http-sender"]
    assert ask(sender, server.url("/next")).status == 200


def test_no_more_than_the_bound_run_at_once(server: HttpServer) -> None:
    sender = HttpSender(public_ca_bundle(), allow_loopback=True, concurrency=3)
    server.on("/", respond(delay=0.02))
    outcomes = list(sender.send([attempt_at(server.url()) for _ in range(20)]))
    assert [answer.status for _, answer in outcomes] == [200] * 20
    assert server.connections == 3
    sender.close()


def test_attempt_whose_turn_comes_too_late_is_not_started(server: HttpServer) -> None:
    sender = HttpSender(public_ca_bundle(), allow_loopback=True, concurrency=1)
    server.on("/first", respond(delay=0.3))
    late = attempt_at(server.url("/late"), begin_by=time.time() + 0.1)
    answers = {
        attempt.url: answer
        for attempt, answer in sender.send([attempt_at(server.url("/first")), late])
    }
    assert answers[server.url("/first")].status == 200
    assert answers[late.url] is NOT_STARTED
    assert [request.path for request in server.requests] == ["/first"]
    sender.close()


def test_slow_consumer_makes_no_attempt_look_slow(server: HttpServer, sender: HttpSender) -> None:
    server.on("/quick", respond())
    server.on("/later", respond(delay=0.3))
    attempts = [attempt_at(server.url("/quick"))]
    attempts += [attempt_at(server.url("/later"), timeout=0.9) for _ in range(5)]
    answers = []
    for _, answer in sender.send(attempts):
        answers.append(answer)
        if len(answers) == 1:
            time.sleep(1.5)  # longer than the others may take
    assert [answer.status for answer in answers] == [200] * 6
    assert all(answer.seconds < 0.8 for answer in answers)


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
        time.sleep(0.02)
        assert server.connections == 0
    guarded.close()


def test_nothing_reaches_the_ipv6_loopback(certificate: tuple[Path, ssl.SSLContext]) -> None:
    bundle, context = certificate
    guarded = HttpSender(str(bundle))
    with serving(tls=context, family=socket.AF_INET6) as server:
        assert ask(guarded, server.url(host="[::1]")).error == "blocked_address"
        assert ask(guarded, server.url(host="localhost")).error == "blocked_address"
        time.sleep(0.02)
        assert server.connections == 0
    guarded.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "[::ffff:127.0.0.1]", "[::]"])
def test_allowing_loopback_allows_no_other_way_to_this_machine(
    server: HttpServer, sender: HttpSender, host: str
) -> None:
    assert ask(sender, server.url(host=host)).error == "blocked_address"
    assert server.connections == 0


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "192.168.0.1", "[fd00:ec2::254]"])
def test_private_address_is_refused_without_waiting(sender: HttpSender, host: str) -> None:
    answer = ask(sender, f"http://{host}/")
    assert answer.error == "blocked_address"
    assert answer.seconds < 1


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


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_call_that_is_given_up_ends_what_it_began(server: HttpServer, sender: HttpSender) -> None:
    server.on("/slow", hang(5))
    ask(sender, server.url())
    attempts = [attempt_at(server.url()), *[attempt_at(server.url("/slow")) for _ in range(5)]]
    outcomes = iter(sender.send(attempts))
    next(outcomes)
    began = time.monotonic()
    outcomes.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 1
    assert not [t for t in threading.enumerate() if t.name == "http-sender"]
    assert ask(sender, server.url()).status == 200


def test_two_calls_at_the_same_time_do_not_meet(server: HttpServer, sender: HttpSender) -> None:
    server.on("/slow", respond(delay=0.2))
    first = iter(sender.send([attempt_at(server.url("/slow")) for _ in range(2)]))
    next(first)
    assert ask(sender, server.url()).status == 200
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
    deadline = time.monotonic() + 5
    while open_descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.05)  # the server's side of the connections goes a little later
    assert open_descriptors() <= before
