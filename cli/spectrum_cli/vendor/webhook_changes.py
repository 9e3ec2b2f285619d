"""What `forwarder webhooks` changes at Spectrum: registering, enabling, rotating, deleting."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from spectrum_cli.stack.http_client import HttpClient
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.probes import knows, seen
from spectrum_cli.stack.target import Target
from spectrum_cli.stack.wiring import event_log
from spectrum_cli.terminal.errors import WrongUse
from spectrum_cli.terminal.output import (
    AsJson,
    Yes,
    confirm,
    note,
    print_json,
    print_line,
)
from spectrum_cli.vendor.answers import NotTaken
from spectrum_cli.vendor.api import SpectrumApi
from spectrum_cli.vendor.leaks import ENDS_WITHIN, revoker
from spectrum_cli.vendor.options import Project, with_project
from spectrum_cli.vendor.rotation import Rotation, choose
from spectrum_cli.vendor.standard_rotation import LONGEST_OVERLAP, USUAL_OVERLAP, rotate_standard
from spectrum_cli.vendor.webhook_store import GRACE_SECONDS, Webhooks, store_of

DEFAULT_WAIT = 300.0
LOCAL_POLL, POLL = 0.2, 3.0
Wait = Annotated[
    float, typer.Option(min=0, help="Seconds to wait for a delivery through the new one.")
]


@with_target
@with_project
def enable(
    webhook_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    wait: Wait = DEFAULT_WAIT,
    project: Project,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Have a registration that Spectrum has disabled delivered to again.

    Where Spectrum does not take the change (it answers 409 for some registrations), the endpoint's
    other path is registered in its place, as by forwarder webhooks rotate. What Spectrum had to
    deliver meanwhile is lost: it keeps nothing of that.

    Example: forwarder webhooks enable 3f1c2b7e-0000-4000-8000-000000000001
    """
    with project.open() as api, HttpClient() as client:
        # The list is asked first: a webhook that is not there is not one that cannot be changed.
        one = choose(api.list(), store_of(target).read(), webhook_id)
        if not one.disabled:
            done(as_json, {"id": one.id, "enabled": True}, f"{one.id} is not disabled")
            return
        try:
            api.enable(one.id)
        except NotTaken as refused:
            note(f"{refused}: registering the endpoint's other path instead")
            rotated = _rotation(api, client, target, wait).rotate(one.id)
            done(as_json, rotated.document(), rotated.in_words())
            return
    text = f"{one.id} is enabled again; forwarder doctor looks at the rest"
    done(as_json, {"id": one.id, "enabled": True}, text)


@with_target
@with_project
def delete(
    webhook_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    leaked: Annotated[
        bool, typer.Option("--leaked", help="Forget the secret at once, not in an hour.")
    ] = False,
    project: Project,
    yes: Yes = False,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Delete a registration at Spectrum; its secret is accepted for an hour more.

    With --leaked it is refused everywhere within 30 s, before Spectrum is even asked.

    Example: forwarder webhooks delete 3f1c2b7e-0000-4000-8000-000000000001
    """
    store = store_of(target)
    if not confirm(f"Delete {webhook_id}? Spectrum delivers nothing to it then.", yes=yes):
        return
    if leaked:
        revoker(target, store)(webhook_id)
        note(ENDS_WITHIN)
    with project.open() as api:
        was_there = api.delete(webhook_id)
    now = time.time()

    def forget(webhooks: Webhooks) -> None:
        if not leaked:
            webhooks.retire(webhook_id, until=now + GRACE_SECONDS)
        webhooks.prune(now)

    store.update(forget)
    text = "was deleted" if was_there else "was gone at Spectrum already"
    done(as_json, {"id": webhook_id, "deleted": was_there}, f"{webhook_id} {text}")


@with_target
@with_project
def rotate(
    webhook_id: Annotated[str | None, typer.Argument(metavar="[ID]")] = None,
    *,
    wait: Wait = DEFAULT_WAIT,
    leaked: Annotated[
        bool,
        typer.Option("--leaked", help="Refuse the old secrets at once, and wait for nothing."),
    ] = False,
    standard: Annotated[
        bool,
        typer.Option("--standard", help="Replace the whsec_ secret alone, in the same place."),
    ] = False,
    overlap: Annotated[
        int,
        typer.Option(
            min=0, max=LONGEST_OVERLAP, help="Seconds that both whsec_ secrets count, --standard."
        ),
    ] = USUAL_OVERLAP,
    project: Project,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Replace a webhook's secrets without a gap: another path of the endpoint takes over.

    Registers the endpoint's other path, stores its secrets, waits until an event came through it,
    deletes the old registration, and accepts the old ones for an hour more. Where nothing comes
    at all it goes on after --wait. If it is killed, run it again: it goes on where it was.

    With --leaked both old secrets are refused everywhere within 30 s of the moment when the new
    ones are stored; what Spectrum was sending through the old ones just then may be lost.

    With --standard the registration stays: Spectrum makes another whsec_ secret, and signs with
    both for --overlap. The v0 secret cannot be replaced in that way.

    Example: forwarder webhooks rotate
    """
    if standard and leaked:
        raise WrongUse(
            "after a leak both secrets have to go: forwarder webhooks rotate --leaked replaces the "
            "registration, and both with it"
        )
    with project.open() as api, HttpClient() as client:
        rotated = (
            rotate_standard(api, store_of(target), webhook_id, overlap=overlap, say=note)
            if standard
            else _rotation(api, client, target, wait).rotate(webhook_id, leaked=leaked)
        )
    done(as_json, rotated.document(), rotated.in_words())


def _rotation(api: SpectrumApi, client: HttpClient, target: Target, wait: float) -> Rotation:
    store = store_of(target)
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


def done(as_json: bool, document: dict[str, Any], text: str) -> None:
    if as_json:
        print_json(document)
    else:
        print_line(text)
