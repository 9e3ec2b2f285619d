"""How the demo looks: live bars on a terminal, plain lines elsewhere, and the table at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from spectrum_cli.demo.outcome import DUPLICATE, GROUPS, REFUSALS, Deliveries, Outcome
from spectrum_cli.demo.play import Progress
from spectrum_cli.demo.sender import Sent

NOTHING = "-"
DONE = "[green]✓[/]"
# How many missing things are named under a promise that was not kept.
NAMED = 5
PLAIN_WIDTH = 100
PLAIN_SECONDS = 3.0


class LiveScreen:
    """For a terminal: steps with their durations, and a bar for each place an event passes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Bars(
            TextColumn("   {task.description:<11}"),
            BarColumn(bar_width=40, complete_style="cyan", finished_style="green"),
            TextColumn("{task.completed:>4.0f}/{task.total:.0f}"),
            TextColumn("[dim]{task.fields[note]}"),
            console=console,
            auto_refresh=False,
        )
        self._tasks: dict[str, TaskID] = {}
        self._step = ""
        self._began = 0.0
        self._live = Live(console=console, refresh_per_second=10, transient=True)

    def __enter__(self) -> LiveScreen:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._finish_step("[red]✗[/]" if kind else DONE)
        self._live.stop()

    def step(self, text: str) -> None:
        """See play.Screen."""
        self._finish_step()
        self._step, self._began = text, time.monotonic()
        spinner = Spinner("dots", Text(f" {text}", style="bold"))
        self._live.update(Group(Text(" ", end=""), spinner, Text(), self._bars))

    def progress(self, progress: Progress) -> None:
        """See play.Screen."""
        self._bar("answered", progress.answered, progress, "")
        self._bar("stored", progress.stored, progress, "")
        for name, taken in progress.taken.items():
            self._bar(f"→ {name}", taken, progress, f"{progress.attempts[name]} attempts")

    def _bar(self, name: str, done: int, progress: Progress, note: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=progress.expected, note=note)
        self._bars.update(self._tasks[name], completed=done, note=note)

    def _finish_step(self, mark: str = DONE) -> None:
        if self._step:
            seconds = time.monotonic() - self._began
            self._console.print(f" {mark} {self._step} [dim]{seconds:.1f} s[/]")
        self._step = ""


class PlainScreen:
    """For a file or a pipe: a line for each step, and one every few seconds in between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spoke_at = 0.0

    def __enter__(self) -> PlainScreen:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def step(self, text: str) -> None:
        """See play.Screen."""
        self._console.print(text)

    def progress(self, progress: Progress) -> None:
        """See play.Screen."""
        if time.monotonic() - self._spoke_at < PLAIN_SECONDS:
            return
        self._spoke_at = time.monotonic()
        taken = ", ".join(f"{name} {count}" for name, count in progress.taken.items())
        self._console.print(
            f"  of {progress.expected}: answered {progress.answered}, stored {progress.stored}, "
            f"delivered: {taken}"
        )


class SilentScreen:
    """For programs, which read the report alone."""

    def __enter__(self) -> SilentScreen:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def step(self, text: str) -> None:
        """See play.Screen."""

    def progress(self, progress: Progress) -> None:
        """See play.Screen."""


def introduce(console: Console) -> None:
    """Say what is going to happen."""
    console.print(
        "\nThe whole forwarder on this machine, with two consumers: [bold]steady[/] takes every "
        "event at\nonce, [bold]shaky[/] answers 503 twice to each before it takes it. Two more get "
        "conversations in\norder, and a burst as one POST. Retries run twenty times faster.\n"
    )


def show(outcome: Outcome, console: Console) -> None:
    """Print the table and the verdict."""
    console.print()
    console.print(summary(outcome))
    console.print()
    for promise in outcome.promises():
        mark = "[green]✓[/]" if promise.kept else "[bold red]✗[/]"
        console.print(f" {mark} {promise.text}", highlight=False)
        for seen in promise.seen:
            console.print(f"     {seen}", style="dim", markup=False, highlight=False)
        for missing in promise.missing[:NAMED]:
            console.print(f"     {missing}", style="red", markup=False, highlight=False)
        if len(promise.missing) > NAMED:
            console.print(f"     and {len(promise.missing) - NAMED} more", style="red")
    console.print()
    if outcome.kept:
        verdict = f"[bold green]Everything arrived as promised, in {outcome.seconds:.0f} s.[/]"
        verdict += (
            "\n[dim]Next: `.venv/bin/forwarder local` keeps the stack running to play with.[/]"
        )
    else:
        verdict = "[bold red]Not everything arrived as promised.[/]"
    console.print(verdict, highlight=False)


def summary(outcome: Outcome) -> Table:
    """One row for each thing that was sent: how it was answered, and where it ended."""
    table = Table(box=None, pad_edge=True, header_style="bold")
    table.add_column("what was sent")
    table.add_column("sent", justify="right")
    table.add_column("answered")
    table.add_column("stored", justify="right")
    for seen in outcome.deliveries:
        table.add_column(f"→ {seen.consumer}", justify="right")
        table.add_column("attempts", justify="right", style="dim")
    for name in GROUPS:
        sent = outcome.group(name)
        if not sent:
            continue
        cells: list[str] = []
        for seen in outcome.deliveries:
            cells += _delivered(sent, seen)
        stored = len({s.event_key for s in sent} & set(outcome.stored))
        table.add_row(name, str(len(sent)), _answers(sent), _count(name, stored), *cells)
    return table


def _answers(sent: Iterable[Sent]) -> str:
    counts = Counter(f"{s.status or '-'} {s.word}" for s in sent)
    return ", ".join(
        answer if len(counts) == 1 else f"{count} times {answer}"
        for answer, count in counts.items()
    )


def _count(group: str, stored: int) -> str:
    return NOTHING if group in REFUSALS else "not again" if group == DUPLICATE else str(stored)


def _delivered(sent: list[Sent], seen: Deliveries) -> tuple[str, str]:
    """How many of these a consumer has, and after how many attempts for each."""
    taken, attempts = seen.taken(), seen.attempts()
    if sent[0].group == DUPLICATE:
        again = sum(taken[s.body] - 1 for s in sent)
        return (f"{again} again" if again else "not again", "")
    bodies = {s.body for s in sent}
    having = sum(body in taken for body in bodies)
    needed = sorted(attempts[body] for body in bodies if body in taken)
    if not needed:
        return (NOTHING, "")
    span = f"{needed[0]}" if needed[0] == needed[-1] else f"{needed[0]} to {needed[-1]}"
    return str(having), span
