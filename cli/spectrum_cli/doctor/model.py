"""What a check needs, and what several of them ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from spectrum_cli.destinations.names import Names, names_of
from spectrum_cli.stack.http_client import HttpClient
from spectrum_cli.stack.wiring import health_board
from spectrum_cli.terminal.verdicts import Result
from spectrum_cli.vendor.api import SpectrumApi
from spectrum_cli.vendor.webhook_store import WebhookStore

if TYPE_CHECKING:
    from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
    from spectrum_forwarder.domain.log import EventLog, LoggedEvent

    from spectrum_cli.stack.target import Target


@dataclass(frozen=True)
class Patient:
    """What is looked at; several checks share what was read. `api` is None without credentials."""

    target: Target
    http: HttpClient
    api: SpectrumApi | None
    store: WebhookStore
    log: EventLog
    clock: Callable[[], float]
    sleep: Callable[[float], None]

    @cached_property
    def names(self) -> Names:
        """What its destinations are called; those at birth where the registry cannot be read."""
        return names_of(self.target)

    @cached_property
    def board(self) -> DynamoHealthBoard:
        """How its destinations and their lines stand, as whoever asks first finds it."""
        return health_board(self.target, read_once=True)


RECENT = 100
# Seconds that count as lately: what went wrong then may go wrong now.
LATELY = 6 * 3600.0
LATELY_SAID = "in the last 6 hours"

Check = Callable[[Patient], Iterator[Result]]


def recent(patient: Patient) -> list[LoggedEvent]:
    """The newest events, newest first, without canaries: these are our own."""
    from spectrum_forwarder.domain.event import is_canary  # noqa: PLC0415 (not for --help)

    events = patient.log.newest(limit=RECENT).events
    return [event for event in events if not is_canary(event.event_key)]


def ago(seconds: float) -> str:
    """A time in words: 40 seconds, 12 minutes, 5 hours."""
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} seconds"
