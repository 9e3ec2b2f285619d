"""The command line as a Typer application, made of the modules in `commands`."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from spectrum_cli.commands import register_all


def make_app() -> typer.Typer:
    """Return the application with every command added."""
    app = typer.Typer(
        name="forwarder",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        # Every command below takes them too.
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    # A callback makes `forwarder COMMAND` the only form, even while there is one command only.
    app.callback()(forwarder)
    register_all(app)
    return app


def show_version(wanted: bool) -> None:
    if wanted:
        print(f"forwarder {version('spectrum-forwarder')}")
        raise typer.Exit


def forwarder(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=show_version, is_eager=True),
    ] = False,
) -> None:
    """Operate the Spectrum forwarder, deployed or on this machine."""
