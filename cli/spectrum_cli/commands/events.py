"""`forwarder events`: the delivery log: list, show and follow what was received."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from spectrum_forwarder.domain.errors import LaterFormat, PayloadMissing
from spectrum_forwarder.domain.outbound import key_of

from spectrum_cli.errors import Finding, WrongUse
from spectrum_cli.event_erasing import erase
from spectrum_cli.event_keys import find_event
from spectrum_cli.event_views import COLUMNS, deliveries_in_short, document, row, show
from spectrum_cli.names import Names, names_of
from spectrum_cli.output import (
    AsJson,
    Reveal,
    Rows,
    note,
    print_bytes,
    print_json,
    print_json_line,
    progress,
    utc,
)
from spectrum_cli.selection import (
    FromSender,
    InSpace,
    Selection,
    Since,
    ToDestination,
    Until,
    WithStatus,
    moment,
)
from spectrum_cli.target import Target, with_target
from spectrum_cli.wiring import event_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spectrum_forwarder.domain.log import EventLog, LoggedEvent

# The index of the log lags behind the table a little, and clocks differ.
LOOK_BACK_SECONDS = 60.0
# Events that are followed until they are settled; of more, the oldest are let go.
MOST_FOLLOWED = 200
MOST_REMEMBERED = 10_000


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
    everything: Annotated[bool, typer.Option("--all", help="All that there are.")] = False,
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
    bounds = moment(since, "--since"), moment(until, "--until")
    selection = Selection(*bounds, status, destination, space, sender, names)
    shown, last = 0, None
    table = Rows(*COLUMNS)
    # Where every event is shown, the rows themselves are the progress.
    searching = not selection.takes_all
    with progress("looking through the log", drawn=False, told=searching) as looked_at:
        found = selection.search(event_log(target), looked_at, limit=None if everything else limit)
        for events in found:
            _print(events, table, names, as_json=as_json, reveal=reveal)
            shown, last = shown + len(events), events[-1]
    if last is None:
        note("no such event" if not selection.takes_all or since or until else "no events yet")
    elif shown == limit and not everything:
        note(f"there may be more: --all, --limit N, or --until '{utc(last.received_at)}'")


@with_target
def show_event(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="The event's key, or the webhook-id it went under.")
    ],
    *,
    body: Annotated[
        bool, typer.Option("--body", help="Print its body, byte for byte, and nothing else.")
    ] = False,
    as_json: AsJson = False,
    reveal: Reveal = False,
    target: Target,
) -> None:
    """Show one event: where it came from, its deliveries, and every attempt.

    Example: forwarder events show main:spc-msg-5d2e --local
    """
    if body and as_json:
        raise WrongUse("--body prints the body as it came: leave --json away")
    log = event_log(target)
    event = find_event(target, log, key)
    if event is None:
        raise _unknown(key_of(key))
    if body:
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
        time.sleep(every)
        changed = followed.look()


class Followed:
    """The events that were shown, and how they stood then.

    Time is the log's own, that of the events: the clock here may be another.
    """

    def __init__(self, log: EventLog, names: Names) -> None:
        self._log = log
        self._names = names
        self._began_at = self._latest = 0.0
        self._stood: dict[str, str] = {}
        self._owing: dict[str, LoggedEvent] = {}

    def begin(self, lines: int) -> list[LoggedEvent]:
        """The last events that there are already, oldest first."""
        past = self._log.newest(limit=max(lines, 1)).events
        if past:
            self._began_at = self._latest = past[0].received_at
        return self._changed(list(reversed(past[:lines])))

    def look(self) -> list[LoggedEvent]:
        """What has come or changed since the last look, oldest first."""
        events: dict[str, LoggedEvent] = {}
        cursor = None
        while True:
            since = self._latest - LOOK_BACK_SECONDS
            page = self._log.newest(limit=100, cursor=cursor, since=since)
            events |= {event.event_key: event for event in page.events}
            cursor = page.cursor
            if cursor is None:
                break
        for key in [key for key in self._owing if key not in events]:
            event = self._log.get(key)
            if event is not None:
                events[key] = event
        found = sorted(events.values(), key=lambda event: event.received_at)
        self._latest = max([self._latest, *(event.received_at for event in found)])
        return self._changed(
            [e for e in found if e.received_at > self._began_at or e.event_key in self._stood]
        )

    def _changed(self, events: Sequence[LoggedEvent]) -> list[LoggedEvent]:
        """Those of the events that stand otherwise than when they were shown last."""
        changed = []
        for event in events:
            stands = deliveries_in_short(event, self._names)
            if self._stood.get(event.event_key) != stands:
                changed.append(event)
            self._stood[event.event_key] = stands
            if event.settled:
                self._owing.pop(event.event_key, None)
            else:
                self._owing[event.event_key] = event
        for key in list(self._owing)[:-MOST_FOLLOWED]:
            del self._owing[key]
        for key in list(self._stood)[:-MOST_REMEMBERED]:
            del self._stood[key]
        return changed


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
