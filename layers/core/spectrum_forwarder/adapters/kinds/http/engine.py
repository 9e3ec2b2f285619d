"""What drives libcurl: a multi handle with its connections, and the exchanges under way on it."""

import select
import threading
import time
from collections import deque
from typing import Any

import pycurl  # type: ignore[import-untyped]

from spectrum_forwarder.adapters.kinds.http.exchange import Exchange
from spectrum_forwarder.adapters.kinds.http.headers import Unsendable
from spectrum_forwarder.adapters.kinds.http.kept import Kept
from spectrum_forwarder.adapters.kinds.http.lookups import Lookups
from spectrum_forwarder.adapters.kinds.sending import Outcome, Outcomes
from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Clock

# How long the body of an answer may keep an exchange open once the headers are there.
BODY_GRACE_SECONDS = 1.0
# The longest wait in one go: how late an abandoned call or a body's end is noticed, and, as long as
# more attempts may come, a new one.
TICK_SECONDS, SHORT_TICK_SECONDS = 0.1, 0.001
# So many attempts are begun before libcurl has its turn and sends them: what leaves sooner is
# answered sooner, and seen to while the others are on their way.
BEGUN_AT_ONCE = 10


class Batch:
    """The attempts of one call, given while it is driven, and where their outcomes go."""

    def __init__(self, outcomes: Outcomes) -> None:
        self.waiting: deque[Attempt] = deque()
        self.outcomes = outcomes
        self.complete = threading.Event()
        self.stopped = threading.Event()
        self.lookups = Lookups()


class Engine:
    """Connections that are kept, and exchanges on them; one thread at a time may drive it."""

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
        self._kept = Kept()

    def drive(self, batch: Batch) -> None:
        """Carry out all that comes, putting each outcome, until done or stopped."""
        # In this order: what was given before the batch was complete is seen to be waiting.
        while (
            not batch.complete.is_set() or batch.waiting or self._running
        ) and not batch.stopped.is_set():
            self._begin_more(batch)
            self._multi.perform()
            ended = self._ended()
            for exchange, code in ended:
                self._settle(exchange, code, batch)
            self._release(batch)
            if not (ended or (batch.waiting and self._has_room())):
                self._wait(TICK_SECONDS if batch.complete.is_set() else SHORT_TICK_SECONDS)
        for exchange in list(self._running.values()):
            self._end(exchange, 0)  # stopped
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

    def _begin_more(self, batch: Batch) -> None:
        """Begin some of what waits, as far as the bound allows."""
        for _ in range(BEGUN_AT_ONCE):
            if not batch.waiting or not self._has_room():
                break
            attempt = batch.waiting.popleft()
            if self._clock() >= attempt.begin_by:
                batch.outcomes.put((attempt, NOT_STARTED))
            elif not batch.lookups.follows(attempt):
                try:
                    self._begin(attempt)
                except Unsendable as error:
                    batch.outcomes.put((attempt, Answer(error=str(error))))
                    if batch.lookups.leads(attempt):
                        batch.waiting.extend(batch.lookups.ended(attempt))

    def _has_room(self) -> bool:
        return len(self._running) < self._concurrency

    def _begin(self, attempt: Attempt) -> None:
        exchange = self._spare.pop() if self._spare else self._new_exchange()
        try:
            exchange.begin(attempt, anew=self._kept.any_closed(attempt.url))
        except Unsendable:
            self._spare.append(exchange)
            raise
        self._multi.add_handle(exchange.curl)
        self._running[exchange.curl] = exchange

    def _settle(self, exchange: Exchange, code: int, batch: Batch) -> None:
        """Put the outcome; who waited for the same name begins, or fails as this attempt did."""
        attempt, answer = self._end(exchange, code)
        batch.outcomes.put((attempt, answer))
        if not batch.lookups.leads(attempt):
            return
        if exchange.tried_address:
            batch.waiting.extend(batch.lookups.found(attempt))
            return
        for follower in batch.lookups.ended(attempt):
            batch.outcomes.put((follower, answer))

    def _release(self, batch: Batch) -> None:
        """Let those begin that waited for a name which is known by now."""
        for exchange in self._running.values():
            attempt = exchange.attempt
            if attempt is not None and batch.lookups.leads(attempt) and exchange.looked_up:
                batch.waiting.extend(batch.lookups.found(attempt))

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
        self._kept.note(attempt.url, exchange.socket)
        self._multi.remove_handle(exchange.curl)
        answer = exchange.end(code)
        self._spare.append(exchange)
        return attempt, answer

    def _wait(self, longest: float) -> None:
        """Until a socket is ready, or libcurl wants its turn."""
        readable, writable, broken = self._multi.fdset()
        milliseconds = self._multi.timeout()
        wait = longest if milliseconds < 0 else min(longest, milliseconds / 1000)
        select.select(readable, writable, broken, wait)
