"""`forwarder webhooks register`: the endpoint becomes a webhook, its secrets are stored."""

from __future__ import annotations

from typing import Annotated

import typer

from spectrum_cli.stack.http_client import HttpClient
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.registry import destinations_of
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import WrongUse
from spectrum_cli.terminal.output import (
    AsJson,
    note,
)
from spectrum_cli.vendor.options import Project, with_project
from spectrum_cli.vendor.registering import Registering
from spectrum_cli.vendor.sights import sights
from spectrum_cli.vendor.webhook_changes import done
from spectrum_cli.vendor.webhook_store import store_of


@with_target
@with_project
def register_webhook(
    url: Annotated[
        str | None, typer.Argument(help="The URL; the stack's endpoint if none.")
    ] = None,
    *,
    source: Annotated[
        str | None, typer.Option(help="The alias to deduplicate under; the webhook's id if none.")
    ] = None,
    failure_email: Annotated[
        str | None, typer.Option(help="Whom Spectrum writes to when it disables the registration.")
    ] = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Register without looking at the URL first.")
    ] = False,
    project: Project,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Register the endpoint at Spectrum and store both secrets that its answer holds.

    The URL is looked at first as Spectrum does before every attempt: https, public addresses, no
    redirect. Add a destination before: what comes while there is none is delivered to nobody. If
    it is killed, or the answer is lost, run it again: it finds out what was done.

    Example: forwarder webhooks register --source main
    """
    url = url or target.endpoint_url
    _check_source(source)
    with project.open() as api, HttpClient() as client:
        registering = Registering(
            api=api,
            store=store_of(target),
            destinations=destinations_of(target),
            # Nobody but this machine reaches a stack on loopback, whatever Spectrum would say.
            look=lambda url: () if unchecked or target.is_local else sights(url, client),
            say=note,
        )
        webhook_id = registering.register(url, source=source, failure_email=failure_email)
    done(
        as_json,
        {"id": webhook_id, "url": url},
        f"{webhook_id} is registered; its secrets are stored",
    )


def _check_source(source: str | None) -> None:
    from spectrum_forwarder.domain.event import CANARY_SOURCE, SOURCE  # noqa: PLC0415

    if source is not None and (not SOURCE.fullmatch(source) or source == CANARY_SOURCE):
        raise WrongUse("--source must be letters, digits, '_' and '-', at most 100")
