"""`forwarder events erase`: what one person sent is taken out of the stack, with proof."""

from __future__ import annotations

from typing import Annotated

import typer

from spectrum_cli.destinations.names import names_of
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import Finding, WrongUse
from spectrum_cli.terminal.output import Yes, confirm, counted, note, print_json


@with_target
def erase(
    *,
    sender: Annotated[
        str,
        typer.Option(
            "--sender", metavar="ID", help="Whose events; a phone number however it is written."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how much there is; erase nothing.")
    ] = False,
    yes: Yes = False,
    target: Target,
) -> None:
    """Erase all events that one sender sent, and print what proves it.

    Events of the log with their bodies, and refused requests that are kept. Each is asked for
    again afterwards, and the log looked through once more. What is still owed of them is given up.
    The proof, in JSON, holds keys and a hash of the sender. It says as well what no command can
    reach: the table's backup until it has aged, and what destinations were sent. What others wrote
    about the person is theirs, and stays. Ends with 1 where anything is left: run it again.

    Example: forwarder events erase --sender +15550101234 > erased.json
    """
    from spectrum_cli.events.erasure import Eraser, plain  # noqa: PLC0415 (boto3)

    if not plain(sender).strip():
        raise WrongUse("--sender is empty: name whose events are to be erased")
    eraser = Eraser(target, sender)
    found = eraser.find()
    what = (
        f"{counted(len(found.events), 'event')} ({found.owed} not yet delivered everywhere) and "
        f"{counted(len(found.suspects), 'refused request')}"
    )
    if dry_run:
        note(f"{what} would be erased")
        return
    if found and not confirm(f"Erase {what} from {target.title}, for good?", yes=yes):
        raise Finding("nothing was erased")
    names = names_of(target)
    erased = eraser.erase(found)
    left = eraser.left(erased)
    print_json(eraser.proof(found, erased, left, names))
    if left or erased.busy:
        raise Finding(
            f"{counted(len(set(left) | set(erased.busy)), 'thing')} of this sender still there: a "
            "worker holds it, or it has just come; run the same command again in two minutes"
        )
    note(f"{what} erased, and not found any more")
