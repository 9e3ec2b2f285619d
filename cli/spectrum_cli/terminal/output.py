"""What commands print: tables for people, JSON for programs, progress for whoever waits.

Results go to standard output, everything else to standard error. What came with an event is
untrusted: it is printed with control characters escaped, and with phone numbers masked unless
`--reveal` asks for them.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from spectrum_forwarder.domain import masking

from spectrum_cli.local.console import printable
from spectrum_cli.terminal.errors import WrongUse

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Reveal = Annotated[
    bool, typer.Option("--reveal", help="Show secrets and personal data unmasked as well.")
]
AsBody = Annotated[
    bool, typer.Option("--body", help="Print its body, byte for byte, and nothing else.")
]
Everything = Annotated[bool, typer.Option("--all", help="All that there are.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

# Progress is told from the first on, and where it cannot be drawn, in a line now and then.
TELL_AFTER, TELL_EVERY = 1.0, 5.0


class ReaderGone(Exception):
    """Whoever read standard output has closed it (`| head`): there is no more to do."""


def print_json(document: object) -> None:
    """Print one JSON document."""
    print_line(json.dumps(document, indent=2))


def print_json_line(document: object) -> None:
    """Print one line of a stream of JSON documents, at once."""
    print_line(json.dumps(document, separators=(",", ":")))


def print_line(text: str) -> None:
    """Print a line to standard output, at once; raise ReaderGone."""
    try:
        print(text, flush=True)
    except BrokenPipeError as error:
        raise ReaderGone from error


def print_bytes(content: bytes) -> None:
    """Print bytes to standard output as they are; raise ReaderGone.

    On a terminal what is no plain text is escaped, for a stranger wrote it: it could write titles
    and the clipboard.
    """
    if sys.stdout.isatty():
        shown = escaped(content)
        print_line(shown)
        if shown.encode("utf-8", "surrogatepass") != content:
            note("escaped for the terminal: send it to a file, or through a pipe, for the bytes")
        return
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error


def require_one_form(*, as_body: bool, as_json: bool) -> None:
    """Raise WrongUse where a body is to be printed as it came, and as JSON too."""
    if as_body and as_json:
        raise WrongUse("--body prints the body as it came: leave --json away")


def escaped(content: bytes) -> str:
    """The bytes as a terminal can show them: text as it is, all else as escapes."""
    text = content.decode("utf-8", "backslashreplace")
    return "".join(part if part in "\n\t" else printable(part) for part in text)


def as_text_or_base64(content: bytes) -> dict[str, str]:
    """A body for programs: `body`, or `body_base64` where it is no UTF-8."""
    try:
        return {"body": content.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(content).decode()}


def be_lenient() -> None:
    """Let a stream that is not UTF-8 get an escape in the place of what it cannot take."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def note(text: str) -> None:
    """Tell a person something that is not the result."""
    print(printable(text), file=sys.stderr, flush=True)


def counted(number: int, what: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def utc(seconds: float | None) -> str:
    """A moment for people: UTC, to the second; `-` for none."""
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso(seconds: float | None) -> str | None:
    """A moment for programs: RFC 3339 in UTC, to the millisecond."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def masked(text: str | None, *, reveal: bool = False, bare: bool = True) -> str | None:
    """The text with phone numbers and mail addresses shortened: +1555…00, a…@example.com.

    With `bare` digits alone count as a phone number as well.
    """
    return text if text is None or reveal else masking.masked(text, bare=bare)


def confirm(question: str, *, yes: bool) -> bool:
    """Ask, unless `--yes` was given; raise WrongUse where there is nobody to be asked."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise WrongUse(f"{question} Say so with --yes: there is no terminal to ask at")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextlib.contextmanager
def progress(
    doing: str, total: int | None = None, *, drawn: bool = True, told: bool = True
) -> Iterator[Callable[[int], None]]:
    """Show how far it is while the context lasts; what it gives is told how much more is done.

    A bar, which nothing else may be printed beside; with `drawn` false a line now and then; with
    `told` false nothing.
    """
    if told and drawn and sys.stderr.isatty():
        with _drawn(doing, total) as advance:
            yield advance
        return
    done, last = 0, time.monotonic() + TELL_AFTER - TELL_EVERY

    def advance_plainly(more: int) -> None:
        nonlocal done, last
        done += more
        if told and time.monotonic() - last >= TELL_EVERY:
            last = time.monotonic()
            note(f"{doing}: {done}" + (f" of {total}" if total is not None else ""))

    yield advance_plainly


@contextlib.contextmanager
def _drawn(doing: str, total: int | None) -> Iterator[Callable[[int], None]]:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(doing, total=total)
        yield lambda more: bars.advance(bar, more)


def discard_output() -> None:
    """Let nothing more be written to a standard output that nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
