"""The HTTP sender: all attempts at once, over libcurl's multi interface.

libcurl is driven by a thread of its own while the consumer handles the answers that are there: a
consumer that waits for its table neither delays an attempt nor makes one look too slow.
Connections, TLS sessions and the parsed CA bundle are kept between calls.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from spectrum_forwarder.adapters.kinds import sending
from spectrum_forwarder.adapters.kinds.http.engine import Batch, Engine
from spectrum_forwarder.adapters.kinds.http.exchange import IDLE_LIMIT_SECONDS
from spectrum_forwarder.adapters.kinds.sending import Outcome, Outcomes
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Clock

CONCURRENCY = 100


class HttpSender:
    """Carries attempts out over HTTP/1.1; a Sender.

    `ca_bundle` is a file of PEM certificates, for destinations that have none of their own;
    `allow_loopback` is for a stack on one machine.
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
        self._idle: list[Engine] = []

    def send(self, attempts: Iterable[Attempt]) -> Iterator[Outcome]:
        """See the port.

        Begins with the first `next`; closing the iterator early breaks off what is under way.
        """
        return sending.send(attempts, lambda _: self)

    def open(self, outcomes: Outcomes) -> "HttpSending":
        """Drive an engine in a thread of its own."""
        return HttpSending(self._take_engine(), outcomes, self._idle.append)

    def close(self) -> None:
        """Close all idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _take_engine(self) -> Engine:
        """One that is idle and whose connections are young enough, or a new one."""
        with contextlib.suppress(IndexError):  # none is left
            while True:
                engine = self._idle.pop()
                # By the clock on the wall, because a frozen function's own time stands still.
                if 0 <= self._clock() - engine.used_at < IDLE_LIMIT_SECONDS:
                    return engine
                engine.close()
        return Engine(self._ca_bundle, self._allow_loopback, self._concurrency, self._clock)


class HttpSending:
    """Attempts on one engine; a Sending. `give_back` takes the engine once it idles."""

    def __init__(
        self, engine: Engine, outcomes: Outcomes, give_back: Callable[[Engine], None]
    ) -> None:
        self._batch = Batch(outcomes)
        self._driver = threading.Thread(
            target=self._drive, args=(engine, give_back), name="http-sender"
        )

    def begin(self, attempt: Attempt) -> None:
        self._batch.waiting.append(attempt)
        self._start()

    def complete(self) -> None:
        self._batch.complete.set()

    def look(self) -> None:
        """Nothing to do: libcurl keeps the time limits."""

    def stop(self) -> None:
        self._batch.stopped.set()
        self._start()
        self._driver.join()

    def _start(self) -> None:
        """Not before there is an attempt: who finds none looks again a tick later."""
        if self._driver.ident is None:
            self._driver.start()

    def _drive(self, engine: Engine, give_back: Callable[[Engine], None]) -> None:
        try:
            engine.drive(self._batch)
        except BaseException as error:  # ours: raised again where it can be seen
            self._batch.outcomes.put(error)
            engine.close()
        else:
            give_back(engine)
