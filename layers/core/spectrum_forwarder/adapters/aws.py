"""Clients for AWS, with time limits that keep the whole answer to Spectrum under five seconds.

They are botocore's own, and each setting that is not its default has a measured reason
(docs/performance.md): the user agent is otherwise put together anew for every call, arguments are
checked against the service's model by botocore and again by the service, and the CA bundle is
parsed anew for every client. Calls go over a wire of ours, unless the environment names a proxy.
"""

from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.request import getproxies

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import get_cert_path

from spectrum_forwarder.adapters.wire import Wire

# Both are how botocore says that a call failed.
FAILURES = (BotoCoreError, ClientError)
USER_AGENT = "spectrum-forwarder"
# Made when the layer is built, out of botocore's bundle; not there in a checkout.
AMAZON_ROOTS = Path(__file__).with_name("amazon_roots.pem")


class Clients:
    """Makes clients from one session; seconds and tries are those of every call.

    `tries` counts the first one. With the receiver's values (0.5, 1, 2) a call that hangs ends
    within 3 s: its table, then its queue, then the answer stay under five.
    """

    def __init__(
        self, *, connect_seconds: float, read_seconds: float, tries: int, connections: int = 10
    ) -> None:
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
            )
            self._session.register("before-send", wire.send)  # type: ignore[arg-type]

    def make(self, service: str, **changes: Any) -> Any:
        """A client of `service`; `changes` override the configuration for it alone."""
        config = self._config.merge(Config(**changes)) if changes else self._config
        return self._session.create_client(service, config=config, verify=self._verify)

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


def failure_code(error: Exception) -> str:
    """A short name of what failed, without anything of the request."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__
