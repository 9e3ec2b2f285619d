"""The check of registrations: every ten minutes, what Spectrum's list says of ours."""

from spectrum_forwarder.coldstart import started

# isort: split

import functools
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from spectrum_forwarder.adapters.aws import Clients
from spectrum_forwarder.adapters.spectrum_list import list_registrations, stored_webhooks
from spectrum_forwarder.domain.ports import Facts
from spectrum_forwarder.observability import facts, observed
from spectrum_forwarder.registrations import look_at_registrations
from spectrum_forwarder.settings import RegistrationsSettings

CONNECT, READ, TRIES = 1.0, 2.0, 2


def build(environment: Mapping[str, str], *, told: Facts = facts) -> Callable[[], None]:
    """Wire the check; `told` gets what it finds."""
    settings = RegistrationsSettings.from_environment(environment)
    clients = Clients(connect_seconds=CONNECT, read_seconds=READ, tries=TRIES, connections=1)
    secrets = clients.make("secretsmanager")

    def check() -> None:
        look_at_registrations(
            lambda: list_registrations(secrets, settings.project_secret, settings.spectrum_api_url),
            lambda: stored_webhooks(secrets, settings.webhooks_secret, now=time.time()),
            endpoint=settings.endpoint_url,
            facts=told,
        )

    return check


@functools.cache
def check() -> Callable[[], None]:
    """The check of this instance."""
    return build(os.environ)


@observed
def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Lambda's entry point; the schedule's event says nothing that matters."""
    check()()
    return {}


started()
