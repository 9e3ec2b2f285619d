"""Which command mends an entry of the destinations, by what is said of it.

Whatever is said to be mended by a command is: the tests hold each of these against the command.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

import typer
from spectrum_forwarder.adapters.kinds.kind import PLACES

from spectrum_cli.stack.registry import Entry
from spectrum_cli.terminal.errors import WrongUse

Drop = Annotated[
    list[str] | None,
    typer.Option(
        "--drop",
        metavar="FIELD",
        help="Take this field out of the entry, whatever it holds. Repeatable.",
    ),
]
SET = "forwarder destinations set {name}"
BY_HAND = "by hand in the destinations secret"
# The field that a reason names → the options that mend it.
OPTIONS = {
    "url": "--url URL",
    "target": "--url URL",
    "kind": "--url URL",
    "signing_secret": "--new-secret",
    "filter": "--filter ''",
    "timeout_seconds": "--timeout SECONDS",
    "max_attempts": "--max-attempts NUMBER",
}
UNKNOWN = re.compile(r"unknown field '([A-Za-z0-9_.-]{1,100})'")
FIELD = re.compile(r"[a-z_]+")


def mending(name: str, reason: str) -> str:
    """How the entry of this name is mended, of which this is said: a command, or by hand."""
    command = SET.format(name=name)
    if unknown := UNKNOWN.match(reason):
        return f"{command} --drop {unknown[1]}"
    if reason.startswith(("name stands twice", "id is that of", "unknown field")):
        return BY_HAND
    found = FIELD.match(reason)
    field = found[0] if found else ""
    if field == "name":
        return "forwarder destinations rename NAME NEW"
    if field in OPTIONS:
        return f"{command} {OPTIONS[field]}"
    # All others have a default, or are of a kind that says what it lacks.
    return f"{command} --drop {field}" if field else BY_HAND


def drop(entry: Entry, fields: Sequence[str]) -> None:
    """Take fields out of an entry; raise WrongUse for one that it has not, or cannot be without."""
    for name in fields:
        if name in ("name", "signing_secret", *PLACES):
            raise WrongUse(f"no destination can be without its {name}: change it instead")
        if name not in entry:
            raise WrongUse(f"{entry.get('name')} has no field {name}: it has {', '.join(entry)}")
        del entry[name]
