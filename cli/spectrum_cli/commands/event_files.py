"""`forwarder event-files`: write the sample events for `sam local invoke` afresh."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from spectrum_cli.terminal.errors import WrongUse


def register(app: typer.Typer) -> None:
    app.command("event-files", hidden=True)(event_files)


def event_files(
    directory: Annotated[Path, typer.Argument(help="Where to write them.")] = Path("events"),
    *,
    now: Annotated[
        bool, typer.Option("--now", help="Sign them now, to verify within the usual window.")
    ] = False,
) -> None:
    """Write the sample events of `events/`: the stored ones, or with --now fresh ones."""
    from spectrum_cli.samples.event_files import Maker, write  # noqa: PLC0415 (boto3 is heavy)

    files = (Maker(timestamp=int(time.time())) if now else Maker()).files()
    try:
        write(files, directory)
    except OSError as error:
        raise WrongUse(f"cannot write to {directory}: {error}") from error
    typer.echo(f"{len(files)} files in {directory}", err=True)
