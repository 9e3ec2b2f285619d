"""Lambda's instances: each keeps its own copy of the settings, and a killed one is replaced cold.

Whoever did nothing for longest is called next, so that copies of every age take part.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from spectrum_forwarder.adapters.cached_secret import CachedSecret
from spectrum_forwarder.adapters.destination_registry import (
    DESTINATIONS_AGE,
    SecretDestinations,
    read_destinations,
)
from spectrum_forwarder.adapters.registry_entries import reporter
from spectrum_forwarder.domain.destination import Destinations
from spectrum_forwarder.domain.ports import Clock, Facts

from tests.prove.ledger import Invariant, Ledger
from tests.prove.registries import DESTINATIONS, Reader

UseCase = TypeVar("UseCase")
# How long a copy may serve on after a reading that failed before it is tried again (seconds).
PAUSE = 10.0


@dataclass
class Instance(Generic[UseCase]):
    """One instance: a use case, and its client of Secrets Manager."""

    use_case: UseCase
    reader: Reader


class Instances(Generic[UseCase]):
    """All instances of a function; one that works is not called again meanwhile."""

    def __init__(self, make: Callable[[], Instance[UseCase]], count: int) -> None:
        self._make, self._count = make, count
        self.idle = [make() for _ in range(count)]

    def take(self) -> Instance[UseCase]:
        """The next one; one more, for this time alone, where all are at work."""
        return self.idle.pop(0) if self.idle else self._make()

    def give_back(self, instance: Instance[UseCase], *, killed: bool) -> None:
        """Its invocation has ended."""
        if len(self.idle) < self._count:
            self.idle.append(self._make() if killed else instance)


class ParsedOnce(SecretDestinations):
    """The real registry; a text that an instance has read before (`known`) is not parsed again."""

    def __init__(self, reader: Reader, known: dict[str, Destinations], *, facts: Facts) -> None:
        client: Any = reader
        super().__init__(client, DESTINATIONS, clock=reader.clock, facts=facts)
        self._secret = CachedSecret(
            client, DESTINATIONS, self._parsed, clock=reader.clock, facts=facts
        )
        self._known, self._report = known, reporter(facts, DESTINATIONS)

    def _parsed(self, text: str) -> Destinations:
        if text not in self._known:
            self._known[text] = read_destinations(text, self._report)
        return self._known[text]


@dataclass
class WatchedDestinations:
    """The `DestinationRegistry` port of one instance; the ledger hears of what it serves."""

    inner: SecretDestinations
    reader: Reader
    clock: Clock
    ledger: Ledger

    def load(self, *, max_age: float | None = None) -> Destinations:
        """See the port."""
        found = self.inner.load(max_age=max_age)
        now, reader = self.clock(), self.reader
        failing = reader.failed_at > reader.read_at and now - reader.failed_at < PAUSE
        if now - reader.read_at >= DESTINATIONS_AGE and not failing:
            self.ledger.breach(Invariant.FRESH, f"{now - reader.read_at:.0f} s old at {now:.1f}")
        if self.ledger.at_work:
            self.ledger.consulted(reader.identities())
        return found
