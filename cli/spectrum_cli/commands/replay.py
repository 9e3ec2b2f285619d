"""`forwarder replay`: deliver stored events once more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer
from spectrum_forwarder.domain.outbound import key_of

from spectrum_cli.destinations.lines import Resting, drain, rouse, told
from spectrum_cli.destinations.names import Names, names_in
from spectrum_cli.events.journal import Journal, Run
from spectrum_cli.events.keys import find_event
from spectrum_cli.events.replay_telling import report, show_plan, some
from spectrum_cli.events.replaying import (
    Planned,
    Summary,
    begin_all,
    oldest_first,
    refuse_unordered,
)
from spectrum_cli.events.selection import (
    FromSender,
    InSpace,
    Selection,
    Since,
    Until,
    WithStatus,
    times,
)
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.registry import destinations_of
from spectrum_cli.stack.table_clock import table_clock
from spectrum_cli.stack.target import Target
from spectrum_cli.stack.wiring import event_log, reopener
from spectrum_cli.terminal.errors import Finding, WrongUse
from spectrum_cli.terminal.output import AsJson, Yes, confirm, note, progress, utc

if TYPE_CHECKING:
    from spectrum_forwarder.domain.delivery import Status
    from spectrum_forwarder.domain.log import LoggedEvent
    from spectrum_forwarder.replay import Change, Hasten, Replay

# So many are replayed without asking.
UNASKED = 100
DEFAULT_RATE = 50.0


def register(app: typer.Typer) -> None:
    app.command("replay")(replay)


@with_target
def replay(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]...", help="The events, by their keys.")
    ] = None,
    *,
    since: Since = None,
    until: Until = None,
    status: WithStatus = None,
    destination: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only to this destination, even if the event was never bound for it; repeatable.",
        ),
    ] = None,
    space: InSpace = None,
    sender: FromSender = None,
    owed_now: Annotated[
        bool, typer.Option("--now", help="Deliver now what these events still owe; nothing anew.")
    ] = False,
    in_order: Annotated[
        bool,
        typer.Option(
            "--in-order", help="Replay in the order of conversations, to ordered destinations."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be replayed, and do nothing.")
    ] = False,
    rate: Annotated[
        float, typer.Option(min=0.1, max=1000, help="Events a second, at most.")
    ] = DEFAULT_RATE,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew instead of continuing.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Begin new deliveries of stored events: those named, or all received since a time.

    An event goes to the destinations that it was bound for, as far as they are configured today;
    with --status only where its delivery stands so. Today's filters decide. The webhook-id is the
    same as before, and X-Spectrum-Forwarder-Replay says that it is a replay. What is still owed is
    left alone: it is delivered anyway. The oldest events go first.

    A replay that was interrupted is continued when the same command is run again within a day:
    events that it had begun are not begun again, and the times that it was given as so long ago
    are those of the first run. --restart begins anew.

    At an ordered destination a replay keeps out of its conversation's order. With --in-order it
    stands there by its message's time, behind what waits already, and before what comes then.

    --now is for what is still owed: retries are brought forward, and lines are drained, whatever
    else stands in them.

    Example: forwarder replay --since 2h --status dead_lettered --destination crm --dry-run
    """
    if bool(keys) == bool(since):
        raise WrongUse("name the events by their keys, or say --since: one of the two")
    if keys and (until or space or sender):
        raise WrongUse("--until, --space and --sender go with --since, not with keys")
    if owed_now and (status or in_order):
        other = "--status" if status else "--in-order"
        raise WrongUse(f"--now is for what is pending, whatever {other} says: one of the two")
    entries = destinations_of(target).read()
    names = names_in(entries)
    wanted = _identities(names, destination)
    # By identity: what was begun for a destination that was removed since is another replay.
    manner = ["now"] * owed_now + ["in order"] * in_order
    wording = (keys, since, until, status, wanted, space, sender, *manner)
    journal = Journal(target.id, wording)
    clock = table_clock(target)
    unfinished = None if restart else journal.unfinished()
    run = unfinished or Run(clock(), *times(since, until))
    if unfinished:
        note(f"continuing the replay that was begun at {utc(run.begun_at)} UTC")
    change = _hasten(names, wanted) if owed_now else _change(names, wanted, status, run)
    selection = Selection(run.since, run.until, status, None, space, sender)
    resting = Resting(wanted) if owed_now else None
    found, unknown = _find(
        target, keys, selection, change, clock(), resting=resting, in_order=in_order
    )
    if in_order:
        refuse_unordered(entries, names, found, wanted)
    if dry_run:
        show_plan(found, unknown, names, in_order=in_order, as_json=as_json)
        return
    if len(found) > UNASKED and not confirm(
        f"Replay {len(found)} events of {target.title}?", yes=yes
    ):
        raise Finding("nothing was replayed")
    if resting and (lines := len(drain(target, wanted)) + rouse(target, resting.lines)):
        note(told(lines))
    if found:
        journal.begin(run)
        with progress("replaying", len(found)) as done:
            reopen = reopener(target, clock).reopen
            keys_found = [planned.event_key for planned in found]
            if in_order:
                # They stand behind what was said by now, and not when they were looked for.
                change = replace(_change(names, wanted, status, run), in_order={})
            summary = begin_all(reopen, keys_found, change, rate=rate, advance=done)
    else:
        summary = Summary()
    if not summary.busy:
        journal.finish()
    summary.unknown += unknown
    report(summary, names, as_json=as_json)


