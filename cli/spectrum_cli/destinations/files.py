"""Destinations as a file that can lie beside code: who gets which events, and nobody's secret.

Pure: what stands in a registry in, a file's content out, and the other way round. Signing secrets
and identities stay in the stack. A value that may be a secret is left out of the file, and what is
left out stays as it is: a header's value (`null`), and what a URL has behind its question mark.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spectrum_cli.destinations import entries as entries_of
from spectrum_cli.destinations.secrets import OLD, SECRET, new_secret
from spectrum_cli.stack.registry import Entry
from spectrum_cli.stack.urls import UNSAID, without_query
from spectrum_cli.terminal.errors import WrongUse

TOP = "destinations"
# What is the stack's own, and stands in no file.
STACKS_OWN = frozenset({"id", SECRET, OLD})
# Whether it is paused is decided while it runs: a file may say it, and then it holds.
IF_SAID = "enabled"
# `forwarder listen` makes and removes these.
LISTENERS = "listen-"


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one destination; `fields` are those that change."""

    name: str
    what: str
    fields: tuple[str, ...] = ()


ADD, SET, REMOVE, LEAVE, SAME = "add", "set", "remove", "leave", "same"


def exported(entries: Iterable[Entry], *, reveal: bool) -> dict[str, list[Entry]]:
    """The content of the file; with `reveal` the values of headers and queries as well."""
    found = [_exported(entry, reveal=reveal) for entry in entries if not _is_listener(entry)]
    return {TOP: sorted(found, key=lambda entry: str(entry.get("name")))}


def _exported(entry: Entry, *, reveal: bool) -> Entry:
    kept = {name: value for name, value in entry.items() if name not in STACKS_OWN | {IF_SAID}}
    if reveal:
        return kept
    if isinstance(headers := kept.get("headers"), dict):
        kept["headers"] = dict.fromkeys(headers)
    url = str(kept.get("url") or "")
    return kept | ({"url": without_query(url)} if "?" in url else {})


def wanted_of(content: Any) -> list[Entry]:
    """The entries of a file that was read; raise WrongUse where it is none."""
    wanted = content.get(TOP) if isinstance(content, dict) else None
    if not isinstance(wanted, list) or not all(isinstance(entry, dict) for entry in wanted):
        raise WrongUse(f'the file must be {{"{TOP}": [{{...}}, ...]}}, as `export` writes it')
    names = [entry.get("name") for entry in wanted]
    for entry in wanted:
        name = entry.get("name")
        if not isinstance(name, str):
            raise WrongUse(f"an entry of the file has no name: {sorted(entry)}")
        if names.count(name) > 1:
            raise WrongUse(f"{name} stands in the file twice")
        if _is_listener(entry):
            raise WrongUse(f"{name} is a name of `forwarder listen`: leave it out of the file")
        if own := sorted(STACKS_OWN & entry.keys()):
            raise WrongUse(
                f"{name} has {', '.join(own)} in the file: these are the stack's own, and no "
                "secret belongs into a file; take them out"
            )
    return wanted


def merge(
    entries: list[Entry], wanted: list[Entry], *, prune: bool, identified: bool = True
) -> list[Change]:
    """Make the entries what is wanted, in place; say what was changed. Raises WrongUse.

    Only with `prune` those that the file does not name are removed. New ones get an identity,
    but where they are not `identified`.
    """
    changes = [_merged(entries, one, identified=identified) for one in wanted]
    named = {one["name"] for one in wanted}
    for entry in [entry for entry in entries if entry.get("name") not in named]:
        if _is_listener(entry):
            continue
        changes.append(Change(str(entry.get("name")), REMOVE if prune else LEAVE))
        if prune:
            entries.remove(entry)
    return changes


def _merged(entries: list[Entry], wanted: Entry, *, identified: bool) -> Change:
    name = str(wanted["name"])
    there = next((entry for entry in entries if entry.get("name") == name), None)
    if there is None:
        entry = entries_of.new_entry(name, identified=identified) | _filled(wanted, {})
        entry[SECRET] = new_secret(from_input=False)
        entries.append(entry)
        return Change(name, ADD, tuple(sorted(wanted.keys() - {"name"})))
    after = {key: there[key] for key in there if key in STACKS_OWN} | _filled(wanted, there)
    if IF_SAID not in wanted and IF_SAID in there:
        after[IF_SAID] = there[IF_SAID]
    fields = tuple(sorted(k for k in there.keys() | after.keys() if there.get(k) != after.get(k)))
    if fields:
        there.clear()
        there.update(after)
    return Change(name, SET if fields else SAME, fields)


def _filled(wanted: Entry, there: Entry) -> Entry:
    """What is wanted, and where the file leaves a value out, the one that is there."""
    filled = dict(wanted)
    if isinstance(headers := wanted.get("headers"), dict):
        before = there.get("headers")
        known = before if isinstance(before, dict) else {}
        filled["headers"] = {
            name: _there(wanted, f"the header {name}", known.get(name)) if value is None else value
            for name, value in headers.items()
        }
    url = str(wanted.get("url") or "")
    if url.endswith(UNSAID):
        before = str(there.get("url") or "")
        same = before.startswith(url.removesuffix(UNSAID) + "?")
        filled["url"] = _there(wanted, "the query of its url", before if same else None)
    return filled


def _there(wanted: Entry, what: str, value: Any) -> Any:
    if value is None:
        raise WrongUse(
            f"{wanted['name']}: the file leaves out {what}, and the stack has none to keep: write "
            "it, or add the destination by `forwarder destinations add`"
        )
    return value


def _is_listener(entry: Entry) -> bool:
    return str(entry.get("name")).startswith(LISTENERS)
