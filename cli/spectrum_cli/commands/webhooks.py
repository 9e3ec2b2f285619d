"""`forwarder webhooks`: registrations at Spectrum, and their secrets, kept in step."""

from __future__ import annotations

import getpass
import sys
import time
from typing import Annotated, Any

import typer
from spectrum_forwarder.domain.registration import Registration, look

from spectrum_cli.stack.http_client import HttpClient
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import Finding, WrongUse
from spectrum_cli.terminal.output import AsJson, Reveal, note, print_json, print_line
from spectrum_cli.terminal.tables import Rows
from spectrum_cli.terminal.verdicts import Result
from spectrum_cli.vendor.leaks import forgive
from spectrum_cli.vendor.options import ID_VARIABLE, SECRET_VARIABLE, Project, with_project
from spectrum_cli.vendor.project_login import secret_text
from spectrum_cli.vendor.sights import sights
from spectrum_cli.vendor.webhook_changes import delete, done, enable, rotate
from spectrum_cli.vendor.webhook_list import complain, webhook_rows
from spectrum_cli.vendor.webhook_registering import register_webhook
from spectrum_cli.vendor.webhook_store import (
    STANDARD,
    V0,
    Webhooks,
    store_of,
    stored,
)


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True, help="Registrations at Spectrum, and their secrets, kept in step."
    )
    group.command("list")(list_webhooks)
    group.command("register")(register_webhook)
    group.command("check")(check)
    group.command("enable")(enable)
    group.command("delete")(delete)
    group.command("rotate")(rotate)
    group.command("watch")(watch)
    group.command("import")(import_secret)
    app.add_typer(group, name="webhooks")


@with_target
@with_project
def list_webhooks(
    *,
    project: Project,
    reveal: Reveal = False,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Show what is registered at Spectrum beside the secrets that are stored.

    Without the project's credentials only the stored secrets are shown. Ends with 1 if a
    registration of the endpoint is disabled or a second one, or if its secret is not stored.

    Example: forwarder webhooks list
    """
    webhooks = store_of(target).read()
    listed: list[Registration] | None = None
    if project.known:
        with project.open() as api:
            listed = api.list()
    else:
        note(f"Spectrum is not asked: set {ID_VARIABLE} and {SECRET_VARIABLE} for that")
    rows = webhook_rows(listed, webhooks, reveal=reveal)
    if as_json:
        print_json({"webhooks": rows, "pending": webhooks.pending})
    else:
        table = Rows("ID", "AT SPECTRUM", "STATE", "SECRET", "SOURCE", "CREATED")
        table.add([[str(value) for value in list(row.values())[:6]] for row in rows])
        if reveal:
            for row in rows:
                print_line(f"{row['id']} {row.get('signing_secret', '-')}")
    complain(listed, webhooks, target)


@with_target
@with_project
def check(
    url: Annotated[
        str | None, typer.Argument(help="The URL; what is registered, or the endpoint, if none.")
    ] = None,
    *,
    project: Project,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Look at the endpoint as Spectrum does before every attempt: https, public, no redirect.

    With the project's credentials, at every URL of it that is registered. What stops Spectrum there
    drops events at the first try, while its list goes on looking healthy. Ends with 1 then.

    Example: forwarder webhooks check
    """
    urls = [url] if url else [target.endpoint_url]
    if url is None and project.known:
        with project.open() as api:
            known = stored(store_of(target).read(), time.time())
            found = look(api.list(), known, target.endpoint_url)
            urls = [one.registration.url for one in found if one.registration] or urls
    with HttpClient() as client:
        seen_there = [(each, sight) for each in urls for sight in sights(each, client)]
    if as_json:
        print_json({"sights": [_document(url, sight) for url, sight in seen_there]})
    else:
        for each, sight in seen_there:
            sign = "✗" if sight.next_step else "✓"
            print_line(f"{sign} {each} {sight.check}: {sight.said} {sight.next_step}".rstrip())
    wrong = sum(bool(sight.next_step) for _, sight in seen_there)
    if wrong:
        raise Finding(f"Spectrum would be stopped, or late, {wrong} times: see above")


def _document(url: str, sight: Result) -> dict[str, str]:
    return {"url": url, "what": sight.check, "said": sight.said, "next_step": sight.next_step}


@with_target
@with_project
def watch(
    *,
    project: Project,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Store the project's credentials for the stack's own check of its registrations.

    For a stack that was deployed with WatchRegistrations=yes. They are tried first.

    Example: forwarder webhooks watch
    """
    with project.open() as api:
        api.list()
    target.client("secretsmanager").put_secret_value(
        SecretId=target.project_secret,
        SecretString=secret_text(project.project_id, project.project_secret),
    )
    done(as_json, {"watched": True}, "the stack looks at its registrations every 10 minutes")


@with_target
def import_secret(
    webhook_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Asked for if it is not given.")
    ] = None,
    *,
    source: Annotated[
        str | None, typer.Option(help="The alias to deduplicate under; the webhook's id if none.")
    ] = None,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Store a webhook's secret that was shown elsewhere; it is asked for, or read from a pipe.

    Of a webhook that is stored already this secret is replaced, so that a mistyped one can be
    mended. One that begins with whsec_ is that of Standard Webhooks, and stands beside the other.

    Example: forwarder webhooks import 3f1c2b7e-0000-4000-8000-000000000001 --source main
    """
    from spectrum_forwarder.adapters.webhook_registry import read_webhook  # noqa: PLC0415 (heavy)
    from spectrum_forwarder.domain.errors import InvalidEntry  # noqa: PLC0415
    from spectrum_forwarder.receive import DOUBTED_SECRET_AGE  # noqa: PLC0415

    webhook_id = (webhook_id or _asked("Webhook id: ")).strip()
    secret = _asked("Signing secret (not shown): ", hidden=True).strip().strip("\"'")
    standard = secret.startswith("whsec_")
    entry: dict[str, Any] = {"id": webhook_id}
    entry |= {STANDARD: [secret]} if standard else {V0: secret}
    try:
        read_webhook(entry | ({"source": source} if source else {}))
    except InvalidEntry as error:
        raise WrongUse(f"this cannot be stored: {error}") from error
    v0, new = (None, secret) if standard else (secret, None)
    known: list[bool] = []

    def put(webhooks: Webhooks) -> None:
        known.append(webhooks.entry(webhook_id) is not None)
        webhooks.put(webhook_id, v0, source, standard_secret=new)

    store_of(target).update(put)
    forgive(target, secret)
    soon = f"it counts within {DOUBTED_SECRET_AGE:.0f} s; what is refused until then is kept"
    release = "forwarder quarantine release --all"
    note(f"{soon}: {release}" if known[-1] else "it counts from the next request on")
    done(as_json, {"id": webhook_id, "stored": True}, f"the secret of {webhook_id} is stored")


def _asked(question: str, *, hidden: bool = False) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    return getpass.getpass(question) if hidden else input(question)
