"""Clients for AWS, with time limits that keep the whole answer to Spectrum under five seconds."""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# Both are how botocore says that a call failed.
FAILURES = (BotoCoreError, ClientError)


class Clients:
    """Makes clients from one session; seconds and tries are those of every call.

    `tries` counts the first one. With the receiver's values (0.5, 1, 2) a call that hangs ends
    within 3 s: its table, then its queue, then the answer stay under five.
    """

    def __init__(
        self, *, connect_seconds: float, read_seconds: float, tries: int, connections: int = 10
    ) -> None:
        self._session = boto3.session.Session()
        self._config = Config(
            connect_timeout=connect_seconds,
            read_timeout=read_seconds,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": tries},
        )

    def make(self, service: str, **changes: Any) -> Any:
        """A client of `service`; `changes` override the configuration for it alone."""
        config = self._config.merge(Config(**changes)) if changes else self._config
        return self._session.client(service, config=config)  # type: ignore[call-overload]


def failure_code(error: Exception) -> str:
    """A short name of what failed, without anything of the request."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__
