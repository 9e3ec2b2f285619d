"""A body as it is shown: pretty-printed JSON in small coloured pieces, masked until asked for.

Bodies are hostile: any bytes, any depth, any size. Pieces are plain text which the template
escapes; numbers and duplicate keys stand as they came, since they are never converted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from spectrum_cli.local.console import printable
from spectrum_cli.terminal.output import masked

# What a browser shows at ease; the whole is there to be copied and downloaded.
MOST_PIECES = 6000
LONGEST_STRING = 4000
LONGEST_RAW = 64_000
INDENT = "  "
# Members whose strings say what something is, not what somebody wrote.
PLAIN_MEMBERS = frozenset(
    {"event", "type", "platform", "direction", "timestamp", "id", "mimeType", "createdAt", "size"}
)
LONGEST_PLAIN_NUMBER = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text and its CSS class: key, string, number, word, mark, or masked."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownBody:
    """A body for the page. `is_json` is false for what is shown as it came."""

    pieces: list[Piece]
    size: int
    is_json: bool
    is_text: bool
    cut: bool


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number, by its digits."""

    text: str


class Members(list[tuple[str, Any]]):
    """A JSON object, with duplicate keys kept."""


def show_body(body: bytes, *, reveal: bool) -> ShownBody:
    """Prepare a body for the page; never raises."""
    text = _text(body)
    try:
        content = json.loads(body, object_pairs_hook=Members, parse_int=Number, parse_float=Number)
        found = list(islice(_pieces(content, "", 0, reveal), MOST_PIECES + 1))
    except (ValueError, RecursionError):
        return _raw(body, text, reveal=reveal)
    cut = len(found) > MOST_PIECES
    return ShownBody(found[:MOST_PIECES], len(body), True, text is not None, cut)


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _raw(body: bytes, text: str | None, *, reveal: bool) -> ShownBody:
    if not reveal:
        return ShownBody([_mask(len(body), "bytes")], len(body), False, text is not None, False)
    shown = body[:LONGEST_RAW].decode("utf-8", "backslashreplace")
    lines = "\n".join(printable(line) for line in shown.split("\n"))
    cut = len(body) > LONGEST_RAW
    return ShownBody([Piece("string", lines)], len(body), False, text is not None, cut)


def _pieces(value: Any, member: str, depth: int, reveal: bool) -> Iterator[Piece]:
    match value:
        case Members():
            yield from _nested("{}", value, depth, reveal)
        case list():
            yield from _nested("[]", [(None, item) for item in value], depth, reveal, member)
        case str():
            yield _string(value, member, reveal=reveal)
        case Number():
            yield _number(value.text, member, reveal=reveal)
        case _:
            yield Piece("word", json.dumps(value))


def _nested(
    brackets: str, items: list[Any], depth: int, reveal: bool, member: str = ""
) -> Iterator[Piece]:
    if not items:
        yield Piece("mark", brackets)
        return
    yield Piece("mark", brackets[0])
    for number, (key, value) in enumerate(items):
        yield Piece("mark", ("," if number else "") + "\n" + INDENT * (depth + 1))
        if key is not None:
            yield Piece("key", _quoted(key if reveal else masked(key) or ""))
            yield Piece("mark", ": ")
        yield from _pieces(value, member if key is None else key, depth + 1, reveal)
    yield Piece("mark", "\n" + INDENT * depth + brackets[1])


def _string(text: str, member: str, *, reveal: bool) -> Piece:
    if reveal:
        return Piece("string", _quoted(text))
    if member in PLAIN_MEMBERS:
        return Piece("string", _quoted(masked(text) or ""))
    return _mask(len(text), "characters") if text else Piece("string", '""')


def _number(text: str, member: str, *, reveal: bool) -> Piece:
    if reveal or len(text) <= LONGEST_PLAIN_NUMBER or member in PLAIN_MEMBERS:
        return Piece("number", text[:LONGEST_STRING])
    return _mask(len(text), "digits")


def _mask(length: int, unit: str) -> Piece:
    return Piece("masked", f"{'•' * min(max(length, 3), 12)} {length} {unit}")


def _quoted(text: str) -> str:
    """A JSON string with everything escaped that would not be seen as it is."""
    quoted = json.dumps(text[:LONGEST_STRING], ensure_ascii=False)
    shown = "".join(
        character if character.isprintable() else json.dumps(character)[1:-1]
        for character in quoted
    )
    return shown + "…" if len(text) > LONGEST_STRING else shown
