"""The commands of `forwarder`, one module each.

A module here is a command: it has `register(app)`, which adds it to the Typer application. Modules
import what is heavy (moto, boto3) inside their functions, so that `--help` stays quick.
"""

from __future__ import annotations

import importlib
import pkgutil

import typer


def register_all(app: typer.Typer) -> None:
    """Add every command of this package to `app`, in alphabetical order."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        importlib.import_module(f"{__name__}.{module.name}").register(app)