def _identities(names: Names, wanted: list[str] | None) -> list[str] | None:
    """Those that are meant by the names that were given; raise WrongUse."""
    if wanted is None:
        return None
    found = {name: names.identity(name) for name in wanted}
    if missing := sorted(name for name, identity in found.items() if identity is None):
        there = ", ".join(sorted(names.by_identity.values())) or "none"
        raise WrongUse(f"there is no destination {missing[0]}: configured are {there}")
    return [identity for identity in found.values() if identity is not None]


def _change(names: Names, wanted: list[str] | None, status: Status | None, run: Run) -> Replay:
    from spectrum_forwarder.replay import Replay  # noqa: PLC0415

    return Replay(
        configured=frozenset(names.by_identity),
        destinations=frozenset(wanted) if wanted else None,
        status=status,
        begun_at=run.begun_at,
    )


def _hasten(names: Names, wanted: list[str] | None) -> Hasten:
    from spectrum_forwarder.replay import Hasten  # noqa: PLC0415

    return Hasten(frozenset(names.by_identity), frozenset(wanted) if wanted else None)


def _find(
    target: Target,
    keys: list[str] | None,
    selection: Selection,
    change: Change,
    now: float,
    *,
    resting: Resting | None,
    in_order: bool,
) -> tuple[list[Planned], list[str]]:
    """The events that there is something to replay of, the oldest first; and keys not found.

    `resting` is shown all of them.
    """
    log = event_log(target)
    found: list[Planned] = []
    unknown: list[str] = []
    later: list[str] = []

    def consider(event: LoggedEvent) -> None:
        if resting:
            resting.see([event], now)
        if not event.readable:
            later.append(event.event_key)
        elif identities := list(change(event, now)):
            space = event.space_id if in_order else None
            found.append(Planned(event.event_key, event.received_at, identities, space))

    with progress("looking through the log") as looked_at:
        if keys:
            for key in dict.fromkeys(map(key_of, keys)):
                event = find_event(target, log, key)
                if event is None:
                    unknown.append(key)
                else:
                    consider(event)
                looked_at(1)
        else:
            for events in selection.search(log, looked_at):
                for event in events:
                    consider(event)
    if later:
        note(f"stored by a later version of the forwarder, so left to its command: {some(later)}")
    return oldest_first(found), unknown
