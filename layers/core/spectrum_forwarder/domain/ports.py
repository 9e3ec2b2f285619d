"""What the use cases need from outside, each as small as it can be.

Every method may raise the `Unavailable` of its service (domain/errors.py) and nothing else unless
it says so. All times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from spectrum_forwarder.domain.event import Event

# Over how many partitions the due events and the log are spread.
SHARDS = 8


class Clock(Protocol):
    """Tells the time in Unix seconds; passed in, so that tests can move it."""

    def __call__(self) -> float: ...


class Facts(Protocol):
    """Takes what happened: a name like `delivery.attempted` and its plain values."""

    def __call__(self, name: str, /, **fields: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Webhook:
    """A registration at Spectrum.

    One that was replaced is accepted until `accepted_until` (Unix seconds), for what is under way.
    """

    id: str
    signing_secret: str = field(repr=False)
    source: str
    accepted_until: float | None = None


class WebhookRegistry(Protocol):
    """The webhooks whose requests are accepted."""

    def find(self, webhook_id: str, *, max_age: float | None = None) -> Sequence[Webhook]:
        """The entries of this id; empty where none is stored, even after looking again.

        `max_age` (seconds) asks for a copy of the registry no older than that.
        """


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is stored: its body compressed in place, or by name in the payload bucket."""

    event: Event
    packed: bytes | None = field(repr=False)
    payload: str | None = None


@dataclass(frozen=True, slots=True)
class Existing:
    """What stood in the table already under an event's key.

    `fingerprint` is None on an item of 0.1.0: what it is has to be read off its body, which is
    `packed` in place or in the bucket under the name `payload`.
    """

    due_at: float | None
    claimed_until: float
    received_at: float = 0.0
    fingerprint: str | None = None
    packed: bytes | None = field(default=None, repr=False)
    payload: str | None = None


class Intake(Protocol):
    """The events table as the receiver sees it."""

    def put(
        self, stored: StoredEvent, *, receipt: str, now: float, due_at: float
    ) -> Existing | None:
        """Store the event unless its key is there and not expired; return what was there.

        A put that meets its own `receipt` (a repeat by the client library) counts as new: None.
        """

    def mark(self, key: str, *, at: float, since: float, expires_at: float) -> float:
        """Write down that something happened `at`, unless that was said already of a time `since`.

        Returns the time that stands there now. A mark is no event: it has a key of its own, which
        is free again after `expires_at` at the latest.
        """


class EventQueue(Protocol):
    """Hints, and whole events while the table is down."""

    def send_hint(self, event_key: str, *, delay: float = 0.0, slow: bool = False) -> None:
        """Ask for the event to be looked at in `delay` seconds, in the slow lane or the main."""

    def send_hints(self, event_keys: Sequence[str]) -> Sequence[str]:
        """Send up to ten hints at once, to the main lane; return the keys that were refused."""

    def depth(self) -> int:
        """About how many records both lanes hold, waiting or in work; without the delayed ones."""

    def send_event(self, stored: StoredEvent) -> None:
        """Send the whole event to the main lane."""


class Payloads(Protocol):
    """Bodies too large for the table."""

    def put(self, packed: bytes) -> str:
        """Store a packed body; return its name."""

    def get(self, name: str) -> bytes:
        """Return a packed body; raise PayloadMissing."""
