"""Webhooks, destinations and what operators note of them, in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from spectrum_forwarder.domain.destination import Broken, Destination, Destinations, born_as
from spectrum_forwarder.domain.errors import (
    RegistryUnavailable,
)
from spectrum_forwarder.domain.notes import Notes
from spectrum_forwarder.domain.ports import Clock, Webhook


class MemoryNotes:
    """The `Notebook` port, and what operators write there."""

    def __init__(self) -> None:
        self.notes = Notes(b"k" * 32)

    def read(self) -> Notes:
        return self.notes

    def revoke(self, digests: Iterable[str]) -> None:
        self.notes = self.notes._replace(revoked=self.notes.revoked | set(digests))

    def forgive(self, digests: Iterable[str]) -> None:
        self.notes = self.notes._replace(revoked=self.notes.revoked - set(digests))


@dataclass
class MemoryWebhooks:
    """The `WebhookRegistry` port; `later` is what stands there once it is read anew."""

    webhooks: list[Webhook] = field(default_factory=list)
    down: bool = False
    later: list[Webhook] | None = None

    def find(self, webhook_id: str, *, max_age: float | None = None) -> Sequence[Webhook]:
        if self.down:
            raise RegistryUnavailable("down")
        if max_age is not None and self.later is not None:
            self.webhooks = self.later
        return [webhook for webhook in self.webhooks if webhook.id == webhook_id]

    def all(self, *, max_age: float | None = None) -> Sequence[Webhook]:
        if self.down:
            raise RegistryUnavailable("down")
        return list(self.webhooks)


@dataclass
class MemoryDestinations:
    """The `DestinationRegistry` port, by identity: a store that is read whenever it is asked.

    `broken` are the reasons. Without a clock no reading is ever too old.
    """

    usable: dict[str, Destination] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    nameless: list[str] = field(default_factory=list)
    clock: Clock = lambda: float("inf")
    # Of those that are broken, those that say that they are ordered.
    ordered: set[str] = field(default_factory=set)

    def load(self, *, max_age: float | None = None) -> Destinations:
        return Destinations(
            dict(self.usable),
            {
                identity: Broken(born_as(identity), why, identity in self.ordered)
                for identity, why in self.broken.items()
            },
            tuple(self.nameless),
            read_at=self.clock(),
        )


@dataclass
class CopiedDestinations:
    """The `DestinationRegistry` port as one worker has it: a copy that may be old.

    While `down` it cannot be read, and the copy serves.
    """

    store: MemoryDestinations
    clock: Clock
    max_age: float = 30.0
    down: bool = False
    reads: int = 0
    copy: Destinations | None = None

    def load(self, *, max_age: float | None = None) -> Destinations:
        age = self.max_age if max_age is None else min(max_age, self.max_age)
        if self.copy is not None and (self.down or self.clock() - self.copy.read_at < age):
            return self.copy
        if self.down:
            raise RegistryUnavailable("down")
        self.reads += 1
        self.copy = replace(self.store.load(), read_at=self.clock())
        return self.copy
