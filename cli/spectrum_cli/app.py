"""The command line as a Typer application, made of the modules in `commands`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from spectrum_cli.commands import register_all, register_for
from spectrum_cli.terminal.light_help import load_for

# By which a shell asks what could come next.
COMPLETION = "_FORWARDER_COMPLETE"


def make_app(arguments: Sequence[str] | None = None) -> typer.Typer:
    """Return the application with every command added, or with those that `arguments` need."""
    app = typer.Typer(
        name="forwarder",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        # Every command below takes them too.
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    # A callback makes `forwarder COMMAND` the only form, even while there is one command only.
    app.callback()(forwarder)
    if arguments is None or COMPLETION in os.environ:
        register_all(app)
    else:
        register_for(app, arguments)
        load_for(arguments)
    return app


def show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 (not for other options)

        print(f"forwarder {version('spectrum-forwarder')}")
        raise typer.Exit


def forwarder(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=show_version, is_eager=True),
    ] = False,
) -> None:
    """Operate the Spectrum forwarder, deployed or on this machine."""
