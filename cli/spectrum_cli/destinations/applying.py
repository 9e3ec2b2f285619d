"""`forwarder destinations export` and `apply`: routing that lives in a repository."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from spectrum_cli.destinations import entries as entries_of
from spectrum_cli.destinations.changes import change_destinations
from spectrum_cli.destinations.files import (
    ADD,
    LEAVE,
    REMOVE,
    SAME,
    SET,
    Change,
    exported,
    merge,
    wanted_of,
)
from spectrum_cli.destinations.telling import TAKES_EFFECT
from spectrum_cli.destinations.views import forget_health
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.registry import Entry, destinations_of
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import Finding, WrongUse
from spectrum_cli.terminal.output import AsJson, Reveal, Yes, confirm, note, print_json
from spectrum_cli.terminal.tables import Rows

File = Annotated[
    Path, typer.Option("-f", "--file", metavar="FILE", help="What `export` wrote; - for input.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change; change nothing.")]
Prune = Annotated[
    bool, typer.Option("--prune", help="Remove those that the file does not name, too.")
]


@with_target
def export(*, reveal: Reveal = False, target: Target) -> None:
    """Print all destinations as a file that can lie in a repository: no secret stands in it.

    Signing secrets stay in the stack. Values of headers and what URLs have behind a question mark
    may be secrets: they are left out, which `apply` takes for "as it is", and stand there with
    --reveal alone. Whether one is paused is left out too.

    Example: forwarder destinations export > destinations.json
    """
    print_json(exported(destinations_of(target).read(), reveal=reveal))


@with_target
def apply(
    *,
    file: File,
    dry_run: DryRun = False,
    prune: Prune = False,
    yes: Yes = False,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Make the destinations what a file says, all at once or not at all.

    A destination is known by its name; a new one gets a signing secret of its own, which
    `forwarder destinations list --reveal` shows. What a file does not say of `enabled`, of a
    header's value or a URL's query stays as it is, any other field falls back to its default. What
    the file does not name is left alone, but with --prune removed: what it is owed is given up.

    Example: forwarder destinations apply -f destinations.json --dry-run
    """
    wanted = wanted_of(_read(file))

    def edit(entries: list[Entry]) -> tuple[list[Change], list[Entry]]:
        before = list(entries)
        changes = merge(entries, wanted, prune=prune, identified=target.knows_identities)
        named = {change.name for change in changes if change.what in (ADD, SET)}
        for entry in entries:
            if entry.get("name") in named:
                entries_of.check(entry, target)
        return changes, [entry for entry in before if entry not in entries]

    planned, _ = edit(destinations_of(target).read())
    removed = [change.name for change in planned if change.what == REMOVE]
    if not dry_run:
        if removed and not confirm(_question(removed, target), yes=yes):
            raise Finding("nothing was changed")
        # On what stands there by now: made anew, and checked anew, if somebody else was faster.
        planned, gone = change_destinations(
            target, lambda entries: _as_agreed(edit(entries), removed)
        )
        for entry in gone:
            forget_health(target, entry)
    _show(planned, as_json=as_json, dry_run=dry_run)


def _as_agreed(
    result: tuple[list[Change], list[Entry]], agreed: list[str]
) -> tuple[list[Change], list[Entry]]:
    """The result, if it removes no more than what was agreed to; raise Finding."""
    more = {change.name for change in result[0] if change.what == REMOVE} - set(agreed)
    if more:
        raise Finding(f"somebody has added {', '.join(sorted(more))} meanwhile: look at it again")
    return result


def _question(removed: list[str], target: Target) -> str:
    return f"Remove {', '.join(removed)} from {target.title}, with what they are still owed?"


def _read(file: Path) -> object:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
        return json.loads(text)
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise WrongUse(f"{file} is no JSON: {error}") from error


def _show(changes: list[Change], *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        print_json([{"name": c.name, "change": c.what, "fields": list(c.fields)} for c in changes])
        return
    rows = Rows("change", "name", "fields")
    rows.add([[c.what, c.name, ", ".join(c.fields) or "-"] for c in changes if c.what != SAME])
    if all(change.what in (SAME, LEAVE) for change in changes):
        note("nothing to change: the destinations are what the file says")
    elif dry_run:
        note("nothing was changed: --dry-run")
    else:
        note(f"changed; {TAKES_EFFECT}")
    if any(change.what == LEAVE for change in changes):
        note("what the file does not name was left alone (leave): --prune removes it")
