"""botocore's clients, each setting of which that is not its default has a measured reason.

The user agent is otherwise put together anew for every call, arguments are checked against the
service's model by botocore and again by the service, and the CA bundle is parsed anew for every
client (docs/performance.md). Calls go over a wire of ours, unless the environment names a proxy.
"""

import threading
from typing import Any
from urllib.request import getproxies

import botocore.session
from botocore.config import Config
from botocore.httpsession import get_cert_path
from botocore.parsers import ResponseParserError

from spectrum_forwarder.adapters.budget import Budget
from spectrum_forwarder.adapters.direct import USER_AGENT
from spectrum_forwarder.adapters.failures import FAILURES, UnreadableAnswer, check_sum
from spectrum_forwarder.adapters.places import amazon_roots
from spectrum_forwarder.adapters.wire import Wire
from spectrum_forwarder.domain.ports import Clock

# What botocore's parsers raise at bytes that are no answer, mostly without an error of their own.
UNREADABLE = (ResponseParserError, ValueError, TypeError, LookupError, AttributeError)
# S3 checks a body by its signature. A checksum besides, which is the default, would follow the body
# in a form that is no plain request any more.
S3 = {"request_checksum_calculation": "when_required"}


class BotocoreClients:
    """Makes clients from one session; see `Clients`."""

    def __init__(
        self,
        *,
        connect_seconds: float,
        read_seconds: float,
        tries: int,
        connections: int,
        budget: Budget | None,
        clock: Clock,
        wire: Wire | None,
    ) -> None:
        self._budget = budget
        self._session = botocore.session.get_session()
        self._lock = threading.Lock()
        self._verify = ca_bundle(self._session)
        self._config = Config(
            connect_timeout=connect_seconds,
            read_timeout=read_seconds,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": tries},
            parameter_validation=False,
            user_agent=USER_AGENT,
        )
        if wire is None and not getproxies().keys() - {"no"}:
            wire = Wire(
                self._verify or str(get_cert_path(verify=True)),
                connect_seconds=connect_seconds,
                read_seconds=read_seconds,
                budget=budget,
                clock=clock,
            )
        if wire is not None:
            self._session.register("before-send", wire.send)  # type: ignore[arg-type]
        self._session.register("after-call.dynamodb", refuse_wrong_checksum)
        self._session.register("after-call-error", refuse_unreadable)

    def make(self, service: str, *, tries: int | None = None) -> Any:
        """A client of `service`."""
        changes: dict[str, Any] = dict(S3) if service == "s3" else {}
        if tries is not None:
            changes["retries"] = {"mode": "standard", "total_max_attempts": tries}
        config = self._config.merge(Config(**changes)) if changes else self._config
        with self._lock:  # a session makes one at a time
            client = self._session.create_client(service, config=config, verify=self._verify)
        if self._budget is not None:
            # Of all who answer, the first one is heard, and the most special event goes first.
            retried = f"needs-retry.{client.meta.service_model.service_id.hyphenize()}"
            client.meta.events.register_first(retried, self._budget.stops)  # type: ignore[arg-type]
        return client


def ca_bundle(session: botocore.session.Session) -> str | None:
    """The roots that AWS is verified by; None for botocore's own bundle.

    A bundle that somebody has set goes first.
    """
    chosen = session.get_config_variable("ca_bundle")
    if chosen:
        return str(chosen)
    return amazon_roots(session.get_config_variable("region") or "")


def refuse_wrong_checksum(**called: Any) -> None:
    """Handle botocore's `after-call`: raise ChecksumError for what is not what DynamoDB has said.

    botocore notices it, tries again, and takes the last answer for good all the same.
    """
    answer = called["http_response"]
    check_sum(answer.headers, answer.content)


def refuse_unreadable(**called: Any) -> None:
    """Handle botocore's `after-call-error`: raise UnreadableAnswer for what its parsers raised."""
    exception = called["exception"]
    if isinstance(exception, UNREADABLE) and not isinstance(exception, FAILURES):
        raise UnreadableAnswer from exception
