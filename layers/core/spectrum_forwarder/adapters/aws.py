"""Clients for AWS, with time limits that an answer to Spectrum can be kept within.

Where the environment is plain, the services that every event asks are called directly (`direct`);
all else is done by botocore's clients, which are loaded when the first of them is needed.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from spectrum_forwarder.adapters.budget import Budget
from spectrum_forwarder.adapters.direct import SERVICES, DirectClient
from spectrum_forwarder.adapters.places import plain_place, plain_roots
from spectrum_forwarder.adapters.wire import Wire
from spectrum_forwarder.domain.ports import Clock

if TYPE_CHECKING:
    from spectrum_forwarder.adapters.botocore_clients import BotocoreClients

Made = TypeVar("Made")


class Clients:
    """Makes clients; seconds and tries are those of every call.

    `tries` counts the first one. With a `budget` all of them share what it has left, and none is
    made again that might overrun it.
    """

    def __init__(
        self,
        *,
        connect_seconds: float,
        read_seconds: float,
        tries: int,
        connections: int = 10,
        budget: Budget | None = None,
        clock: Clock = time.time,
    ) -> None:
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._tries = tries
        self._connections = connections
        self._budget = budget
        self._clock = clock
        # One for all direct calls, if there are any; then botocore's clients go over it as well.
        self._wire: Wire | None = None
        self._usual = Once(self._load)

    def make(self, service: str, *, tries: int | None = None) -> Any:
        """A client of `service`, with as many `tries` as the others or of its own."""
        place = plain_place(service, os.environ) if service in SERVICES else None
        if place is None:
            return self._usual().make(service, tries=tries)
        if self._wire is None:
            self._wire = Wire(
                plain_roots(os.environ),
                connect_seconds=self._connect_seconds,
                read_seconds=self._read_seconds,
                budget=self._budget,
                clock=self._clock,
            )
        return DirectClient(
            SERVICES[service],
            place,
            self._wire,
            tries=tries or self._tries,
            usual=Once(lambda: self._usual().make(service, tries=tries)),
            budget=self._budget,
        )

    def later(self, service: str) -> Any:
        """A client of `service` that is made at its first call, for what is seldom needed."""
        return _Later(Once(lambda: self.make(service)))

    def _load(self) -> "BotocoreClients":
        # With all of botocore, which is half of a cold start.
        from spectrum_forwarder.adapters.botocore_clients import BotocoreClients  # noqa: PLC0415

        return BotocoreClients(
            connect_seconds=self._connect_seconds,
            read_seconds=self._read_seconds,
            tries=self._tries,
            connections=self._connections,
            budget=self._budget,
            clock=self._clock,
            wire=self._wire,
        )


class Once(Generic[Made]):
    """Makes something when it is first asked for, and keeps it; safe to ask from threads."""

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._made: list[Made] = []
        self._lock = threading.Lock()

    def __call__(self) -> Made:
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]


class _Later:
    """Stands for a client that is not there yet."""

    def __init__(self, client: Once[Any]) -> None:
        self._client = client

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client(), operation)
