"""What both registries are: JSON lists of entries, in Secrets Manager.

A bad entry is reported by name and the others still work; a bad secret as a whole is as good as
unreadable, and the last good one goes on serving.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.ports import Facts

Entry = Mapping[str, Any]
Report = Callable[[str, InvalidEntry], None]


def entries_of(text: str, top: str) -> list[Entry]:
    """The entries of a secret's list `top`; raise InvalidEntry where there is no such list."""
    try:
        entries = json.loads(text)[top]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidEntry(f'it must be JSON of the form {{"{top}": […]}}') from error
    if not isinstance(entries, list):
        raise InvalidEntry(f'"{top}" must be a list')
    return [entry if isinstance(entry, dict) else {} for entry in entries]


def called(entry: Entry, field: str, number: int) -> str:
    """What to call an entry in a report: its name, or its place."""
    name = entry.get(field)
    return name[:100] if isinstance(name, str) and name else f"entry {number + 1}"


def reporter(facts: Facts, registry: str) -> Report:
    """Tells of each entry that cannot be used."""

    def report(name: str, error: InvalidEntry) -> None:
        facts("registry.entry_refused", registry=registry, entry=name, cause=str(error))

    return report
