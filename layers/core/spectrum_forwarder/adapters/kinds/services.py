"""Attempts whose targets are reached through AWS's APIs: a few threads, one call an attempt.

Owns what all of them have in common: when an attempt begins and is given up, what a failed call
means, the clients. How an attempt is put into a call is its courier's, in its kind's module.
A failed call is never repeated here: the delivery's own retries do that.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from botocore import exceptions

from spectrum_forwarder.adapters.failures import FAILURES, failure_code
from spectrum_forwarder.adapters.kinds import sending
from spectrum_forwarder.adapters.kinds.kind import Clients, Courier, Refused, TooLarge
from spectrum_forwarder.adapters.kinds.sending import Outcome, Outcomes
from spectrum_forwarder.domain.answers import LOOKED_AT
from spectrum_forwarder.domain.delivery import NOT_STARTED, TOO_LARGE, Answer
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Clock

if TYPE_CHECKING:
    from botocore.session import Session

THREADS = 16
# By so much a client's own time limit, which says more, comes first.
GRACE_SECONDS = 0.25

_THROTTLED = {
    *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled"),
    *("TooManyRequestsException", "RequestLimitExceeded", "KMSThrottlingException"),
    *("KmsThrottled", "OverLimit", "SlowDown", "ServiceQuotaExceededException"),
}
_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "KmsAccessDenied"}
_NOT_FOUND = {
    *("ResourceNotFoundException", "QueueDoesNotExist"),
    *("AWS.SimpleQueueService.NonExistentQueue", "AWS.SimpleQueueService.QueueDeletedRecently"),
}
_WORDS = {
    **dict.fromkeys(_THROTTLED, "throttled"),
    **dict.fromkeys(_DENIED, "access_denied"),
    **dict.fromkeys(_NOT_FOUND, "not_found"),
}
_FAILURE_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.ConnectTimeoutError, "timeout"),
    (exceptions.ReadTimeoutError, "timeout"),
    (exceptions.SSLError, "tls"),
    (exceptions.EndpointConnectionError, "unreachable"),
    (exceptions.ConnectionClosedError, "connection_reset"),
    (exceptions.NoCredentialsError, "access_denied"),
)
# How the services say that a call was too large for them, whatever their limit is today.
_SIZE_CODES = {"RequestEntityTooLargeException", "RequestTooLargeException"}
_SIZE_PHRASES = ("must be shorter than", "size of the entries", "exceeds the maximum size")


class TargetClients:
    """Makes clients when they are first needed, and keeps them; safe to use from threads."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str, float], Any] = {}
        self._session: Session | None = None
        self._lock = threading.Lock()

    def get(self, service: str, arn: str, timeout_seconds: float) -> Any:
        """See the protocol."""
        # Half of a cold start, for kinds of targets that most stacks have none of.
        from botocore.config import Config  # noqa: PLC0415
        from botocore.session import get_session  # noqa: PLC0415

        region = arn.split(":")[3]
        key = (service, region, timeout_seconds)
        with self._lock:
            if key not in self._made:
                self._session = self._session or get_session()
                self._made[key] = self._session.create_client(
                    service,
                    region_name=region,
                    config=Config(
                        connect_timeout=timeout_seconds,
                        read_timeout=timeout_seconds,
                        max_pool_connections=THREADS,
                        retries={"mode": "standard", "total_max_attempts": 1},
                    ),
                )
            return self._made[key]


