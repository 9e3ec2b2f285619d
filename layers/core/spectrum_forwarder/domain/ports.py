"""What the use cases need from outside, each as small as it can be.

Every method may raise the `Unavailable` of its service (domain/errors.py) and nothing else unless
it says so. All times are Unix seconds.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from spectrum_forwarder.domain.delivery import Answer, Deliveries
from spectrum_forwarder.domain.destination import Destinations
from spectrum_forwarder.domain.event import Event
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.outbound import Attempt

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


class DestinationRegistry(Protocol):
    """The configured destinations."""

    def load(self) -> Destinations:
        """All of them, possibly some seconds old."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is stored: its body compressed in place, or by name in the payload bucket."""

    event: Event
    packed: bytes | None = field(repr=False)
    payload: str | None = None


@dataclass(frozen=True, slots=True)
class QueueRecord:
    """One SQS record: a hint, or with `whole` an event that the table has not taken yet."""

    id: str
    event_key: str
    slow_lane: bool = False
    whole: StoredEvent | None = None


@dataclass(frozen=True, slots=True)
class Existing:
    """What stood in the table already under an event's key."""

    due_at: float | None
    claimed_until: float


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event under a claim.

    `claims` counts those since the last record, this one included. `deliveries` is
    None until the first record: the event's destinations are not decided yet.
    """

    event_key: str
    owner: str
    until: float
    claims: int
    webhook_id: str
    received_at: float
    kind: str | None
    content_type: str | None
    packed: bytes | None = field(repr=False)
    payload: str | None
    deliveries: Deliveries | None


@dataclass(frozen=True, slots=True)
class Record:
    """The outcome of a claim. Exactly one of `due_at` and `expires_at` is set.

    `due_at` says when the sweeper is to look after the event, `expires_at` when a settled one may
    be forgotten. `deliveries` is None where they stay as they are.
    """

    deliveries: Deliveries | None
    due_at: float | None
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class Overdue:
    """An event that the sweeper found, and the due time it was found with.

    `since` is when it first came overdue after it was last recorded: sweeps move the due time on.
    """

    event_key: str
    due_at: float
    since: float | None = None


class EventTable(Protocol):
    """The truth: what is owed to whom."""

    def put(
        self, stored: StoredEvent, *, receipt: str, now: float, due_at: float
    ) -> Existing | None:
        """Store the event unless its key is there and not expired; return what was there.

        A put that meets its own `receipt` (a repeat by the client library) counts as new: None.
        """

    def claim(self, event_key: str, *, owner: str, now: float, until: float) -> Claimed | None:
        """Take the event if it owes work and nobody holds it."""

    def strike(self, event_key: str, *, owner: str) -> int:
        """Count one more try at handling a suspect event alone; return the count so far."""

    def record(self, event_key: str, *, owner: str, record: Record) -> bool:
        """Write the outcome and end the claim; False where another owner holds it by now.

        Claims and strikes are counted anew from here: the worker has come through it.
        """

    def overdue(self, shard: int, *, now: float) -> Iterator[Sequence[Overdue]]:
        """Batches of the shard's events that are due, longest overdue first."""

    def reopen(
        self,
        seen: LoggedEvent,
        *,
        owner: str,
        now: float,
        deliveries: Deliveries,
        due_at: float,
    ) -> bool:
        """Write new deliveries on an event that stands as it was seen and that nobody holds.

        Returns False otherwise. Whoever held it last cannot record any more: its owner is `owner`
        from now on, a name not used before.
        """

    def postpone(self, overdue: Overdue, *, until: float) -> bool:
        """Move the due time on; False where somebody else has moved it."""


class EventQueue(Protocol):
    """Hints, and whole events while the table is down."""

    def send_hint(self, event_key: str, *, delay: float = 0.0, slow: bool = False) -> None:
        """Ask for the event to be looked at in `delay` seconds, in the slow lane or the main."""

    def send_hints(self, event_keys: Sequence[str]) -> None:
        """Send up to ten hints at once, to the main lane."""

    def send_event(self, stored: StoredEvent) -> None:
        """Send the whole event to the main lane."""


class Payloads(Protocol):
    """Bodies too large for the table."""

    def put(self, packed: bytes) -> str:
        """Store a packed body; return its name."""

    def get(self, name: str) -> bytes:
        """Return a packed body; raise PayloadMissing."""


class HealthBoard(Protocol):
    """Each destination's health, shared by all workers."""

    def load(self) -> Mapping[str, Health]:
        """The health of every destination that has been attempted, possibly seconds old."""

    def save(self, destination: str, health: Health, *, seen: Health | None = None) -> bool:
        """Write it; with `seen`, only if the breaker stands as it was seen, else return False."""


class Sender(Protocol):
    """Carries attempts out."""

    def send(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Answer]]:
        """Make all attempts at once, and yield each with its answer as it comes.

        Never raises for what a destination does; NOT_STARTED where `begin_by` has passed.
        """
