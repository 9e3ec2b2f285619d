"""How `forwarder listen` shows what happens: a live table, plain lines, or lines of JSON."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spectrum_cli.listen.posting import Posted
from spectrum_cli.local.console import printable
from spectrum_cli.terminal.output import iso, note, print_json_line, print_line

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

ROWS = 200
REFRESHES = 8


class PlainLines:
    """One line an attempt on standard output, everything else on standard error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said = ""

    def attempted(self, posted: Posted, *, attempt: int, again_in: float | None) -> None:
        if posted.reached:
            self._print(posted, _tried(attempt, again_in))
        else:
            self.state(_nobody(posted))

    def replayed(self, posted: Posted) -> None:
        self._print(posted, "replayed")

    def state(self, text: str) -> None:
        with self._lock:
            # What lasts is said once.
            if text != self._said:
                note(text)
            self._said = text

    def _print(self, posted: Posted, remark: str) -> None:
        cells = [*_cells(posted), remark]
        with self._lock:
            self._said = ""
            print_line("  ".join(cell for cell in cells if cell))


class JsonLines:
    """One JSON document an attempt on standard output."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def attempted(self, posted: Posted, *, attempt: int, again_in: float | None) -> None:
        self._print(posted, attempt=attempt, again_in_seconds=again_in)

    def replayed(self, posted: Posted) -> None:
        self._print(posted, replayed=True)

    def state(self, text: str) -> None:
        note(text)

    def _print(self, posted: Posted, **more: object) -> None:
        document = {
            "at": iso(posted.at),
            "event_key": posted.event.key,
            "status": posted.status,
            "problem": posted.problem or None,
            "milliseconds": round(posted.seconds * 1000),
        }
        with self._lock:
            print_json_line({**document, **more})


class LiveTable:
    """A table at the bottom of a terminal, the newest attempt last, with totals above it."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._rows: deque[tuple[Posted, str]] = deque(maxlen=ROWS)
        self._state = "waiting for events"
        self._delivered = self._refused = 0
        self._lock = threading.Lock()
        self._live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Draw for as long as the context lasts."""
        from rich.live import Live  # noqa: PLC0415 (heavy)

        with Live(get_renderable=self._draw, refresh_per_second=REFRESHES) as self._live:
            yield

    def attempted(self, posted: Posted, *, attempt: int, again_in: float | None) -> None:
        with self._lock:
            if not posted.reached:
                self._state = _nobody(posted)
                return
            self._state = ""
            self._delivered += posted.succeeded
            self._refused += not posted.succeeded
            self._rows.append((posted, _tried(attempt, again_in)))

    def replayed(self, posted: Posted) -> None:
        with self._lock:
            self._rows.append((posted, "replayed"))

    def state(self, text: str) -> None:
        with self._lock:
            self._state = text

    def _draw(self) -> Table:
        from rich.table import Table  # noqa: PLC0415 (heavy)
        from rich.text import Text  # noqa: PLC0415

        height = self._live.console.height if self._live else 24
        with self._lock:
            totals = f"{self._delivered} delivered, {self._refused} not taken"
            caption = "  ".join(part for part in (totals, printable(self._state)) if part)
            table = Table(
                title=Text(self._title, "bold"),
                caption=Text(f"{caption}\nr replays the last one, q ends", "dim"),
                box=None,
                header_style="dim",
                padding=(0, 2, 0, 0),
                title_justify="left",
                caption_justify="left",
            )
            for title in ("time", "answer", "ms", "event", "what", ""):
                table.add_column(title, justify="right" if title == "ms" else "left", no_wrap=True)
            for posted, remark in list(self._rows)[-max(height - 6, 3) :]:
                style = "green" if posted.succeeded else "red"
                at, answer, took, key, what = _cells(posted)
                row = (Text(at, "dim"), Text(answer, style), took.removesuffix(" ms"))
                table.add_row(*row, Text(key), Text(what, "dim"), Text(remark, "yellow"))
        return table


def _cells(posted: Posted) -> list[str]:
    answer = str(posted.status) if posted.status is not None else printable(posted.problem)
    return [
        time.strftime("%H:%M:%S", time.localtime(posted.at)),
        answer,
        f"{posted.seconds * 1000:.0f} ms",
        printable(posted.event.key),
        printable(posted.event.what),
    ]


def _tried(attempt: int, again_in: float | None) -> str:
    parts = [f"attempt {attempt}"] if attempt > 1 else []
    if again_in is not None:
        parts.append(f"again in {again_in:.0f} s")
    return ", ".join(parts)


def _nobody(posted: Posted) -> str:
    return f"events wait in the queue, for nobody takes them: {posted.problem}"
