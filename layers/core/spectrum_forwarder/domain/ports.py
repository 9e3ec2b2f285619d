"""What the use cases need from outside, each as small as it can be.

Every method may raise the `Unavailable` of its service (domain/errors.py) and nothing else unless
it says so. All times are Unix seconds.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from spectrum_forwarder.domain.event import Event
    from spectrum_forwarder.domain.worker_ports import QueueRecord

# Over how many partitions the due events and the log are spread.
SHARDS = 8


class Clock(Protocol):
    """Tells the time in Unix seconds; passed in, so that tests can move it."""

    def __call__(self) -> float: ...


class Facts(Protocol):
    """Takes what happened: a name like `delivery.attempted` and its plain values."""

    def __call__(self, name: str, /, **fields: object) -> None: ...


class Secret(NamedTuple):
    """What requests are signed with in a scheme; accepted for good, or until then (Unix time)."""

    scheme: str
    text: str
    accepted_until: float | None = None

    def __repr__(self) -> str:
        return f"Secret({self.scheme!r}, accepted_until={self.accepted_until})"


class Webhook(NamedTuple):
    """A registration at Spectrum.

    `signing_secret` is that of v0, empty where none is stored; `secrets` are those of all other
    schemes. One that was replaced is accepted until `accepted_until` (Unix seconds), for what is
    under way. `path` is the endpoint's that it was registered with, where that is known. `first_id`
    is that of the first registration of the source, where it is another one: destinations are told
    it, so that a rotation changes nothing for them.
    """

    id: str
    signing_secret: str
    source: str
    accepted_until: float | None = None
    secrets: tuple[Secret, ...] = ()
    path: str | None = None
    first_id: str | None = None

    def __repr__(self) -> str:
        return f"Webhook({self.id!r}, source={self.source!r})"

    def at(self, moment: float) -> "Webhook | None":
        """The registration with the secrets that are accepted at this moment; None where it is not.

        One whose secrets have all run out is known nevertheless.
        """
        if not _counts(self.accepted_until, moment):
            return None
        return self.with_secrets(lambda secret: _counts(secret.accepted_until, moment))

    def with_secrets(self, keeps: Callable[[Secret], bool]) -> "Webhook":
        """The registration with these of its other schemes' secrets."""
        if all(map(keeps, self.secrets)):
            return self
        return self._replace(secrets=tuple(filter(keeps, self.secrets)))


def _counts(accepted_until: float | None, moment: float) -> bool:
    return accepted_until is None or moment < accepted_until


class WebhookRegistry(Protocol):
    """The webhooks whose requests are accepted, with those secrets that count now."""

    def find(self, webhook_id: str, *, max_age: float | None = None) -> Sequence[Webhook]:
        """The entries of this id; empty where none is stored, even after looking again.

        `max_age` (seconds) asks for a copy of the registry no older than that.
        """

    def all(self, *, max_age: float | None = None) -> Sequence[Webhook]:
        """Every entry, for a request that names none."""


class StoredEvent(NamedTuple):
    """An event as it is stored: its body compressed in place, or by name in the payload bucket."""

    event: "Event"
    packed: bytes | None
    payload: str | None = None

    def __repr__(self) -> str:
        return f"StoredEvent({self.event!r}, payload={self.payload!r})"


class Existing(NamedTuple):
    """What stood in the table already under an event's key.

    `fingerprint` is None on an item of 0.1.0: what it is has to be read off its body, which is
    `packed` in place or in the bucket under the name `payload`. `signed_id` is the event's.
    """

    due_at: float | None
    claimed_until: float
    received_at: float
    fingerprint: str | None = None
    packed: bytes | None = None
    payload: str | None = None
    signed_id: str | None = None
    # How and for whom it came the first time: what a duplicate is told to differ in.
    signed_at: int | None = None
    webhook_id: str | None = None

    def __repr__(self) -> str:
        return f"Existing(received_at={self.received_at}, due_at={self.due_at})"

    def is_overdue(self, now: float) -> bool:
        """Whether it owes work that is due, and nobody is at it."""
        due = self.due_at is not None and self.due_at <= now
        return due and self.claimed_until <= now


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

    def hasten(self, event_key: str, *, seen: float, due_at: float) -> bool:
        """Have the sweeper look at the event earlier, for its hint could not be sent.

        False where its due time is not as it was `seen`: somebody looks at it already.
        """


class Depth(NamedTuple):
    """How many records each lane holds."""

    main: int
    slow: int


class EventQueue(Protocol):
    """Hints, and whole events while the table is down."""

    def send_hint(self, event_key: str, *, delay: float = 0.0, slow: bool = False) -> None:
        """Ask for the event to be looked at in `delay` seconds, in the slow lane or the main."""

    def send_hints(self, event_keys: Sequence[str]) -> Sequence[str]:
        """Send up to ten hints at once, to the main lane; return the keys that were refused."""

    def show_again(self, records: "Sequence[tuple[QueueRecord, float]]") -> None:
        """Let records that were received, ten at most, be received again in so many seconds."""

    def depth(self) -> Depth:
        """About how many records the lanes hold, waiting or in work; without the delayed ones."""

    def send_event(self, stored: StoredEvent) -> None:
        """Send the whole event to the main lane."""


class Payloads(Protocol):
    """Bodies too large for the table."""

    def put(self, packed: bytes) -> str:
        """Store a packed body; return its name."""

    def get(self, name: str) -> bytes:
        """Return a packed body; raise PayloadMissing."""