class ServiceSender:
    """Carries attempts out by the courier of their kind; a Sender.

    Besides a status an answer's error is one of: too_large, throttled, access_denied, not_found,
    timeout, unreachable, connection_reset, tls, aws_<code>.
    """

    def __init__(
        self, couriers: Mapping[str, Courier], clients: Clients, *, clock: Clock = time.time
    ) -> None:
        self._couriers = couriers
        self._clients = clients
        self._clock = clock
        self._pool: ThreadPoolExecutor | None = None

    def send(self, attempts: Iterable[Attempt]) -> Iterator[Outcome]:
        """See the port. An attempt that has had its time is answered, whatever becomes of it."""
        return sending.send(attempts, lambda _: self)

    def open(self, outcomes: Outcomes) -> "ServiceSending":
        """Carry attempts out in the threads of the pool."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="service-sender")
        return ServiceSending(self._pool, outcomes, self._clock, self._answer)

    def close(self) -> None:
        """Let the threads end; what is under way is waited for."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _answer(self, attempt: Attempt) -> Answer:
        began = time.monotonic()
        status, error, line, said = None, None, b"", b""
        try:
            status = self._couriers[attempt.kind].carry(attempt, self._clients)
        except TooLarge:
            error = TOO_LARGE.error
        except Refused as refused:
            error, line = error_word(str(refused)), _bytes(str(refused))
        except FAILURES as failure:
            error = failure_word(failure)
            line, said = _said(failure)
        seconds = time.monotonic() - began
        return Answer(status=status, error=error, seconds=seconds, line=line, said=said)


class ServiceSending:
    """Attempts in a pool of threads, and which of them have begun and are still open; a Sending."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        outcomes: Outcomes,
        clock: Clock,
        answer: Callable[[Attempt], Answer],
    ) -> None:
        self._pool = pool
        self._outcomes = outcomes
        self._clock = clock
        self._answer = answer
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._under_way: dict[int, tuple[Attempt, float]] = {}

    def begin(self, attempt: Attempt) -> None:
        self._pool.submit(self._run, attempt)

    def complete(self) -> None:
        """Nothing to do: the threads end by themselves."""

    def look(self) -> None:
        now = time.monotonic()
        with self._lock:
            began = list(self._under_way.items())
        for number, (attempt, began_at) in began:
            seconds = now - began_at
            if seconds > attempt.timeout_seconds + GRACE_SECONDS and self._end(number):
                self._outcomes.put((attempt, Answer(error="timeout", seconds=seconds)))

    def stop(self) -> None:
        """Begin nothing more. A call to a service cannot be broken off: its answer is dropped."""
        self._stopped.set()

    def _run(self, attempt: Attempt) -> None:
        if self._stopped.is_set() or self._clock() >= attempt.begin_by:
            self._outcomes.put((attempt, NOT_STARTED))
            return
        with self._lock:
            number = next(self._numbers)
            self._under_way[number] = (attempt, time.monotonic())
        try:
            answer = self._answer(attempt)
        except BaseException as error:  # ours: raised again where it can be seen
            self._outcomes.put(error)
            return
        if self._end(number):
            self._outcomes.put((attempt, answer))

    def _end(self, number: int) -> bool:
        """Whether the attempt was open until now: it gets one outcome, and no second one."""
        with self._lock:
            return self._under_way.pop(number, None) is not None


def _said(failure: Exception) -> tuple[bytes, bytes]:
    """A service's error code, and what it says; nothing where no service has answered."""
    if not isinstance(failure, exceptions.ClientError):
        return b"", b""
    details = failure.response.get("Error", {})
    return _bytes(str(details.get("Code", ""))), _bytes(str(details.get("Message", "")))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")[:LOOKED_AT]


def failure_word(error: Exception) -> str:
    """The answer's error for a call that failed."""
    if isinstance(error, exceptions.ClientError):
        details = error.response.get("Error", {})
        return error_word(str(details.get("Code", "")), str(details.get("Message", "")))
    for kind, word in _FAILURE_WORDS:
        if isinstance(error, kind):
            return word
    return f"aws_{failure_code(error)}"


def error_word(code: str, text: str = "") -> str:
    """The answer's error for a service's error code and text."""
    if code in _SIZE_CODES or any(phrase in text for phrase in _SIZE_PHRASES):
        return TOO_LARGE.error or ""
    return _WORDS.get(code) or f"aws_{code[:60]}"
