"""Entries of the destinations registry, as an operator's options make and change them.

Owns the rule that nothing is written that the fan-out could not use.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from spectrum_forwarder.adapters.kinds import KINDS, kind_at
from spectrum_forwarder.adapters.kinds.kind import PLACES
from spectrum_forwarder.adapters.line_fields import LINE_FIELDS
from spectrum_forwarder.domain.destination import HTTP, identity_of

from spectrum_cli.destinations.mending import mending
from spectrum_cli.stack.registry import Entry
from spectrum_cli.stack.urls import encoded
from spectrum_cli.terminal.errors import Finding, WrongUse

if TYPE_CHECKING:
    from spectrum_forwarder.adapters.kinds.kind import Field
    from spectrum_forwarder.adapters.ourselves import Ourselves
    from spectrum_forwarder.domain.destination import Destination

    from spectrum_cli.stack.target import Target

# The end of an identity: base32, so that it can be read out and typed.
SUFFIX_LETTERS, SUFFIX_LENGTH = "abcdefghijklmnopqrstuvwxyz234567", 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What an operator's options say of an entry; None where one was not given.

    `fields` are those of the entry's line and of its kind.
    """

    expression: str | None = None
    on_filter_error: str | None = None
    headers: list[str] | None = None
    timeout: float | None = None
    max_attempts: int | None = None
    keep_answers: bool | None = None
    webhook_id: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


NOTHING = Given()


def new_entry(name: str, *, identified: bool) -> Entry:
    """The beginning of an entry: its name, and an identity that no other destination ever had.

    What is owed to a destination is bound to the identity: one that was removed and added again
    under the same name gets nothing that the old one was owed. Not `identified`, its name is its
    identity: functions of 0.1.0 refuse any other, and bind what comes meanwhile to the name.
    """
    if not identified:
        return {"name": name}
    suffix = "".join(secrets.choice(SUFFIX_LETTERS) for _ in range(SUFFIX_LENGTH))
    return {"id": f"{name}.{suffix}", "name": name}


def add_to(entries: list[Entry], entry: Entry) -> None:
    """Put a new entry among the others; raise WrongUse where its name is taken."""
    _require_free(entries, entry["name"], "change it with `set`")
    entries.append(entry)


def rename(entry: Entry, name: str, entries: list[Entry]) -> None:
    """Call the entry otherwise; it stays the same destination. Raise WrongUse for a taken name."""
    _require_free(entries, name, "choose another name")
    # One that has no id is its name: from now on the old one. A name that could not be read never
    # was one, and with it mended the entry is what it was before.
    identity = identity_of(entry)
    if identity is not None:
        entry["id"] = identity
    entry["name"] = name


def _require_free(entries: list[Entry], name: str, advice: str) -> None:
    if any(other.get("name") == name for other in entries):
        raise WrongUse(f"there is a destination {name} already: {advice}")


def find(entries: list[Entry], name: str) -> Entry:
    """The entry of a name; raise WrongUse."""
    for entry in entries:
        if entry.get("name") == name:
            return entry
    there = ", ".join(sorted(str(entry.get("name")) for entry in entries)) or "none"
    raise WrongUse(f"there is no destination {name}: configured are {there}")


def apply(entry: Entry, given: Given, *, where: str | None = None) -> None:
    """Change the entry by the options that were given, and put the destination elsewhere."""
    if where is not None:
        _place(entry, where)
    _fill(entry, given.fields)
    plain = {
        "on_filter_error": given.on_filter_error and str(given.on_filter_error),
        "timeout_seconds": given.timeout,
        "max_attempts": given.max_attempts,
        "keep_answers": given.keep_answers,
    }
    entry.update({name: value for name, value in plain.items() if value is not None})
    for name, text in (("filter", given.expression), ("webhook_id", given.webhook_id)):
        if text is not None:
            entry.pop(name, None)
        if text:
            entry[name] = text
    for header in given.headers or ():
        name, colon, value = header.partition(":")
        if not colon:
            raise WrongUse(f"--header {header!r} has no colon: write 'Name: value'")
        found = entry.get("headers")
        there = found.items() if isinstance(found, dict) else ()
        # Whoever gets them sees no difference between upper and lower case.
        kept = {key: text for key, text in there if key.lower() != name.strip().lower()}
        if value.strip():
            kept[name.strip()] = value.strip()
        entry["headers"] = kept


