"""Clients for AWS, with time limits that an answer to Spectrum can be kept within.

They are botocore's own, and each setting that is not its default has a measured reason
(docs/performance.md): the user agent is otherwise put together anew for every call, arguments are
checked against the service's model by botocore and again by the service, and the CA bundle is
parsed anew for every client. Calls go over a wire of ours, unless the environment names a proxy.
"""

import time
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.request import getproxies

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ChecksumError, ClientError
from botocore.httpsession import get_cert_path
from botocore.parsers import ResponseParserError

from spectrum_forwarder.adapters.budget import Budget
from spectrum_forwarder.adapters.wire import Wire
from spectrum_forwarder.domain.ports import Clock

# Both are how botocore says that a call failed.
FAILURES = (BotoCoreError, ClientError)
# What botocore's parsers raise at bytes that are no answer, mostly without an error of their own.
UNREADABLE = (ResponseParserError, ValueError, TypeError, LookupError, AttributeError)
USER_AGENT = "spectrum-forwarder"
CHECKSUM = "x-amz-crc32"
# S3 checks a body by its signature. A checksum besides, which is the default, would follow the body
# in a form that is no plain request any more.
S3 = {"request_checksum_calculation": "when_required"}
# Made when the layer is built, out of botocore's bundle; not there in a checkout.
AMAZON_ROOTS = Path(__file__).with_name("amazon_roots.pem")


class UnreadableAnswer(BotoCoreError):
    """An answer came that cannot be read: whether the call had its effect nobody knows."""

    fmt = "The answer cannot be read"


class Clients:
    """Makes clients from one session; seconds and tries are those of every call.

    `tries` counts the first one. With a `budget` all of them share what it has left, and none is
    made again that might overrun it.
    """

    def __init__(
        self,
        *,
        connect_seconds: float,
        read_seconds: float,
        tries: int,
        connections: int = 10,
        budget: Budget | None = None,
        clock: Clock = time.time,
    ) -> None:
        self._budget = budget
        self._session = botocore.session.get_session()
        self._verify = ca_bundle(self._session)
        self._config = Config(
            connect_timeout=connect_seconds,
            read_timeout=read_seconds,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": tries},
            parameter_validation=False,
            user_agent=USER_AGENT,
        )
        if not getproxies().keys() - {"no"}:
            wire = Wire(
                self._verify or str(get_cert_path(verify=True)),
                connect_seconds=connect_seconds,
                read_seconds=read_seconds,
                budget=budget,
                clock=clock,
            )
            self._session.register("before-send", wire.send)  # type: ignore[arg-type]
        self._session.register("after-call.dynamodb", refuse_wrong_checksum)
        self._session.register("after-call-error", refuse_unreadable)

    def make(self, service: str, **changes: Any) -> Any:
        """A client of `service`; `changes` override the configuration for it alone."""
        changes = (S3 if service == "s3" else {}) | changes
        config = self._config.merge(Config(**changes)) if changes else self._config
        client = self._session.create_client(service, config=config, verify=self._verify)
        if self._budget is not None:
            # Of all who answer, the first one is heard, and the most special event goes first.
            retried = f"needs-retry.{client.meta.service_model.service_id.hyphenize()}"
            client.meta.events.register_first(retried, self._budget.stops)  # type: ignore[arg-type]
        return client

    def later(self, service: str) -> Any:
        """A client of `service` that is made at its first call, for what is seldom needed.

        For one thread alone.
        """
        return _Later(self, service)


class _Later:
    """Stands for a client that is not there yet."""

    def __init__(self, clients: Clients, service: str) -> None:
        self._clients = clients
        self._service = service

    @cached_property
    def _client(self) -> Any:
        return self._clients.make(self._service)

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)


def ca_bundle(session: botocore.session.Session) -> str | None:
    """The roots that AWS is verified by; None for botocore's own bundle.

    A bundle that somebody has set goes first. Only in AWS's public regions do all services stand
    under Amazon's roots.
    """
    chosen = session.get_config_variable("ca_bundle")
    if chosen:
        return str(chosen)
    region = session.get_config_variable("region") or ""
    public = not region.startswith(("cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-"))
    return str(AMAZON_ROOTS) if public and AMAZON_ROOTS.is_file() else None


def refuse_wrong_checksum(**called: Any) -> None:
    """Handle botocore's `after-call`: raise ChecksumError for what is not what DynamoDB has said.

    botocore notices it, tries again, and takes the last answer for good all the same.
    """
    answer = called["http_response"]
    told, actual = answer.headers.get(CHECKSUM), zlib.crc32(answer.content)
    if told is not None and told != str(actual):
        raise ChecksumError(
            checksum_type=CHECKSUM, expected_checksum=told, actual_checksum=str(actual)
        )


def refuse_unreadable(**called: Any) -> None:
    """Handle botocore's `after-call-error`: raise UnreadableAnswer for what its parsers raised."""
    exception = called["exception"]
    if isinstance(exception, UNREADABLE) and not isinstance(exception, FAILURES):
        raise UnreadableAnswer from exception


def failure_code(error: Exception) -> str:
    """A short name of what failed, without anything of the request."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__
