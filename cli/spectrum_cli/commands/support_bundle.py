"""`forwarder support-bundle`: what the vendor's support asks for, in one file without secrets."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from spectrum_forwarder.domain.errors import InvalidEntry

from spectrum_cli.events.log_search import events_of
from spectrum_cli.events.selection import Since, Until, times
from spectrum_cli.quarantine.suspects import (
    Judged,
    Secrets,
    kept_ids,
    read_all,
    read_webhooks_secret,
    shelf,
)
from spectrum_cli.stack.http_client import HttpClient
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.target import Target
from spectrum_cli.stack.wiring import event_log
from spectrum_cli.support import bundle as support
from spectrum_cli.terminal.errors import Finding, Unreachable, WrongUse
from spectrum_cli.terminal.output import Yes, confirm, iso, note, print_line, progress
from spectrum_cli.vendor.api import BASE_URL, SpectrumApi
from spectrum_cli.vendor.options import ID_VARIABLE, ApiUrl, ProjectId, ProjectSecret

STANDARD_OUTPUT = Path("-")
MOST_EVENTS, MOST_REFUSED = 10_000, 1000


def register(app: typer.Typer) -> None:
    app.command("support-bundle")(support_bundle)


@with_target
def support_bundle(
    *,
    since: Since = None,
    until: Until = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where it is written; - for nowhere but here."
        ),
    ] = None,
    request: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="The refused request to be shown, by its id in the quarantine."
        ),
    ] = None,
    yes: Yes = False,
    project_id: ProjectId = None,
    project_secret: ProjectSecret = None,
    api_url: ApiUrl = BASE_URL,
    target: Target,
) -> None:
    """Put together what Spectrum's support asks for, show it, and write it to a file.

    The project's id, webhooks and their URLs, a time range in UTC (the last day if none is given),
    counts, one refused request with its signature, and our versions and settings. What its body
    says is replaced and only its form is kept; no secret is in it. It is shown before it is
    written, and nothing is sent anywhere.

    Example: forwarder support-bundle --since 2h -o bundle.json
    """
    now = time.time()
    begun, ended = times(since, until)
    ended = now if ended is None else ended
    begun = ended - 86_400.0 if begun is None else begun
    if begun >= ended:
        raise WrongUse("--since must be before --until")
    path = output or Path(f"support-bundle-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json")
    if path != STANDARD_OUTPUT and path.exists():
        raise WrongUse(f"{path} is there already: name another file with --output")
    secrets = _secrets(target)
    stored = list(secrets.judge.webhooks)
    listed = _listed(project_id, project_secret, api_url)
    bundle = {
        "made_at": iso(now),
        "project_id": project_id,
        "range": {"since": iso(begun), "until": iso(ended)},
        "endpoint_url": target.endpoint_url,
        "webhooks": support.registered(listed or [], stored),
        "webhooks_from": "the stored secrets" if listed is None else "Spectrum",
        **_seen(target, secrets, begun, ended, request),
        "versions": support.versions(),
        "settings": support.settings(target),
    }
    text = json.dumps(bundle, indent=2)
    support.require_no_secret(text, [*_all_secrets(secrets), project_secret or ""])
    print_line(text)
    if project_id is None:
        note(f"the project's id is missing: set {ID_VARIABLE}")
    if path != STANDARD_OUTPUT:
        if not confirm(f"Write this to {path}?", yes=yes):
            raise Finding("nothing was written")
        _write(path, text)


def _seen(
    target: Target, secrets: Secrets, begun: float, ended: float, wanted: str | None
) -> dict[str, Any]:
    """What came in the range: counts, and one refused request, the newest if none is named."""
    with progress("counting events") as looked_at:
        pages = events_of(event_log(target), looked_at, since=begun, until=ended, limit=MOST_EVENTS)
        counted = support.counts(event for page in pages for event in page)
    refused: list[Judged] = []
    with progress("looking at refused requests") as looked_at:
        for batch in read_all(target, secrets, kept_ids(target, lambda _: None)[:MOST_REFUSED]):
            looked_at(len(batch))
            refused += [one for one in batch if begun <= one.received_at <= ended]
    name = wanted or (refused[0].id if refused else None)
    suspect = None
    if name is not None:
        ((_, suspect),) = shelf(target).get_all([name])
    if wanted is not None and suspect is None:
        raise WrongUse(f"{wanted} is not kept: `forwarder quarantine list` shows what is")
    by_code: dict[str, int] = {}
    for one in refused:
        by_code[one.code] = by_code.get(one.code, 0) + 1
    return {
        "counts": counted
        | {"complete": counted["events"] < MOST_EVENTS, "refused_and_kept": by_code},
        "refused_request": suspect and support.failing_request(str(name), suspect, secrets),
    }


def _listed(
    project_id: str | None, project_secret: str | None, url: str
) -> list[dict[str, Any]] | None:
    """The webhooks that Spectrum lists; None where it cannot be asked."""
    if not project_id or not project_secret:
        return None
    try:
        with HttpClient() as client:
            found = SpectrumApi(client, project_id, project_secret, url).list()
    except Unreachable as error:
        note(f"Spectrum could not be asked for its webhooks: {error}")
        return None
    return [{"id": one.id, "url": one.url, "created_at": one.created_at} for one in found]


def _secrets(target: Target) -> Secrets:
    try:
        return read_webhooks_secret(target)
    except InvalidEntry as error:
        raise Finding(
            f"the webhooks secret cannot be used, {error}: that may be what is wrong; mend it "
            "first, see forwarder webhooks list"
        ) from error


def _all_secrets(secrets: Secrets) -> list[str]:
    return [one.key.decode("utf-8", "replace") for one in secrets.known]


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner can read; it is new."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError as error:
        raise WrongUse(f"{path} cannot be written: {error.strerror}") from error
    note(f"written to {path}: have a look before you pass it on")
