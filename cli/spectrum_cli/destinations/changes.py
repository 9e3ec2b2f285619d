"""A change of the destinations, and what it opens: whoever waits in line is not left to wait on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from spectrum_forwarder.domain.destination import identity_of

from spectrum_cli.destinations import entries as entries_of
from spectrum_cli.destinations.lines import drain
from spectrum_cli.stack.registry import Entry, destinations_of
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.output import counted, note

Result = TypeVar("Result")


def known_for(target: Target) -> float:
    """For so many seconds workers may know the destinations as they were before a change."""
    from spectrum_forwarder.adapters.destination_registry import DESTINATIONS_AGE  # noqa: PLC0415 (boto3)

    return (DESTINATIONS_AGE + 1) * min(target.time_scale, 1.0)


def change_destinations(target: Target, edit: Callable[[list[Entry]], Result]) -> Result:
    """Change them as `Registry.change` does, then have the lines drained whose way is open.

    All those, not the changed one's alone: an entry can be mended by another one's going.
    """

    def edited(entries: list[Entry]) -> tuple[Result, list[Entry]]:
        return edit(entries), entries

    result, entries = destinations_of(target).change(edited)
    closed = {identity_of(entry) for entry in entries if entry.get("enabled") is False}
    problems = zip(entries, entries_of.problems(entries, target), strict=True)
    closed |= {identity_of(entry) for entry, problem in problems if problem}
    if lines := drain(target, but=closed):
        said = f"{counted(len(lines), 'line')} will be looked at now"
        note(f"{said}: what waits goes out, oldest first, unless its breaker is open")
    return result
