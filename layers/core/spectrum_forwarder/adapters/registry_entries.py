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


def content_of(text: str, top: str) -> dict[str, Any]:
    """The secret's JSON object, whose member `top` is a list; raise InvalidEntry.

    The text of the error says where reading it ends, and nothing of what stands there.
    """
    try:
        # Some editors put a byte order mark in front, which is not of the JSON.
        content = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        place = f"is not JSON from line {error.lineno}, column {error.colno} on"
        raise _unlike(place if text.strip() else "is empty", top) from error
    except RecursionError as error:
        raise _unlike("is nested too deep", top) from error
    if not isinstance(content, dict):
        raise _unlike("is no JSON object", top)
    if top not in content:
        raise _unlike(f'has no "{top}"', top)
    if not isinstance(content[top], list):
        raise InvalidEntry(f'"{top}" must be a list')
    return content


def _unlike(how: str, top: str) -> InvalidEntry:
    return InvalidEntry(f'it {how}: it must be JSON of the form {{"{top}": […]}}')


def entries_of(text: str, top: str) -> list[Entry]:
    """The entries of a secret's list `top`; raise InvalidEntry where there is no such list."""
    return [entry if isinstance(entry, dict) else {} for entry in content_of(text, top)[top]]


def called(entry: Entry, field: str, number: int) -> str:
    """What to call an entry in a report: its name, or its place."""
    name = entry.get(field)
    return name[:100] if isinstance(name, str) and name else f"entry {number + 1}"


def reporter(facts: Facts, registry: str) -> Report:
    """Tells of each entry that cannot be used."""

    def report(name: str, error: InvalidEntry) -> None:
        facts("registry.entry_refused", registry=registry, entry=name, cause=str(error))

    return report
