"""`forwarder webhooks`: registrations at Spectrum, and their secrets, kept in step."""

from __future__ import annotations

import getpass
import sys
import time
from typing import Annotated, Any

import typer
from spectrum_forwarder.domain.registration import Registration, same_url

from spectrum_cli.errors import Finding, WrongUse
from spectrum_cli.http_client import HttpClient
from spectrum_cli.leaks import ENDS_WITHIN, forgive, revoker
from spectrum_cli.output import (
    AsJson,
    Reveal,
    Rows,
    Yes,
    confirm,
    note,
    print_json,
    print_line,
)
from spectrum_cli.probes import knows, seen
from spectrum_cli.registry import webhooks_of
from spectrum_cli.rotation import Rotated, Rotation, choose, register_pending
from spectrum_cli.spectrum_answers import NotTaken, already_registered
from spectrum_cli.spectrum_api import BASE_URL, SpectrumApi
from spectrum_cli.spectrum_options import (
    ID_VARIABLE,
    SECRET_VARIABLE,
    ApiUrl,
    ProjectId,
    ProjectSecret,
    open_api,
)
from spectrum_cli.target import Target, with_target
from spectrum_cli.webhook_store import (
    GRACE_SECONDS,
    Webhooks,
    WebhookStore,
)
from spectrum_cli.webhook_views import complain, webhook_rows
from spectrum_cli.wiring import event_log

DEFAULT_WAIT = 300.0
LOCAL_POLL, POLL = 0.2, 3.0
Wait = Annotated[
    float, typer.Option(min=0, help="Seconds to wait for a delivery through the new one.")
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True, help="Registrations at Spectrum, and their secrets, kept in step."
    )
    group.command("list")(with_target(list_webhooks))
    group.command("register")(with_target(register_webhook))
    group.command("enable")(with_target(enable))
    group.command("delete")(with_target(delete))
    group.command("rotate")(with_target(rotate))
    group.command("import")(with_target(import_secret))
    app.add_typer(group, name="webhooks")


