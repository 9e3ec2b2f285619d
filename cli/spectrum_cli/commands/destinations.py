"""`forwarder destinations`: who gets the events, and whether they take them."""

from __future__ import annotations

from typing import Annotated

import typer

from spectrum_cli.destinations import entries as entries_of
from spectrum_cli.destinations.applying import apply, export
from spectrum_cli.destinations.changes import change_destinations
from spectrum_cli.destinations.entries import NOTHING, Given
from spectrum_cli.destinations.entry_options import PLACES_OF_KINDS, with_entry_options
from spectrum_cli.destinations.filter import filter_of
from spectrum_cli.destinations.filter_trials import tried_of
from spectrum_cli.destinations.listing import list_destinations
from spectrum_cli.destinations.mending import Drop, drop
from spectrum_cli.destinations.options import Name, SecretFromInput
from spectrum_cli.destinations.rotating import rotate
from spectrum_cli.destinations.secrets import new_secret, replace
from spectrum_cli.destinations.telling import ADDED, TAKES_EFFECT, tell
from spectrum_cli.destinations.testing import test
from spectrum_cli.destinations.views import forget_health
from spectrum_cli.destinations.waking import flush, pause, resume
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.registry import Entry, destinations_of
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import Finding, WrongUse
from spectrum_cli.terminal.output import AsJson, Reveal, Yes, confirm, note


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Who gets the events, and whether they do.")
    group.command("list")(list_destinations)
    group.command("add")(add)
    group.command("set")(change)
    group.command("filter")(with_target(filter_of))
    group.command("rotate")(rotate)
    group.command("rename")(rename)
    group.command("remove")(remove)
    group.command("test")(test)
    group.command("pause")(pause)
    group.command("resume")(resume)
    group.command("flush")(flush)
    group.command("export")(export)
    group.command("apply")(apply)
    app.add_typer(group, name="destinations")


@with_target
@with_entry_options
def add(
    name: Name,
    where: Annotated[str, typer.Argument(metavar="URL", help=f"Where it is: {PLACES_OF_KINDS}.")],
    *,
    given: Given,
    paused: Annotated[bool, typer.Option("--paused", help="Let its deliveries wait.")] = False,
    secret_stdin: SecretFromInput = False,
    as_json: AsJson = False,
    reveal: Reveal = False,
    target: Target,
) -> None:
    """Add a destination, with a new signing secret.

    The secret is what the receiver verifies with; it is shown with --reveal, now or later by
    `forwarder destinations list --reveal`. Events that are fanned out from then on go to it, half
    a minute from now at the latest; older ones with `forwarder replay --destination NAME`.

    A receiver that answers messages should get `--only messages`: receipts and its own sends come
    as events too, and have made bots answer themselves. What a filter does to each sample body is
    shown when it is written.

    Example: forwarder destinations add crm https://crm.example.com/spectrum --reveal
    """
    entry = entries_of.new_entry(name, identified=target.knows_identities)
    entries_of.apply(entry, given, where=where)
    entry["signing_secret"] = new_secret(from_input=secret_stdin)
    if paused:
        entry["enabled"] = False
    tried = tried_of(entry, target)

    change_destinations(target, lambda entries: entries_of.add_to(entries, entry))
    tell(entry, ADDED, target, tried, as_json=as_json, reveal=reveal)


@with_target
@with_entry_options
def change(
    name: Name,
    *,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help=f"Where it is: {PLACES_OF_KINDS}.")
    ] = None,
    given: Given,
    dropped: Drop = None,
    fresh_secret: Annotated[
        bool, typer.Option("--new-secret", help="Sign with a new secret from now on.")
    ] = False,
    secret_stdin: SecretFromInput = False,
    as_json: AsJson = False,
    reveal: Reveal = False,
    target: Target,
) -> None:
    """Change a destination; what is not named stays as it is.

    Example: forwarder destinations set crm --filter "message.content.type == 'text'"
    """
    something = url is not None or given != NOTHING or dropped or fresh_secret or secret_stdin
    if not something:
        raise WrongUse("nothing to change was given: see `forwarder destinations set --help`")
    secret = new_secret(from_input=secret_stdin)

    def edit(entries: list[Entry]) -> Entry:
        entry = entries_of.find(entries, name)
        drop(entry, dropped or ())
        entries_of.apply(entry, given, where=url)
        if fresh_secret or secret_stdin:
            replace(entry, secret)
        entries_of.check(entry, target)
        return entry

    entry = change_destinations(target, edit)
    filter_changed = given.expression is not None or given.on_filter_error is not None
    tried = tried_of(entry, target) if filter_changed else None
    tell(entry, "changed", target, tried, as_json=as_json, reveal=reveal)


@with_target
def rename(
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="What it is to be called.")],
    *,
    target: Target,
) -> None:
    """Call a destination otherwise: it stays the same, with all that it is owed.

    Example: forwarder destinations rename crm sales
    """

    def edit(entries: list[Entry]) -> None:
        entry = entries_of.find(entries, name)
        entries_of.rename(entry, new, entries)
        entries_of.check(entry, target)

    change_destinations(target, edit)
    note(f"{name} is called {new} from now on; {TAKES_EFFECT}")


@with_target
def remove(name: Name, *, yes: Yes = False, target: Target) -> None:
    """Remove a destination: what it is still owed is given up, and settles as `removed`.

    That cannot be undone: a destination that is added under the same name is another one.

    Example: forwarder destinations remove crm --yes
    """

    def edit(entries: list[Entry]) -> Entry:
        entry = entries_of.find(entries, name)
        entries.remove(entry)
        return entry

    entries_of.find(destinations_of(target).read(), name)
    if not confirm(f"Remove {name} from {target.title}, with what it is still owed?", yes=yes):
        raise Finding("nothing was removed")
    forget_health(target, change_destinations(target, edit))
    note(f"{name} removed; {TAKES_EFFECT}")
