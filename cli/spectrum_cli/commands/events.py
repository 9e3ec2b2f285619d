"""`forwarder events`: the delivery log: list, show and follow what was received."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from spectrum_forwarder.domain.errors import LaterFormat, PayloadMissing
from spectrum_forwarder.domain.outbound import key_of

from spectrum_cli.destinations.names import Names, names_of
from spectrum_cli.events.erasing import erase
from spectrum_cli.events.following import Followed
from spectrum_cli.events.keys import find_event
from spectrum_cli.events.selection import (
    FromSender,
    InSpace,
    Selection,
    Since,
    ToDestination,
    Until,
    WithStatus,
    exactly,
    times,
)
from spectrum_cli.events.views import COLUMNS, document, row, show
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.target import Target
from spectrum_cli.stack.wiring import event_log
from spectrum_cli.terminal.errors import Finding
from spectrum_cli.terminal.output import (
    AsBody,
    AsJson,
    Everything,
    Reveal,
    counted,
    note,
    print_bytes,
    print_json,
    print_json_line,
    progress,
    require_one_form,
)
from spectrum_cli.terminal.tables import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spectrum_forwarder.domain.log import EventLog, LoggedEvent


def register(app: typer.Typer) -> None:
    events = typer.Typer(no_args_is_help=True, help="The delivery log: every event, every attempt.")
    events.command("list")(list_events)
    events.command("show")(show_event)
    events.command("tail")(tail)
    events.command("erase")(erase)
    app.add_typer(events, name="events")


@with_target
def list_events(
    *,
    since: Since = None,
    until: Until = None,
    status: WithStatus = None,
    destination: ToDestination = None,
    space: InSpace = None,
    sender: FromSender = None,
    limit: Annotated[int, typer.Option(min=1, help="So many events at most.")] = 50,
    everything: Everything = False,
    as_json: AsJson = False,
    reveal: Reveal = False,
    target: Target,
) -> None:
    """List events, newest first, and where each of their deliveries stands.

    With --json each event is one line. Phone numbers and mail addresses are masked unless --reveal
    is given.

    Example: forwarder events list --since 2h --status dead_lettered
    """
    names = names_of(target)
    bounds = times(since, until)
    selection = Selection(*bounds, status, destination, space, sender, names)
    shown, last, seen = 0, None, 0
    table = Rows(*COLUMNS)

    def look(more: int) -> None:
        nonlocal seen
        seen += more
        looked_at(more)

    # Where every event is shown, the rows themselves are the progress.
    searching = not selection.takes_all
    with progress("looking through the log", drawn=False, told=searching) as looked_at:
        found = selection.search(event_log(target), look, limit=None if everything else limit)
        for events in found:
            _print(events, table, names, as_json=as_json, reveal=reveal)
            shown, last = shown + len(events), events[-1]
    if last is None:
        selection.require_possible()
        where = " of that time" if since or until else ""
        note(
            f"none of the {counted(seen, 'event')}{where} is meant"
            if seen
            else f"no events{where} yet"
        )
    elif shown == limit and not everything:
        note(f"there may be more: --all, --limit N, or --until {exactly(last.received_at)}")


@with_target
def show_event(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="The event's key, or the webhook-id it went under.")
    ],
    *,
    as_body: AsBody = False,
    as_json: AsJson = False,
    reveal: Reveal = False,
    target: Target,
) -> None:
    """Show one event: where it came from, its deliveries, and every attempt.

    Example: forwarder events show main:spc-msg-5d2e --local
    """
    require_one_form(as_body=as_body, as_json=as_json)
    log = event_log(target)
    event = find_event(target, log, key)
    if event is None:
        raise _unknown(key_of(key))
    if as_body:
        content = _body(log, event.event_key)
        if content is None:
            raise _unknown(event.event_key)
        print_bytes(content)
        return
    if as_json:
        print_json(document(event, names_of(target), reveal=reveal))
    else:
        show(event, names_of(target), reveal=reveal)


@with_target
def tail(
    *,
    lines: Annotated[int, typer.Option(min=0, help="Begin with so many past events.")] = 10,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 2.0,
    as_json: AsJson = False,
    reveal: Reveal = False,
    target: Target,
) -> None:
    """Follow the log: a line for each new event, and one more whenever its deliveries change.

    Ends with Ctrl-C.

    Example: forwarder events tail --local
    """
    table = Rows(*COLUMNS)
    names = names_of(target)
    followed = Followed(event_log(target), names)
    changed = followed.begin(lines)
    while True:
        _print(changed, table, names, as_json=as_json, reveal=reveal)
        if followed.newly_let_go:
            note(
                f"{counted(followed.newly_let_go, 'event')} that owe work are not followed any "
                "more, for they are too many: see forwarder events list --status pending"
            )
        time.sleep(every)
        changed = followed.look()


def _print(
    events: Sequence[LoggedEvent], table: Rows, names: Names, *, as_json: bool, reveal: bool
) -> None:
    if as_json:
        for event in events:
            print_json_line(document(event, names, reveal=reveal))
    elif events:
        table.add([row(event, names, reveal=reveal) for event in events])


def _body(log: EventLog, event_key: str) -> bytes | None:
    try:
        return log.body(event_key)
    except PayloadMissing as error:
        raise Finding(f"{error}: the rest of it is shown without --body") from error
    except LaterFormat as error:
        raise Finding(f"{error}: use the command of the version that stored it") from error


def _unknown(event_key: str) -> Finding:
    return Finding(
        f"there is no event {event_key}: `forwarder events list` shows those there are; "
        "settled ones are kept for the stack's RetentionDays"
    )
