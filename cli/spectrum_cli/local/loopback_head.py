"""The head of a request, read as what nearly all are: a line, and fields of a line each.

The standard library reads the fields as those of a letter, which takes longer than many an answer.
Whatever is less plain, a folded field or one without a name, is left to it.
"""

from __future__ import annotations

import re
from http.client import HTTPMessage
from io import BufferedIOBase
from typing import Any, Final

# As the standard library has them: bytes of a line, and lines of a head.
LONGEST_LINE, MOST_LINES = 65_536, 100
_REQUEST: Final = re.compile(r"([A-Z]+) (/|/[!-.0-~][!-~]*) HTTP/1\.1\r\n", re.ASCII)
_FIELD: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*)\r\n", re.ASCII)


class Fields(HTTPMessage):
    """The fields as the standard library has them, found by their names without a search."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        super().__init__()
        self._fields = fields
        self._by_name: dict[str, list[Any]] = {}
        for name, value in fields:
            self.set_raw(name, value)
            self._by_name.setdefault(name.lower(), []).append(value)

    def get(self, name: str, failobj: Any = None) -> Any:
        found = self._by_name.get(name.lower())
        return found[0] if found else failobj

    def get_all(self, name: str, failobj: Any = None) -> Any:
        return list(self._by_name.get(name.lower(), ())) or failobj

    def items(self) -> list[tuple[str, str]]:
        return list(self._fields)


def plain_request(line: bytes) -> tuple[str, str, str] | None:
    """The first line of a plain request of HTTP/1.1, its method and target; None for all else."""
    text = line.decode("latin-1")
    asked = _REQUEST.fullmatch(text)
    return (text.rstrip("\r\n"), asked[1], asked[2]) if asked else None


def read_lines(source: BufferedIOBase) -> list[bytes]:
    """The lines of a head up to the empty one; fewer where the standard library gives up."""
    lines: list[bytes] = []
    while True:
        line = source.readline(LONGEST_LINE + 1)
        lines.append(line)
        if line in (b"\r\n", b"\n", b"") or len(line) > LONGEST_LINE or len(lines) > MOST_LINES:
            return lines


def plain_fields(lines: list[bytes]) -> Fields | None:
    """What is plainly said by a whole head's lines; None for all else."""
    if lines[-1] != b"\r\n" or len(lines) > MOST_LINES:
        return None
    fields = [_FIELD.fullmatch(line.decode("latin-1")) for line in lines[:-1]]
    found = [(field[1], field[2]) for field in fields if field is not None]
    return Fields(found) if len(found) == len(fields) else None
