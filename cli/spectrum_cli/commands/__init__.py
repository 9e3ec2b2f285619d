"""The commands of `forwarder`, one module each, and what `forwarder --help` says of them.

A module here is a command: it has `register(app)`, which adds it to the Typer application, and a
line below. So `--help` loads none of them, and a command none but itself. What is heavy (moto,
boto3) they import inside their functions, so that their own `--help` stays quick.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import typer

# By name, in the order in which they are shown; groups of commands come last. A test holds each
# line to the command's own.
COMMANDS = {
    "audit": (
        "Say what stands out since a time, a day ago if none is given: after a secret leaked, say."
    ),
    "demo": "Start the stack and two consumers, send everything, and check every promise.",
    "diagnose": "Say why a request does not verify, with the evidence and what to do.",
    "doctor": (
        "Find out why nothing arrives: what went wrong lately first, then all that an event passes."
    ),
    "event-files": (
        "Write the sample events of `events/`: the stored ones, or with --now fresh ones."
    ),
    "listen": "POST every event of a stack to this machine, as it happens, without a tunnel.",
    "local": "Run the whole stack on this machine, without an AWS account.",
    "replay": "Begin new deliveries of stored events: those named, or all received since a time.",
    "sample": "Make a signed request as Spectrum sends it; print the curl command, or send it.",
    "support-bundle": (
        "Put together what Spectrum's support asks for, show it, and write it to a file."
    ),
    "ui": (
        "Show the delivery log in a browser: events, attempts, what was refused; "
        "replay and release."
    ),
    "destinations": "Who gets the events, and whether they do.",
    "events": "The delivery log: every event, every attempt.",
    "quarantine": "Requests of known webhooks that were refused: kept for 72 hours, for release.",
    "webhooks": "Registrations at Spectrum, and their secrets, kept in step.",
}
HIDDEN = ("event-files",)


def register_all(app: typer.Typer) -> None:
    """Add every command to `app`."""
    for name in COMMANDS:
        _register(app, name)


def register_for(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Add what these arguments of `forwarder` need: the command that they name, or all lines."""
    name = next((argument for argument in arguments if not argument.startswith("-")), None)
    if name in COMMANDS:
        _register(app, name)
        return
    for name, line in COMMANDS.items():
        app.command(name, help=line, hidden=name in HIDDEN)(_shown_alone)


def _register(app: typer.Typer, name: str) -> None:
    importlib.import_module(f"{__name__}.{name.replace('-', '_')}").register(app)


def _shown_alone() -> None:
    raise AssertionError("a command that is named is registered")
