"""`forwarder destinations pause`, `resume` and `flush`: what waits, and that it goes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from spectrum_forwarder.domain.destination import identity_of

from spectrum_cli.destinations import entries as entries_of
from spectrum_cli.destinations.changes import known_for
from spectrum_cli.destinations.lines import Resting, drain, rouse, told
from spectrum_cli.destinations.options import Name
from spectrum_cli.destinations.telling import TAKES_EFFECT
from spectrum_cli.events.replaying import Summary, begin_all, owed
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.registry import Entry, destinations_of
from spectrum_cli.stack.table_clock import TableClock, table_clock
from spectrum_cli.stack.target import Target
from spectrum_cli.stack.wiring import event_log, reopener
from spectrum_cli.terminal.errors import Finding
from spectrum_cli.terminal.output import AsJson, counted, note, print_json, print_line, progress

if TYPE_CHECKING:
    from spectrum_forwarder.domain.log import LoggedEvent
    from spectrum_forwarder.replay import Change

WAKE_RATE = 100.0


@with_target
def pause(name: Name, *, target: Target) -> None:
    """Let a destination's deliveries wait, without using up attempts, until it is resumed.

    Example: forwarder destinations pause crm
    """
    _enable(target, name, enabled=False)
    note(f"{name} is paused; {TAKES_EFFECT}")


@with_target
def resume(
    name: Name,
    *,
    rate: Annotated[
        float, typer.Option(min=0.1, max=1000, help="Waiting events woken a second, at most.")
    ] = WAKE_RATE,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Deliver to a destination again, what has been waiting for it included.

    Safe to run again: it wakes whatever still waits.

    Example: forwarder destinations resume crm
    """
    from spectrum_forwarder.replay import Wake  # noqa: PLC0415

    entry = _enable(target, name, enabled=True)
    clock = table_clock(target)
    # Workers that know it as paused would let it wait once more.
    wake = Wake(identity_of(entry) or name, clock() + known_for(target))
    # First of all: looking through a backlog for what stands in no line takes its time.
    lines = len(drain(target, [wake.destination]))
    words = ("looking for what has been waiting", "waking")
    summary = _apply(target, wake, clock, words, rate=rate)
    woken, busy = summary.begun, len(summary.busy)
    if as_json:
        print_json({"destination": name, "woken": woken, "busy": busy, "lines": lines})
    elif lines:
        print_line(f"{name} is resumed; {told(lines)}")
    else:
        print_line(
            f"{name} is resumed; {counted(woken, 'waiting event')} will go out in half a minute"
        )
    if busy:
        raise Finding(
            f"{counted(busy, 'event')} being worked on: run the same command again to wake the rest"
        )


@with_target
def flush(
    name: Name,
    *,
    rate: Annotated[
        float, typer.Option(min=0.1, max=1000, help="Retries brought forward a second, at most.")
    ] = WAKE_RATE,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Deliver what a destination is owed now: its line, and all that waits for a retry.

    The first thing to do after mending a consumer. The line goes out oldest first; one that is
    paused, broken or still failing stays as it is. Safe to run again.

    Example: forwarder destinations flush crm
    """
    from spectrum_forwarder.replay import Hasten  # noqa: PLC0415

    entry = entries_of.find(destinations_of(target).read(), name)
    identity = identity_of(entry) or name
    lines = len(drain(target, [identity]))
    clock, haste = table_clock(target), Hasten(frozenset([identity]))
    words = ("looking for what is owed", "bringing forward")
    resting = Resting([identity])
    summary = _apply(target, haste, clock, words, rate=rate, resting=resting)
    lines += rouse(target, resting.lines)
    begun, busy = summary.begun, len(summary.busy)
    if as_json:
        print_json({"destination": name, "lines": lines, "hastened": begun, "busy": busy})
    else:
        said = [told(lines), f"{begun} of what waits for a retry brought forward"]
        print_line(f"{name}: " + "; ".join(part for part in said if part))
    if busy:
        raise Finding(f"{counted(busy, 'event')} being worked on: run the same command again")


def _apply(
    target: Target,
    change: Change,
    clock: TableClock,
    words: tuple[str, str],
    *,
    rate: float,
    resting: Resting | None = None,
) -> Summary:
    """Apply the change to all that is owed and that it takes, `rate` events a second at most.

    `words` say what is done meanwhile: looking for it, and then doing it. `resting` is shown all.
    """
    looking, doing = words
    with progress(looking) as advance:

        def looked_at(events: Sequence[LoggedEvent]) -> None:
            if resting:
                resting.see(events, clock())
            advance(len(events))

        keys = owed(event_log(target), change, clock, looked_at=looked_at)
    with progress(doing, len(keys)) as done:
        reopen = reopener(target, clock).reopen
        return begin_all(reopen, keys, change, rate=rate, advance=done)


def _enable(target: Target, name: str, *, enabled: bool) -> Entry:
    def edit(entries: list[Entry]) -> Entry:
        entry = entries_of.find(entries, name)
        entry["enabled"] = enabled
        return entry

    return destinations_of(target).change(edit)
