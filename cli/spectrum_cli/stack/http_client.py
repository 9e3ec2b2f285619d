"""Plain HTTP for operators' commands: one request, one answer, no redirects, no retries.

Owns that every exchange ends in its time, whatever the other side does: a server that sends a byte
now and then keeps each wait short, and an operator for ever.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

CONNECT_SECONDS = 5.0
GRACE_SECONDS = 0.25
CONNECTIONS = 32
LARGEST_ANSWER = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back; header names in lower case, `seconds` for the whole exchange."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    seconds: float


class NotAnswered(Exception):
    """No answer came. `sent` is false where the request cannot have arrived either."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class HttpClient:
    """Keeps connections; safe to use from threads. Close it, or use it as a context manager.

    `trusting` verifies servers; without it, what this machine trusts does.
    """

    def __init__(self, *, trusting: ssl.SSLContext | None = None) -> None:
        import urllib3  # noqa: PLC0415 (comes with boto3, and is heavy)

        self._pool: Any = urllib3.PoolManager(
            maxsize=CONNECTIONS, retries=False, ssl_context=trusting
        )

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.clear()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 15.0,
    ) -> HttpAnswer:
        """Make one request; raise NotAnswered. `timeout` (seconds) is for all of it.

        What is longer than LARGEST_ANSWER is cut off.
        """
        exchange = _Exchange(lambda: self._exchange(method, url, headers, body, timeout))
        return exchange.ended_within(timeout)

    def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        timeout: float,
    ) -> HttpAnswer:
        import urllib3  # noqa: PLC0415

        began = time.perf_counter()
        try:
            answer = self._pool.request(
                method,
                url,
                headers=dict(headers or {}),
                body=body,
                timeout=urllib3.Timeout(connect=min(timeout, CONNECT_SECONDS), read=timeout),
                redirect=False,
                preload_content=False,
            )
            content = answer.read(LARGEST_ANSWER + 1)
            if len(content) > LARGEST_ANSWER:
                # The rest may have no end.
                answer.close()
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise NotAnswered(_reason(error), sent=_may_have_arrived(error)) from error
        except (ValueError, OSError) as error:
            raise NotAnswered(f"it is no URL that can be requested: {error}", sent=False) from error
        return HttpAnswer(
            answer.status,
            {name.lower(): value for name, value in answer.headers.items()},
            content[:LARGEST_ANSWER],
            time.perf_counter() - began,
        )


class _Exchange:
    """One exchange in a thread of its own, which nobody waits for longer than its time.

    A thread that is left behind ends with its connection, or with the command.
    """

    def __init__(self, exchange: Callable[[], HttpAnswer]) -> None:
        self._exchange = exchange
        self._ended = threading.Event()
        self._answer: HttpAnswer | None = None
        self._error: BaseException | None = None

    def ended_within(self, seconds: float) -> HttpAnswer:
        """The answer, or what was raised; NotAnswered when the time is over."""
        threading.Thread(target=self._run, name="http", daemon=True).start()
        # Each wait within has this time too, and its own words for what did not come.
        if not self._ended.wait(seconds + GRACE_SECONDS):
            raise NotAnswered(f"the whole answer did not come within {seconds:g} s", sent=True)
        if self._error is not None:
            raise self._error
        assert self._answer is not None
        return self._answer

    def _run(self) -> None:
        try:
            self._answer = self._exchange()
        except BaseException as error:  # it is raised where it is waited for
            self._error = error
        self._ended.set()


def _may_have_arrived(error: Exception) -> bool:
    from urllib3 import exceptions  # noqa: PLC0415

    never = (
        exceptions.NewConnectionError,
        exceptions.ConnectTimeoutError,
        exceptions.SSLError,
        exceptions.LocationValueError,
    )
    return not isinstance(error, never)


def _reason(error: Exception) -> str:
    from urllib3 import exceptions  # noqa: PLC0415

    known: tuple[tuple[type[Exception], str], ...] = (
        (exceptions.NameResolutionError, "its name does not resolve"),
        (exceptions.NewConnectionError, "nothing takes connections there"),
        (exceptions.ConnectTimeoutError, "it did not take the connection in time"),
        (exceptions.ReadTimeoutError, "no answer came in time"),
        (exceptions.LocationValueError, "it is no URL that can be requested"),
        (exceptions.SSLError, f"TLS failed: {str(error)[:200]}"),
    )
    for kind, reason in known:
        if isinstance(error, kind):
            return reason
    return f"the connection broke ({type(error).__name__})"
