"""Redaction: a body whose form can be looked at, and nothing of what it says.

Works on the text and not on parsed JSON, because the form is what is asked about: white space,
escapes, line ends, order and lengths stay, and a body that is no JSON is redacted all the same.
"""

from __future__ import annotations

import re

# Of these keys the values say what kind of thing it is; of a few others only in plain forms.
KINDS = frozenset({"event", "type", "platform", "direction"})
KIND = re.compile(r"[A-Za-z][A-Za-z_]{0,29}")
MOMENTS = frozenset({"timestamp", "createdAt", "updatedAt"})
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
# What the sender's own support can find an event by; a space's id may hold a phone number.
ID = re.compile(r"(p:\d+/)?spc-msg-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KEYS = frozenset(
    {
        *KINDS,
        *MOMENTS,
        *("id", "space", "message", "sender", "content", "text", "name", "mimeType", "size"),
        *("url", "title", "summary", "emoji", "target", "items", "duration", "formatted"),
        *("first", "last", "phones", "emails", "value", "body", "caption", "participants"),
    }
)
# A string as JSON writes it, even one that is cut off at the end of the text.
STRING = re.compile(r'"((?:[^"\\]|\\.)*)("|\\?\Z)', re.S)
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.S)
WORD = re.compile(r"true|false|null|[^\W_]+|_")
LITERALS = frozenset({"true", "false", "null"})
COLON = re.compile(r"\s*:")
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
NON_ASCII = "\N{LATIN SMALL LETTER E WITH ACUTE}"


def redact(body: bytes) -> str:
    """The body as text: letters become x, digits 0, and other scripts one letter of theirs."""
    text = body.decode("utf-8", "replace")
    parts: list[str] = []
    key, end = "", 0
    for found in STRING.finditer(text):
        parts.append(_outside(text[end : found.start()]))
        inside, end = found[1], found.end()
        is_key = COLON.match(text, end) is not None
        parts.append(f'"{inside if _stays(inside, is_key, key) else _blank(inside)}{found[2]}')
        key = inside if is_key else ""
    return "".join([*parts, _outside(text[end:])])


def _stays(inside: str, is_key: bool, key: str) -> bool:
    if is_key:
        return inside in KEYS
    return bool(
        (key in KINDS and KIND.fullmatch(inside))
        or (key in MOMENTS and MOMENT.fullmatch(inside))
        or (key == "id" and ID.fullmatch(inside))
    )


def _blank(inside: str) -> str:
    """The inside of a string, its escapes kept as such; those of letters become those of one x."""
    parts: list[str] = []
    end = 0
    for found in ESCAPE.finditer(inside):
        parts.append(_letters(inside[end : found.start()]))
        parts.append("\\u0078" if found[1][0] == "u" else found[0])
        end = found.end()
    return "".join([*parts, _letters(inside[end:])])


class _Letters(dict[int, str]):
    """What each character becomes, by its number."""

    def __missing__(self, number: int) -> str:
        self[number] = _letter(chr(number))
        return self[number]


LETTERS = _Letters()


def _letters(text: str) -> str:
    return text.translate(LETTERS)


def _letter(character: str) -> str:
    if not character.isascii():
        # That a byte could not be read is part of the form.
        return character if character == UNREADABLE else NON_ASCII
    if character.isdigit():
        return "0"
    if character.isalpha():
        return "X" if character.isupper() else "x"
    return character


def _outside(text: str) -> str:
    """What stands between strings: the words of JSON stay, the rest is redacted."""
    return WORD.sub(lambda found: found[0] if found[0] in LITERALS else _letters(found[0]), text)
