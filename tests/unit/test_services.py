"""The sender of AWS's services without any: what is begun, given up, and made of a failure."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore import exceptions
from spectrum_forwarder.adapters.kinds import services
from spectrum_forwarder.adapters.kinds.kind import Refused, TooLarge
from spectrum_forwarder.adapters.kinds.services import (
    ServiceSender,
    ServiceSending,
    TargetClients,
    error_word,
    failure_word,
)
from spectrum_forwarder.domain.answers import LOOKED_AT
from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer
from spectrum_forwarder.domain.outbound import Attempt

from tests.support.make import NOW

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:orders"
FINE = Answer(status=200)


def attempt(begin_by: float = NOW + 1) -> Attempt:
    return Attempt("main:1", "crm", QUEUE, {}, b"{}", 5.0, begin_by, kind="sqs")


class Bench:
    """Attempts in a pool whose one thread goes on when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.outcomes: SimpleQueue[Any] = SimpleQueue()
        self.during: Callable[[], object] = lambda: None
        self.work: list[tuple[Any, ...]] = []
        self.sending = ServiceSending(cast(Any, self), self.outcomes, lambda: NOW, self.answer)

    def submit(self, *work: Any) -> None:
        self.work.append(work)

    def answer(self, _attempt: Attempt) -> Answer:
        self.during()
        return FINE

    def go_on(self) -> list[Any]:
        """The outcomes, once the thread has done its work."""
        for run, *arguments in self.work:
            run(*arguments)
        self.work.clear()
        return [self.outcomes.get() for _ in range(self.outcomes.qsize())]

    def look_after(self, seconds: float) -> None:
        self.now += seconds
        self.sending.look()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench()
    monkeypatch.setattr(services, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


@pytest.mark.parametrize(
    ("begin_by", "answer"), [(NOW, NOT_STARTED), (NOW + 0.25, FINE), (NOW - 1, NOT_STARTED)]
)
def test_what_cannot_begin_in_time_is_not_begun(
    bench: Bench, begin_by: float, answer: Answer
) -> None:
    tried = attempt(begin_by)
    bench.sending.begin(tried)
    assert bench.go_on() == [(tried, answer)]


def test_nothing_is_begun_any_more_once_it_is_stopped(bench: Bench) -> None:
    tried = attempt()
    bench.sending.begin(tried)
    bench.sending.stop()
    assert bench.go_on() == [(tried, NOT_STARTED)]


@pytest.mark.parametrize(("seconds", "given_up"), [(5.25, False), (5.5, True)])
def test_a_call_that_has_had_its_time_is_answered_once(
    bench: Bench, seconds: float, given_up: bool
) -> None:
    tried = attempt()
    bench.during = lambda: bench.look_after(seconds)
    bench.sending.begin(tried)
    answer = Answer(error="timeout", seconds=seconds) if given_up else FINE
    assert bench.go_on() == [(tried, answer)]
    bench.look_after(60)
    assert bench.go_on() == []


def test_a_failure_of_ours_is_put_where_it_can_be_seen(bench: Bench) -> None:
    error = ArithmeticError()

    def fail() -> None:
        raise error

    bench.during = fail
    bench.sending.begin(attempt())
    assert bench.go_on() == [error]


@pytest.mark.parametrize(
    ("code", "text", "word"),
    [
        ("ThrottlingException", "", "throttled"),
        ("KmsThrottled", "", "throttled"),
        ("AccessDenied", "", "access_denied"),
        ("QueueDoesNotExist", "", "not_found"),
        ("RequestTooLargeException", "", "too_large"),
        ("InvalidParameterValue", "Message must be shorter than 9 bytes.", "too_large"),
        ("ValidationException", "the size of the entries is 9", "too_large"),
        ("Other", "elsewhere", "aws_Other"),
        ("x" * 61, "", "aws_" + "x" * 60),
        ("", "", "aws_"),
    ],
)
def test_the_word_for_what_a_service_refuses(code: str, text: str, word: str) -> None:
    assert error_word(code, text) == word
    answered = exceptions.ClientError({"Error": {"Code": code, "Message": text}}, "SendMessage")
    assert failure_word(answered) == word


@pytest.mark.parametrize(
    ("failure", "word"),
    [
        (exceptions.ConnectTimeoutError(endpoint_url="x"), "timeout"),
        (exceptions.ReadTimeoutError(endpoint_url="x"), "timeout"),
        (exceptions.SSLError(endpoint_url="x", error=OSError()), "tls"),
        (exceptions.EndpointConnectionError(endpoint_url="x"), "unreachable"),
        (exceptions.ConnectionClosedError(endpoint_url="x"), "connection_reset"),
        (exceptions.NoCredentialsError(), "access_denied"),
    ],
)
def test_the_word_for_a_call_without_an_answer(failure: Exception, word: str) -> None:
    assert failure_word(failure) == word


class Carries:
    """A courier that ends as a test says, after half a second."""

    def __init__(self, bench: Bench, failure: Exception | None) -> None:
        self._bench = bench
        self._failure = failure

    def carry(self, attempt: Attempt, clients: Any) -> int:
        self._bench.now += 0.5
        if self._failure is not None:
            raise self._failure
        return 202


@pytest.mark.parametrize(
    ("failure", "answer"),
    [
        (None, Answer(status=202, seconds=0.5)),
        (TooLarge(), Answer(error="too_large", seconds=0.5)),
        (Refused("AccessDenied"), Answer(error="access_denied", seconds=0.5, line=b"AccessDenied")),
        (
            exceptions.ClientError(
                {"Error": {"Code": "Odd", "Message": "m" * 9999}}, "SendMessage"
            ),
            Answer(error="aws_Odd", seconds=0.5, line=b"Odd", said=b"m" * LOOKED_AT),
        ),
        (exceptions.NoCredentialsError(), Answer(error="access_denied", seconds=0.5)),
    ],
)
def test_what_is_made_of_how_a_call_ends(
    bench: Bench, failure: Exception | None, answer: Answer
) -> None:
    sender = ServiceSender({"sqs": Carries(bench, failure)}, cast(Any, None), clock=lambda: NOW)
    assert [found for _, found in sender.send([attempt()])] == [answer]
    sender.close()


def test_threads_end_when_the_sender_is_closed_and_are_begun_anew() -> None:
    sender = ServiceSender({"sqs": cast(Any, Fine())}, cast(Any, None), clock=lambda: NOW)
    sender.close()
    others = set(threading.enumerate())
    for _ in range(2):
        assert len(list(sender.send([attempt()]))) == 1
        own = set(threading.enumerate()) - others
        assert [thread.name for thread in own] == ["service-sender_0"]
        sender.close()
        assert own.isdisjoint(threading.enumerate())


class Fine:
    """A courier of what is taken."""

    def carry(self, attempt: Attempt, clients: Any) -> int:
        return 200


def test_a_client_is_made_once_for_its_region_and_time_limit_and_tries_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    clients = TargetClients()
    client = clients.get("sqs", QUEUE, 5.0)
    assert clients.get("sqs", QUEUE + "-2", 5.0) is client
    assert clients.get("sqs", QUEUE, 6.0) is not client
    config = client.meta.config
    assert client.meta.region_name == "eu-central-1"
    assert (config.connect_timeout, config.read_timeout) == (5.0, 5.0)
    assert (config.max_pool_connections, config.retries["total_max_attempts"]) == (16, 1)
