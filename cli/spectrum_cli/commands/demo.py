"""`forwarder demo`: the whole stack on this machine, and every promise put to the test."""

from __future__ import annotations

import json
import sys
from collections import deque
from typing import Annotated

import typer

from spectrum_cli.terminal.errors import Finding, Unreachable

# Lines of the stack that are shown when something went wrong.
LAST_LINES = 30
# What those begin with that say nothing of what went wrong.
ORDINARY = ("INFO", "metrics", "POST")


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    burst: Annotated[
        int, typer.Option(min=0, max=5000, help="How many events are sent in one go at the end.")
    ] = 200,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a report for programs, and nothing else.")
    ] = False,
) -> None:
    """Start the stack and two consumers, send everything, and check every promise.

    One consumer is healthy; the other answers 503 twice to each event, and then takes it. Two more
    get conversations in order, one of them in batches. Retries run twenty times faster than in
    earnest. Ends with 0 if all came as promised, else with 1.

    Example: forwarder demo --json
    """
    try:
        from spectrum_cli.local.stack import LocalStack as _  # noqa: F401, PLC0415
    except ModuleNotFoundError as error:
        raise Unreachable(
            f"the demo needs {error.name}: install it with pip install '.[local]'"
        ) from error
    run(burst, as_json=as_json)


def run(burst: int, *, as_json: bool) -> None:
    from rich.console import Console  # noqa: PLC0415

    from spectrum_cli.demo import screen  # noqa: PLC0415
    from spectrum_cli.demo.play import Play  # noqa: PLC0415
    from spectrum_cli.local.aws import forget_the_shell  # noqa: PLC0415
    from spectrum_cli.local.console import summary  # noqa: PLC0415

    forget_the_shell()
    lines: deque[str] = deque(maxlen=LAST_LINES)

    def log(source: str, line: str) -> None:
        text = summary(line)
        if text and not text.startswith(ORDINARY):
            lines.append(f"{source}: {text}")

    plain = not sys.stdout.isatty()
    console = Console(highlight=False, width=screen.PLAIN_WIDTH if plain else None)
    shown = (
        screen.SilentScreen()
        if as_json
        else screen.PlainScreen(console)
        if plain
        else screen.LiveScreen(console)
    )
    if not as_json:
        screen.introduce(console)
    with shown:
        outcome = Play(shown, log, burst=burst).run()
    if as_json:
        print(json.dumps(outcome.report(), indent=2))
    else:
        screen.show(outcome, console)
    if not outcome.kept:
        print("The stack's last lines:", *lines, sep="\n  ", file=sys.stderr)
        raise Finding("the demo did not come out as promised")
