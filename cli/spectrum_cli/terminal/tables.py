"""Tables that are printed as their rows come, as wide as the terminal has room."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from spectrum_cli.local.console import printable

if TYPE_CHECKING:
    from rich.console import Console
from spectrum_cli.terminal.output import ReaderGone

# By the words that a cell begins with; where it holds several, the last of these wins.
STYLES = {
    **{"filtered": "dim", "removed": "dim"},
    **{"ok": "green", "delivered": "green", "yes": "green"},
    **{"pending": "yellow", "paused": "yellow", "warning": "yellow", "new": "yellow"},
    **{"failed": "bold red", "dead_lettered": "bold red", "broken": "bold red"},
    **{"failing": "bold red"},
}

PIPE_WIDTH = 10_000

INDENT = "    "


def stdout_console() -> Console:
    """A console on standard output that never cuts lines off when it is not a terminal."""
    from rich.console import Console  # noqa: PLC0415 (not every command draws)

    class Stdout(Console):
        def on_broken_pipe(self) -> None:
            raise ReaderGone

    plain = not sys.stdout.isatty()
    return Stdout(highlight=False, soft_wrap=True, width=PIPE_WIDTH if plain else None)


class Rows:
    """A table that is printed as its rows come. The first page of rows decides the widths.

    On a terminal that is narrower than a row, columns go on in the lines below, indented, the same
    in every row. Into a pipe a row is one line.
    """

    def __init__(self, *titles: str) -> None:
        self._titles = titles
        self._widths: list[int] = []
        self._begins = frozenset[int]()
        self._console = stdout_console()

    def add(self, page: Sequence[Sequence[str]]) -> None:
        """Print rows, one cell for each title; no cell is cut off or broken."""
        cells = [[printable(cell) for cell in row] for row in page]
        if not self._widths:
            columns = zip(self._titles, *cells, strict=True)
            self._widths = [max(len(cell) for cell in column) for column in columns]
            self._begins = lines_of(self._widths, self._console.width)
            if any(self._titles):
                self._print(self._titles, header=True)
        for row in cells:
            self._print(row)

    def _print(self, row: Sequence[str], *, header: bool = False) -> None:
        from rich.text import Text  # noqa: PLC0415

        line = Text()
        for number, (cell, width) in enumerate(zip(row, self._widths, strict=True)):
            last = number == len(row) - 1
            style = "bold" if header else _style(cell)
            if number in self._begins:
                line.rstrip()
                line.append(f"\n{INDENT}")
            line.append(cell if last else f"{cell:<{width}}  ", style)
        line.rstrip()
        self._console.print(line)


def lines_of(widths: Sequence[int], room: int) -> frozenset[int]:
    """The numbers of the columns that begin a line below, so that each line has room.

    A column that has no room alone has a line for itself.
    """
    begins, used = set[int](), 0
    for number, width in enumerate(widths):
        if used and used + width > room:
            begins.add(number)
            used = len(INDENT)
        used += width + 2
    return frozenset(begins)


def _style(cell: str) -> str:
    """The style of a cell like `ok`, or `delivered crm, pending erp`."""
    words = {part.partition(" ")[0] for part in cell.split(", ")}
    return next((STYLES[word] for word in reversed(STYLES) if word in words), "")
