"""`forwarder destinations rotate`: another signing secret, without a delivery that is refused."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from spectrum_cli.destinations import entries as entries_of
from spectrum_cli.destinations import secrets as destination_secrets
from spectrum_cli.destinations.changes import change_destinations
from spectrum_cli.destinations.options import Name, SecretFromInput
from spectrum_cli.destinations.telling import tell
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.registry import Entry
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import WrongUse
from spectrum_cli.terminal.output import AsJson, Reveal, note, utc

USUAL_OVERLAP = "24h"


@with_target
def rotate(
    name: Name,
    *,
    overlap: Annotated[
        str,
        typer.Option(metavar="TIME", help="How long the old secret signs as well: 30m, 24h, 7d."),
    ] = USUAL_OVERLAP,
    confirm: Annotated[
        bool,
        typer.Option("--confirm", help="The receiver has the new secret: end the old one now."),
    ] = False,
    secret_stdin: SecretFromInput = False,
    as_json: AsJson = False,
    reveal: Reveal = False,
    target: Target,
) -> None:
    """Sign with a new secret, and with the old one as well until the receiver has the new one.

    Meanwhile `webhook-signature` has a signature of each, of which the libraries take either, and
    X-Spectrum-Signature, where there is room for one, that of the old. So give the receiver the new
    secret (--reveal), then run this with --confirm; without it the old one ends by itself after
    --overlap. After a leak: --overlap 0, and nothing is signed with the old one any more.

    Example: forwarder destinations rotate crm --overlap 24h --reveal
    """
    if confirm and secret_stdin:
        raise WrongUse("--confirm ends a rotation, and takes no secret")
    seconds = destination_secrets.overlap_of(overlap)
    secret = "" if confirm else destination_secrets.new_secret(from_input=secret_stdin)

    def edit(entries: list[Entry]) -> Entry:
        entry, now = entries_of.find(entries, name), time.time()
        if confirm:
            destination_secrets.confirm(entry, now=now)
        else:
            destination_secrets.rotate(entry, secret, overlap=seconds, now=now)
        entries_of.check(entry, target)
        return entry

    entry = change_destinations(target, edit)
    until = destination_secrets.signs_until(entry, time.time())
    done = "signed with its new secret alone" if until is None else "signed with both secrets"
    tell(entry, done, target, None, as_json=as_json, reveal=reveal)
    if until is not None:
        note(
            f"give the receiver the new one, then: forwarder destinations rotate {name} --confirm; "
            f"the old one ends at {utc(until)}"
        )
    else:
        note("whoever has the old secret alone refuses what comes from then on")
