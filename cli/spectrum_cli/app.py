"""The command line as a Typer application, made of the modules in `commands`."""

from __future__ import annotations

import typer

from spectrum_cli.commands import register_all


def make_app() -> typer.Typer:
    """Return the application with every command added."""
    app = typer.Typer(
        name="forwarder", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
    )
    # A callback makes `forwarder COMMAND` the only form, even while there is one command only.
    app.callback()(forwarder)
    register_all(app)
    return app


def forwarder() -> None:
    """Operate the Spectrum forwarder, deployed or on this machine."""
