"""Secrets Manager in memory: what operators write there, and what each worker has read of it.

A worker has a client of its own. What it read last, and when, is noted, because a copy of settings
may be old: what a worker decides is judged by the copy that it had.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError
from spectrum_forwarder.domain.destination import NAME
from spectrum_forwarder.domain.ports import Clock, Webhook

from tests.prove.faults import Fates

Entry = dict[str, Any]
DESTINATIONS, WEBHOOKS = "destinations", "webhooks"
# Identities hold no 0 and 1.
DIGITS = str.maketrans("01", "ab")


class StoreDown(BotoCoreError):
    """Secrets Manager did not answer."""

    fmt = "{call}"


def store_down(call: str) -> StoreDown:
    """The error of a reading that failed."""
    return StoreDown(call=call)


@dataclass
class Reader:
    """One worker's client: the secret that it read last, and when it last succeeded and failed."""

    texts: Mapping[str, str]
    clock: Clock
    fates: Fates
    text: str = ""
    read_at: float = float("-inf")
    failed_at: float = float("-inf")

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        """As boto3's client."""
        now = self.clock()
        try:
            self.text = self.fates.call(
                f"secrets.{SecretId}", lambda: self.texts[SecretId], store_down, writes=False
            )
        except StoreDown:
            self.failed_at = now
            raise
        self.read_at = now
        return {"SecretString": self.text}

    def identities(self) -> frozenset[str]:
        """Whom an event is bound for by this copy of the destinations."""
        return _identities(self.text)


@functools.cache
def _identities(text: str) -> frozenset[str]:
    found = map(identity_of, json.loads(text)[DESTINATIONS])
    return frozenset(identity for identity in found if identity is not None)


def identity_of(entry: Entry) -> str | None:
    """What deliveries to an entry are bound to; None where that cannot be read."""
    identity = entry.get("id") or entry.get("name")
    name = str(identity).partition(".")[0]
    return str(identity) if NAME.fullmatch(name) else None


@dataclass
class Life:
    """One destination from when it is added (Unix seconds) until it is removed, whatever its entry
    looks like meanwhile; `entry` is as it should be.
    """

    name: str
    entry: Entry
    born_at: float
    removed_at: float | None = None

    @property
    def identity(self) -> str:
        return str(self.entry.get("id") or self.entry["name"])

    @property
    def has_identity(self) -> bool:
        """Whether no other destination can be taken for it."""
        return self.entry.get("id") is not None


@dataclass
class Registry:
    """Both secrets as they stand, and every destination that there ever was."""

    clock: Clock
    texts: dict[str, str] = field(default_factory=dict)
    lives: list[Life] = field(default_factory=list)
    _webhooks: list[Webhook] = field(default_factory=list)
    _spoilt: dict[str, Entry] = field(default_factory=dict)
    _urls: dict[str, Life] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._write()

    def reader(self, fates: Fates) -> Reader:
        """A client for one worker."""
        return Reader(self.texts, self.clock, fates)

    def accept(self, webhook: Webhook) -> None:
        """Store a webhook."""
        self._webhooks.append(webhook)
        self._write()

    def names(self) -> list[str]:
        """The destinations that there are, by the names they were added under."""
        return [life.name for life in self._living()]

    def identities(self) -> set[str]:
        """The same by what deliveries are bound to."""
        return {life.identity for life in self._living()}

    def identity(self, name: str) -> str:
        """What deliveries to the destination of this name are bound to."""
        return next(life.identity for life in self._living() if life.name == name)

    def add(self, name: str, /, **fields: object) -> None:
        """Add a destination; mend or change the entry if it is there."""
        self._spoilt.pop(name, None)
        life = self._find(name)
        if life is None:
            life = Life(name, self.new_entry(name), self.clock())
            self.lives.append(life)
        life.entry.update(fields)
        self._urls[life.entry["url"]] = life
        self._write()

    def new_entry(self, name: str) -> Entry:
        """What is written when a destination is added, as the command does."""
        number = len(self.lives)
        return {
            "id": f"{name}.{number:06}".translate(DIGITS),
            "name": name,
            "url": f"https://{name}-{number}.example.com/",
            "signing_secret": f"{number:064x}",
        }

    def remove(self, name: str) -> None:
        """Take a destination away, if it is there."""
        life = self._find(name)
        if life is not None:
            life.removed_at = self.clock()
            self._spoilt.pop(name, None)
            self._write()

    def spoil(self, name: str, /, **fields: object) -> None:
        """Let an entry be wrong in these fields until it is mended; None takes a field away."""
        life = self._find(name)
        if life is not None:
            wrong = life.entry | fields
            self._spoilt[name] = {n: value for n, value in wrong.items() if value is not None}
            self._write()

    def waits(self, identity: str) -> bool:
        """Whether its deliveries wait for an operator by the entry of now."""
        life = next((life for life in self._living() if life.identity == identity), None)
        if life is None:
            return False
        entry = self._spoilt.get(life.name, life.entry)
        return identity_of(entry) == identity and (
            life.name in self._spoilt or entry.get("enabled") is False
        )

    def at(self, url: str) -> Life:
        """Who lives, or has lived, at a URL."""
        return self._urls[url]

    def name_of(self, identity: str) -> str:
        """What a destination was called when it was added."""
        return next(life.name for life in self.lives if life.identity == identity)

    def was_away(self, identity: str, since: float) -> bool:
        """Whether there was a time since then when an operator had removed the destination."""
        lives = [life for life in self.lives if life.identity == identity]
        return all(life.born_at > since or life.removed_at is not None for life in lives)

    def _living(self) -> list[Life]:
        return [life for life in self.lives if life.removed_at is None]

    def _find(self, name: str) -> Life | None:
        return next((life for life in self._living() if life.name == name), None)

    def _write(self) -> None:
        destinations = [self._spoilt.get(life.name, life.entry) for life in self._living()]
        webhooks = [
            {"id": each.id, "signing_secret": each.signing_secret, "source": each.source}
            for each in self._webhooks
        ]
        self.texts[DESTINATIONS] = json.dumps({DESTINATIONS: destinations})
        self.texts[WEBHOOKS] = json.dumps({WEBHOOKS: webhooks})