def _place(entry: Entry, where: str) -> None:
    """Put the destination elsewhere; what only its old kind has goes with it."""
    kind = kind_at(where)
    if kind is None:
        known = ", ".join(kind.where for kind in KINDS.values())
        raise WrongUse(f"{where} is where no kind of destination is: name one of {known}")
    of_kinds = {one.name for other in KINDS.values() for one in other.fields}
    for name in {*PLACES, "kind", *of_kinds} - {one.name for one in kind.fields}:
        entry.pop(name, None)
    if kind.name != HTTP:
        entry["kind"] = kind.name
    entry[kind.place] = encoded(where) if kind.name == HTTP else where


def fields_of(entry: Entry) -> tuple[Field, ...]:
    """The fields of the entry's line and of its kind; of an unknown kind the line's alone."""
    kind = KINDS.get(str(entry.get("kind") or HTTP))
    return (*LINE_FIELDS, *(kind.fields if kind else ()))


def _fill(entry: Entry, fields: Mapping[str, str]) -> None:
    """Set fields of the entry's line and kind; an empty one is dropped."""
    known = {one.name: one for one in fields_of(entry)}
    for name, value in fields.items():
        if name not in known:
            raise WrongUse(f"{name} is not for a destination of the kind {entry.get('kind', HTTP)}")
        entry.pop(name, None)
        if value:
            text = _text_of(value) if known[name].from_file else value
            entry[name] = known[name].typed(text)


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise WrongUse(f"{path} cannot be read: {error}") from error


def ourselves(target: Target) -> Ourselves:
    """What is the stack's own, and so no destination."""
    from spectrum_forwarder.adapters.ourselves import Ourselves  # noqa: PLC0415 (boto3)

    queues = (target.queue_url, target.slow_queue_url, target.dead_letter_queue_url)
    return Ourselves(urlsplit(target.endpoint_url).netloc, queues)


def check(entry: Entry, target: Target) -> Destination:
    """The destination that the entry amounts to; raise WrongUse where it cannot be used."""
    from spectrum_forwarder.adapters.destination_registry import read_destination  # noqa: PLC0415 (boto3)
    from spectrum_forwarder.domain.errors import InvalidEntry  # noqa: PLC0415

    try:
        return read_destination(entry, allow_loopback=target.is_local, own=ourselves(target))
    except InvalidEntry as error:
        raise WrongUse(f"this destination could not be used: {error}") from error


def problem(entry: Entry, target: Target) -> str | None:
    """Why the entry that is stored cannot be used; None if it can."""
    try:
        check(entry, target)
    except WrongUse as error:
        return str(error.__cause__)
    return None


def problems(entries: Sequence[Entry], target: Target) -> list[str | None]:
    """As `problem` of each entry beside the others: the fan-out's own judgement."""
    from spectrum_forwarder.adapters.destination_registry import judge  # noqa: PLC0415 (boto3)
    from spectrum_forwarder.domain.errors import InvalidEntry  # noqa: PLC0415

    judged = judge(list(entries), allow_loopback=target.is_local, own=ourselves(target))
    return [str(verdict) if isinstance(verdict, InvalidEntry) else None for verdict in judged]


def usable(entry: Entry, target: Target) -> Destination:
    """The destination of a stored entry; raise Finding where it is broken."""
    reason = problem(entry, target)
    if reason is not None:
        name = str(entry.get("name"))
        raise Finding(f"the entry of {name} is broken: {reason}; mend it: {mending(name, reason)}")
    return check(entry, target)
