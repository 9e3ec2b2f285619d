"""What commands that run one after the other in this process work out alike each time: once.

A process of `forwarder` runs one command; a test's runs hundreds, and to make each of them its
command line, its session and its clients was half of what the tests of commands computed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from spectrum_cli import app
from spectrum_cli.local import aws
from spectrum_cli.stack import target

CONFIGURATION = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
# What botocore never reads, and tests set often.
NOT_READ = ("PYTEST_", "XDG_", "SPECTRUM_", "FORWARDER_")

_command_of = cache(typer.main.get_command)
_applications: dict[str, typer.Typer] = {}
_sessions: dict[object, _Session] = {}


def quicken(patch: pytest.MonkeyPatch) -> None:
    """Let the commands that run while `patch` holds share what is the same for them."""
    patch.setattr(typer.main, "get_command", _command_of)
    patch.setattr(app, "make_app", _application(app.make_app))
    patch.setattr(target, "_session", _remembered(target._session))
    patch.setattr(aws, "session", _remembered(aws.session))


def _application(make: Callable[[Sequence[str]], typer.Typer]) -> Callable[..., typer.Typer]:
    def application(arguments: Sequence[str]) -> typer.Typer:
        name = next(iter(arguments), "-")
        # Help loads what draws it, and options before a command are few.
        if name.startswith("-") or not {"-h", "--help"}.isdisjoint(arguments):
            return make(arguments)
        if name not in _applications:
            _applications[name] = make(arguments)
        return _applications[name]

    return application


class _Session:
    """A session of boto3's, whose clients are made once for all that ask for them alike."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._clients: dict[object, Any] = {}
        self.events = session.events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def client(self, service: str, *, config: Any, **settings: Any) -> Any:
        asked = (service, repr(config._user_provided_options), *sorted(settings.items()))
        if asked not in self._clients:
            self._clients[asked] = self._session.client(service, config=config, **settings)
        return self._clients[asked]


def _remembered(make: Callable[..., Any]) -> Callable[..., _Session]:
    def session(*given: Any, **settings: Any) -> _Session:
        asked = (make.__module__, repr(given), repr(settings), _surroundings())
        if asked not in _sessions:
            _sessions[asked] = _Session(make(*given, **settings))
        return _sessions[asked]

    return session


def _surroundings() -> object:
    """What a session could read of this machine and its user."""
    files = [Path(os.environ.get(name, os.devnull)) for name in CONFIGURATION]
    texts = [file.read_text() for file in files if file.is_file()]
    variables = {k: v for k, v in os.environ.items() if not k.startswith(NOT_READ)}
    return (frozenset(variables.items()), *texts)
