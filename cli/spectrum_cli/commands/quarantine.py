"""`forwarder quarantine`: requests of known webhooks that were refused, and their release."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from spectrum_cli.quarantine.releasing import explain, find, release_all, secrets_of
from spectrum_cli.quarantine.suspects import (
    SENTENCES,
    kept_ids,
    lost,
    read_all,
    shelf,
)
from spectrum_cli.quarantine.views import (
    COLUMNS,
    Summary,
    document,
    gone,
    not_kept,
    report,
    row,
    soon_gone,
)
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import Finding, WrongUse
from spectrum_cli.terminal.output import (
    AsBody,
    AsJson,
    Everything,
    Yes,
    confirm,
    note,
    print_bytes,
    print_json,
    print_json_line,
    print_line,
    progress,
    require_one_form,
    utc,
)
from spectrum_cli.terminal.tables import Rows

# So many are released without asking.
UNASKED = 100


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True,
        help="Requests of known webhooks that were refused: kept for 72 hours, for release.",
    )
    group.command("list")(list_suspects)
    group.command("show")(show)
    group.command("release")(release)
    app.add_typer(group, name="quarantine")


@with_target
def list_suspects(
    *,
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 50,
    everything: Everything = False,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """List what is kept, the newest hour first, and whether it would verify today.

    With --json each is one line. Bodies are not shown: see `forwarder quarantine show`. What could
    not be kept is told.

    Example: forwarder quarantine list --local
    """
    secrets = secrets_of(target)
    with progress("looking through the quarantine", drawn=False) as looked_at:
        ids = kept_ids(target, looked_at)
    table = Rows(*COLUMNS)
    shown = ids if everything else ids[:limit]
    for suspects in read_all(target, secrets, shown):
        if as_json:
            for judged in suspects:
                print_json_line(document(judged))
        elif suspects:
            table.add([row(judged) for judged in suspects])
    if not ids:
        note("nothing is kept")
    elif len(shown) < len(ids):
        note(f"{len(ids) - len(shown)} more: --all, or --limit N")
    for sentence in (soon_gone(ids, time.time()), not_kept(lost(target))):
        if sentence:
            note(sentence)


@with_target
def show(
    suspect_id: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    *,
    as_body: AsBody = False,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Show one request: when it came, its headers, and what is wrong with it.

    Example: forwarder quarantine show 2026-01-31T08/042
    """
    require_one_form(as_body=as_body, as_json=as_json)
    ((_, suspect),) = shelf(target).get_all([suspect_id])
    if suspect is None:
        raise Finding(gone(suspect_id))
    if as_body:
        print_bytes(suspect.body)
        return
    secrets = secrets_of(target)
    judged = secrets.judged(suspect_id, suspect)
    findings = [] if judged.verdict == "good" else secrets.findings(suspect)
    if as_json:
        told = [{"cause": f.cause, "evidence": f.evidence, "fix": f.fix} for f in findings]
        print_json(document(judged) | {"headers": dict(suspect.headers), "findings": told})
        return
    table = Rows("", "")
    table.add(
        [
            ["received", f"{utc(suspect.received_at)} UTC"],
            ["refused as", suspect.code],
            ["today", SENTENCES[judged.verdict]],
            ["body", f"{len(suspect.body)} bytes; --body prints it"],
            *([name, value] for name, value in suspect.headers.items()),
        ]
    )
    for one in findings:
        print_line("")
        Rows("", "").add([["cause", one.title], ["evidence", one.evidence], ["fix", one.fix]])


@with_target
def release(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Those to be released.")
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that verify today.")] = False,
    stale: Annotated[
        bool,
        typer.Option(
            "--stale", help="Also those whose signature is right, but were stale when they came."
        ),
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Accept requests that verify with today's secrets, and let them go out as events.

    Each is judged by the clock of the moment when it came. What came by another way meanwhile is a
    duplicate and goes out once. What still does not verify stays, and is named with its cause.

    A stale one with a right signature may be late because a clock was off, or because somebody
    plays back what they once recorded: --stale releases it, if you know which. An event that is
    still in the log is a duplicate even so.

    Safe to run again, whatever it was interrupted by. Ends with 1 if something stays.

    Example: forwarder quarantine release --all
    """
    if bool(ids) == everything:
        raise WrongUse("name those to be released by their ids, or say --all: one of the two")
    secrets = secrets_of(target)
    summary, wanted = Summary(), ("good", "stale") if stale else ("good",)
    found = find(target, secrets, ids, summary)
    good = [judged for judged in found if judged.verdict in wanted]
    if len(good) > UNASKED and not confirm(
        f"Release {len(good)} requests of {target.title}?", yes=yes
    ):
        raise Finding("nothing was released")
    release_all(target, secrets, good, summary, stale=stale)
    stay = [judged for judged in found if judged.verdict not in wanted]
    explain(target, secrets, stay, summary)
    report(summary, lost(target), as_json=as_json)
