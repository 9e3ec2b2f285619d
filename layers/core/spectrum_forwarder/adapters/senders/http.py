"""The HTTP sender: all attempts of a batch at once, over libcurl's multi interface.

libcurl is driven by a thread of its own while the consumer handles the answers that are there: a
consumer that waits for its table neither delays an attempt nor makes one look too slow.
Connections, TLS sessions and the parsed CA bundle are kept between calls.
"""

import importlib.util
import select
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pycurl  # type: ignore[import-untyped]

from spectrum_forwarder.adapters.senders.exchange import (
    IDLE_LIMIT_SECONDS,
    Exchange,
    Unsendable,
)
from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Clock

CONCURRENCY = 100
# How long the body of an answer may keep an exchange open once the headers are there.
BODY_GRACE_SECONDS = 1.0
# The longest wait in one go: how late an abandoned call or a body's end is noticed.
TICK_SECONDS = 0.1

Outcome = tuple[Attempt, Answer]


def public_ca_bundle() -> str:
    """The path of the CA bundle that botocore ships; libcurl's own default is not on Lambda."""
    found = importlib.util.find_spec("botocore")
    if found is None or found.origin is None:
        raise FileNotFoundError("botocore, whose CA bundle is used, is not installed")
    return str(Path(found.origin).with_name("cacert.pem"))


class HttpSender:
    """Carries attempts out over HTTP/1.1; a Sender.

    `ca_bundle` is a file of PEM certificates, `allow_loopback` is for a stack on one machine.
    Besides a status an answer's error is one of: timeout, dns, connection_refused,
    connection_reset, unreachable, tls, blocked_address, bad_response, invalid_url,
    invalid_header, no_socket, curl_<number>.
    """

    def __init__(
        self,
        ca_bundle: str,
        *,
        allow_loopback: bool = False,
        concurrency: int = CONCURRENCY,
        clock: Clock = time.time,
    ) -> None:
        if not Path(ca_bundle).is_file():
            raise FileNotFoundError(f"no CA bundle at {ca_bundle}")
        self._ca_bundle = ca_bundle
        self._allow_loopback = allow_loopback
        self._concurrency = concurrency
        self._clock = clock
        self._idle: list[_Engine] = []

    def send(self, attempts: Iterable[Attempt]) -> Iterator[Outcome]:
        """Make all attempts at once, and yield each with its answer as it comes.

        Begins with the first `next`; closing the iterator early breaks off what is under way.
        """
        waiting = deque(attempts)
        expected = len(waiting)
        if not waiting:
            return
        engine = self._take_engine()
        outcomes: SimpleQueue[Outcome | BaseException] = SimpleQueue()
        stopped = threading.Event()

        def drive() -> None:
            try:
                engine.drive(waiting, outcomes, stopped)
            except BaseException as error:  # ours: raised again where it can be seen
                engine.close()
                outcomes.put(error)
            else:
                self._idle.append(engine)

        driver = threading.Thread(target=drive, name="http-sender")
        driver.start()
        try:
            for _ in range(expected):
                outcome = outcomes.get()
                if isinstance(outcome, BaseException):
                    raise outcome
                yield outcome
        finally:
            stopped.set()
            driver.join()

    def close(self) -> None:
        """Close all idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _take_engine(self) -> "_Engine":
        """One that is idle and whose connections are young enough, or a new one."""
        while self._idle:
            engine = self._idle.pop()
            # By the clock on the wall, because a frozen function's own time stands still.
            if 0 <= self._clock() - engine.used_at < IDLE_LIMIT_SECONDS:
                return engine
            engine.close()
        return _Engine(self._ca_bundle, self._allow_loopback, self._concurrency, self._clock)


class _Engine:
    """A libcurl multi handle with its connections and exchanges; one thread at a time drives it."""

    def __init__(
        self, ca_bundle: str, allow_loopback: bool, concurrency: int, clock: Clock
    ) -> None:
        self.used_at = clock()
        self._ca_bundle = ca_bundle
        self._allow_loopback = allow_loopback
        self._concurrency = concurrency
        self._clock = clock
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, concurrency)
        self._running: dict[Any, Exchange] = {}
        self._spare: list[Exchange] = []

    def drive(
        self,
        waiting: deque[Attempt],
        outcomes: "SimpleQueue[Outcome | BaseException]",
        stopped: threading.Event,
    ) -> None:
        """Carry out all that waits, putting each outcome, until done or stopped."""
        while (waiting or self._running) and not stopped.is_set():
            while waiting and len(self._running) < self._concurrency:
                attempt = waiting.popleft()
                answer = self._begin(attempt)
                if answer is not None:
                    outcomes.put((attempt, answer))
            self._multi.perform()
            ended = self._ended()
            for exchange, code in ended:
                outcomes.put(self._end(exchange, code))
            if self._running and not ended:
                self._wait()
        for exchange in list(self._running.values()):
            self._end(exchange, 0)
        self.used_at = self._clock()

    def close(self) -> None:
        """Close every connection and free all handles."""
        for curl, exchange in self._running.items():
            self._multi.remove_handle(curl)
            exchange.close()
        for exchange in self._spare:
            exchange.close()
        self._running, self._spare = {}, []
        self._multi.close()

    def _begin(self, attempt: Attempt) -> Answer | None:
        """Start the exchange; return the answer where there is nothing to start."""
        if self._clock() >= attempt.begin_by:
            return NOT_STARTED
        exchange = self._spare.pop() if self._spare else self._new_exchange()
        try:
            exchange.begin(attempt)
        except Unsendable as error:
            self._spare.append(exchange)
            return Answer(error=str(error))
        self._multi.add_handle(exchange.curl)
        self._running[exchange.curl] = exchange
        return None

    def _new_exchange(self) -> Exchange:
        return Exchange(
            ca_bundle=self._ca_bundle, allow_loopback=self._allow_loopback, clock=self._clock
        )

    def _ended(self) -> list[tuple[Exchange, int]]:
        """The exchanges that are over, and those whose answer is known and body drags on."""
        ended: list[tuple[Exchange, int]] = []
        left = 1
        while left:
            left, fine, failed = self._multi.info_read()
            ended += [(self._running[curl], 0) for curl in fine]
            ended += [(self._running[curl], code) for curl, code, _ in failed]
        over = {exchange for exchange, _ in ended}
        latest = time.monotonic() - BODY_GRACE_SECONDS
        for exchange in self._running.values():
            answered_at = exchange.answered_at
            if answered_at is not None and answered_at < latest and exchange not in over:
                ended.append((exchange, 0))
        return ended

    def _end(self, exchange: Exchange, code: int) -> Outcome:
        attempt = self._running.pop(exchange.curl).attempt
        assert attempt is not None
        self._multi.remove_handle(exchange.curl)
        answer = exchange.end(code)
        self._spare.append(exchange)
        return attempt, answer

    def _wait(self) -> None:
        """Until a socket is ready, or libcurl wants its turn."""
        readable, writable, broken = self._multi.fdset()
        milliseconds = self._multi.timeout()
        wait = TICK_SECONDS if milliseconds < 0 else min(TICK_SECONDS, milliseconds / 1000)
        select.select(readable, writable, broken, wait)
