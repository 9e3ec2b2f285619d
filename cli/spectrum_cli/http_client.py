"""Plain HTTP for operators' commands: one request, one answer, no redirects, no retries."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

CONNECT_SECONDS = 5.0
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
        """Make one request; raise NotAnswered. `timeout` (seconds) is for each wait."""
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
            content = answer.read(LARGEST_ANSWER)
            answer.drain_conn()
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise NotAnswered(_reason(error), sent=_may_have_arrived(error)) from error
        except (ValueError, OSError) as error:
            raise NotAnswered(f"it is no URL that can be requested: {error}", sent=False) from error
        return HttpAnswer(
            answer.status,
            {name.lower(): value for name, value in answer.headers.items()},
            content,
            time.perf_counter() - began,
        )


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