def list_webhooks(
    *,
    target: Target,
    project_id: ProjectId = None,
    project_secret: ProjectSecret = None,
    api_url: ApiUrl = BASE_URL,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """Show what is registered at Spectrum beside the secrets that are stored.

    Without the project's credentials only the stored secrets are shown. Ends with 1 if a
    registration of the endpoint is disabled or a second one, or if its secret is not stored.

    Example: forwarder webhooks list
    """
    webhooks = _store(target).read()
    listed: list[Registration] | None = None
    if project_id and project_secret:
        with open_api(project_id, project_secret, api_url) as api:
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


def register_webhook(
    url: Annotated[
        str | None, typer.Argument(help="The URL; the stack's endpoint if none.")
    ] = None,
    *,
    target: Target,
    source: Annotated[
        str | None, typer.Option(help="The alias to deduplicate under; the webhook's id if none.")
    ] = None,
    project_id: ProjectId = None,
    project_secret: ProjectSecret = None,
    api_url: ApiUrl = BASE_URL,
    as_json: AsJson = False,
) -> None:
    """Register the endpoint at Spectrum and store the secret that its answer holds.

    If it is killed, or the answer is lost, run it again: it finds out what was done.

    Example: forwarder webhooks register --source main
    """
    url = url or target.endpoint_url
    store = _store(target)
    _check_source(source)
    with open_api(project_id, project_secret, api_url) as api:
        pending = store.read().pending
        resumed = pending is not None and same_url(str(pending.get("url")), url)
        if pending is not None and not resumed:
            raise Finding(
                f"another registration, of {pending.get('url')}, was begun and not finished: run "
                "forwarder webhooks rotate, or register that URL, first"
            )
        if not resumed and any(same_url(one.url, url) for one in api.list()):
            raise already_registered(url)
        # Written first: so it is certain that the secret can be stored before there is one.
        pending = {"url": url, "source": source, "replaces": None, "began_at": int(time.time())}
        if not resumed:
            store.update(lambda webhooks: _set_pending(webhooks, pending))
        webhook_id = register_pending(api, store, pending, note)
        store.update(lambda webhooks: _set_pending(webhooks, None))
    _done(as_json, {"id": webhook_id, "url": url}, f"{webhook_id} is registered; its secret stored")


def enable(
    webhook_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    target: Target,
    wait: Wait = DEFAULT_WAIT,
    project_id: ProjectId = None,
    project_secret: ProjectSecret = None,
    api_url: ApiUrl = BASE_URL,
    as_json: AsJson = False,
) -> None:
    """Have a registration that Spectrum has disabled delivered to again.

    Where Spectrum does not take the change (it answers 409 for some registrations), the endpoint's
    other path is registered in its place, as by forwarder webhooks rotate. What Spectrum had to
    deliver meanwhile is lost: it keeps nothing of that.

    Example: forwarder webhooks enable 3f1c2b7e-0000-4000-8000-000000000001
    """
    with open_api(project_id, project_secret, api_url) as api, HttpClient() as client:
        # The list is asked first: a webhook that is not there is not one that cannot be changed.
        one = choose(api.list(), _store(target).read(), webhook_id)
        if not one.disabled:
            _done(as_json, {"id": one.id, "enabled": True}, f"{one.id} is not disabled")
            return
        try:
            api.enable(one.id)
        except NotTaken as refused:
            note(f"{refused}: registering the endpoint's other path instead")
            done = _rotation(api, client, target, wait).rotate(one.id)
            _rotated(as_json, done)
            return
    text = f"{one.id} is enabled again; forwarder doctor looks at the rest"
    _done(as_json, {"id": one.id, "enabled": True}, text)


def delete(
    webhook_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    target: Target,
    leaked: Annotated[
        bool, typer.Option("--leaked", help="Forget the secret at once, not in an hour.")
    ] = False,
    project_id: ProjectId = None,
    project_secret: ProjectSecret = None,
    api_url: ApiUrl = BASE_URL,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete a registration at Spectrum; its secret is accepted for an hour more.

    With --leaked it is refused everywhere within 30 s, before Spectrum is even asked.

    Example: forwarder webhooks delete 3f1c2b7e-0000-4000-8000-000000000001
    """
    store = _store(target)
    if not confirm(f"Delete {webhook_id}? Spectrum delivers nothing to it then.", yes=yes):
        return
    if leaked:
        revoker(target, store)(webhook_id)
        note(ENDS_WITHIN)
    with open_api(project_id, project_secret, api_url) as api:
        was_there = api.delete(webhook_id)
    now = time.time()

    def forget(webhooks: Webhooks) -> None:
        if not leaked:
            webhooks.retire(webhook_id, until=now + GRACE_SECONDS)
        webhooks.prune(now)

    store.update(forget)
    text = "was deleted" if was_there else "was gone at Spectrum already"
    _done(as_json, {"id": webhook_id, "deleted": was_there}, f"{webhook_id} {text}")


def rotate(
    webhook_id: Annotated[str | None, typer.Argument(metavar="[ID]")] = None,
    *,
    target: Target,
    wait: Wait = DEFAULT_WAIT,
    leaked: Annotated[
        bool,
        typer.Option("--leaked", help="Refuse the old secret at once, and wait for nothing."),
    ] = False,
    project_id: ProjectId = None,
    project_secret: ProjectSecret = None,
    api_url: ApiUrl = BASE_URL,
    as_json: AsJson = False,
) -> None:
    """Replace a webhook's secret without a gap: another path of the endpoint takes over.

    Registers the endpoint's other path, stores its secret, waits until an event came through it,
    deletes the old registration, and accepts the old secret for an hour more. Where nothing comes
    at all it goes on after --wait. If it is killed, run it again: it goes on where it was.

    With --leaked the old secret is refused everywhere within 30 s of the moment when the new one is
    stored; what Spectrum was sending through the old one just then may be lost.

    Example: forwarder webhooks rotate
    """
    with open_api(project_id, project_secret, api_url) as api, HttpClient() as client:
        done = _rotation(api, client, target, wait).rotate(webhook_id, leaked=leaked)
    _rotated(as_json, done)


def import_secret(
    webhook_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Asked for if it is not given.")
    ] = None,
    *,
    target: Target,
    source: Annotated[
        str | None, typer.Option(help="The alias to deduplicate under; the webhook's id if none.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Store a webhook's secret that was shown elsewhere; it is asked for, or read from a pipe.

    An entry of the same id is replaced, so that a mistyped secret can be mended.

    Example: forwarder webhooks import 3f1c2b7e-0000-4000-8000-000000000001 --source main
    """
    from spectrum_forwarder.adapters.webhook_registry import read_webhook  # noqa: PLC0415 (heavy)
    from spectrum_forwarder.domain.errors import InvalidEntry  # noqa: PLC0415

    webhook_id = (webhook_id or _asked("Webhook id: ")).strip()
    secret = _asked("Signing secret (not shown): ", hidden=True).strip().strip("\"'")
    entry = {"id": webhook_id, "signing_secret": secret}
    try:
        read_webhook(entry | ({"source": source} if source else {}))
    except InvalidEntry as error:
        raise WrongUse(f"this cannot be stored: {error}") from error
    _store(target).update(lambda webhooks: webhooks.put(webhook_id, secret, source))
    forgive(target, secret)
    _done(as_json, {"id": webhook_id, "stored": True}, f"the secret of {webhook_id} is stored")


def _rotation(api: SpectrumApi, client: HttpClient, target: Target, wait: float) -> Rotation:
    store = _store(target)
    return Rotation(
        api=api,
        store=store,
        knows=knows(client),
        seen=seen(event_log(target)),
        revoke=revoker(target, store),
        say=note,
        wait=wait,
        poll=LOCAL_POLL if target.is_local else POLL,
    )


def _rotated(as_json: bool, done: Rotated) -> None:
    document = {
        "id": done.webhook_id,
        "url": done.url,
        "replaced": done.replaced,
        "proof": done.proof.value if done.proof else None,
    }
    _done(as_json, document, f"{done.webhook_id} at {done.url} has replaced {done.replaced}")


def _asked(question: str, *, hidden: bool = False) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    return getpass.getpass(question) if hidden else input(question)


def _store(target: Target) -> WebhookStore:
    return WebhookStore(webhooks_of(target))


def _set_pending(webhooks: Webhooks, pending: dict[str, Any] | None) -> None:
    webhooks.pending = pending


def _check_source(source: str | None) -> None:
    from spectrum_forwarder.domain.event import CANARY_SOURCE, SOURCE  # noqa: PLC0415

    if source is not None and (not SOURCE.fullmatch(source) or source == CANARY_SOURCE):
        raise WrongUse("--source must be letters, digits, '_' and '-', at most 100")


def _done(as_json: bool, document: dict[str, Any], text: str) -> None:
    if as_json:
        print_json(document)
    else:
        print_line(text)
