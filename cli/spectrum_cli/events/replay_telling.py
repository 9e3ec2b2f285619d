"""What a replay would do, has done and could not do, as it is told."""

from __future__ import annotations

from spectrum_cli.destinations.names import Names
from spectrum_cli.events.replaying import Planned, Summary
from spectrum_cli.terminal.errors import Finding
from spectrum_cli.terminal.output import counted, note, print_json, print_line, utc
from spectrum_cli.terminal.tables import Rows


def show_plan(
    found: list[Planned], unknown: list[str], names: Names, *, in_order: bool, as_json: bool
) -> None:
    """Say what would be replayed; raise Finding for keys of which there is no event."""
    rows = [(p.received_at, p.event_key, [names.of(to) for to in p.destinations]) for p in found]
    if as_json:
        events = [{"event_key": key, "destinations": to} for _, key, to in rows]
        print_json({"would_replay": events, "in_order": in_order, "unknown": unknown})
        return
    if found:
        table = Rows("received", "event key", "to")
        table.add([[utc(received_at), key, ", ".join(to)] for received_at, key, to in rows])
    then = ", in the order of their conversations, behind what waits there" if in_order else ""
    note(f"{counted(len(found), 'event')} would be replayed{then}")
    _complain([], unknown)


def report(summary: Summary, names: Names, *, as_json: bool) -> None:
    """Say what was begun; raise Finding for what could not be."""
    deliveries = {names.of(identity): n for identity, n in summary.deliveries.items()}
    if as_json:
        print_json(
            {
                "begun": summary.begun,
                "deliveries": deliveries,
                "without_hint": summary.unhinted,
                "busy": summary.busy,
                "unknown": summary.unknown,
            }
        )
    elif summary.begun:
        by_name = ", ".join(f"{n} to {name}" for name, n in sorted(deliveries.items()))
        print_line(f"replaying {counted(summary.begun, 'event')}: {by_name}")
    else:
        print_line("nothing to replay")
    if summary.unhinted:
        note(f"{summary.unhinted} of them will go out a little later, with the next sweeps")
    _complain(summary.busy, summary.unknown)


def _complain(busy: list[str], unknown: list[str]) -> None:
    problems = []
    if busy:
        problems.append(
            f"being delivered at this moment, so not replayed: {some(busy)}; run the same "
            "command again to have them replayed as well"
        )
    if unknown:
        problems.append(f"there is no event {some(unknown)}")
    if problems:
        raise Finding("; ".join(problems))


def some(keys: list[str]) -> str:
    """The first of the keys, and how many more there are."""
    return ", ".join(keys[:5]) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")
