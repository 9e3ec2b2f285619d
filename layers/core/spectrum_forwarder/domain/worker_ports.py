"""What those need from outside who work on events that are stored: fan out, sweep, replay.

As in `ports`, every method may raise the `Unavailable` of its service and nothing else unless it
says so, and all times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from spectrum_forwarder.domain.ports import Intake, StoredEvent

if TYPE_CHECKING:
    from spectrum_forwarder.domain.delivery import Answer, Deliveries
    from spectrum_forwarder.domain.destination import Destinations
    from spectrum_forwarder.domain.line import Place
    from spectrum_forwarder.domain.log import LoggedEvent
    from spectrum_forwarder.domain.outbound import Attempt


class DestinationRegistry(Protocol):
    """The configured destinations."""

    def load(self, *, max_age: float | None = None) -> Destinations:
        """All of them, possibly some seconds old.

        `max_age` (seconds) asks for a copy no older than that. Where the registry cannot be read
        now, the last copy serves: its `read_at` tells.
        """


@dataclass(frozen=True, slots=True)
class QueueRecord:
    """One SQS record: a hint, or with `whole` an event that the table has not taken yet.

    `receipt` is of this receive, the `receives`-th; empty where nobody could say. Who drains the
    line of the name `drains` makes a record of each `place`: it stands in no queue, and its attempt
    begins `not_before` then. One that comes `late` there is to leave it; the event of the key
    `behind` is to go out before it, or with it.
    """

    id: str
    event_key: str
    slow_lane: bool = False
    whole: StoredEvent | None = None
    receipt: str = field(default="", repr=False)
    receives: int = 1
    drains: str | None = None
    place: Place | None = None
    late: bool = False
    not_before: float = 0.0
    behind: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event under a claim.

    `claims` counts those since the last record or note, this one included, `unrecorded` the notes
    since the last record. `deliveries` is None until the event's destinations are decided. `format`
    is what the event was stored as (`event.FORMAT`), `via` the marks that it came with; `first_id`
    and `content_encoding` are the event's.
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
    format: int
    unrecorded: int = 0
    via: str | None = None
    content_encoding: str | None = None
    first_id: str | None = None

    @property
    def came_through(self) -> str:
        """The webhook that destinations know it by."""
        return self.first_id or self.webhook_id

    @property
    def is_doubtful(self) -> bool:
        """Whether an earlier claim has ended without a record."""
        return self.claims > 1 or self.unrecorded > 0


@dataclass(frozen=True, slots=True)
class Record:
    """The outcome of a claim. Exactly one of `due_at` and `expires_at` is set.

    `due_at` says when the sweeper is to look after the event, `expires_at` when a settled one may
    be forgotten. `deliveries` is None where they stay as they are. `payload` names the body in the
    bucket where it shall not stand in the item any more. `slow_lane` says where the hint is that
    leads to the next look.
    """

    deliveries: Deliveries | None
    due_at: float | None
    expires_at: float | None
    payload: str | None = None
    slow_lane: bool = False


@dataclass(frozen=True, slots=True)
class Overdue:
    """An event that the sweeper found, and the due time it was found with.

    `since` is when it first came overdue after it was last recorded: sweeps move the due time on.
    Its hint is `in_main`, the main lane, if anywhere, unless a worker left it in the slow one.
    """

    event_key: str
    due_at: float
    since: float | None = None
    in_main: bool = False

    @property
    def came_due(self) -> float:
        """When it first came overdue after it was last recorded."""
        return self.due_at if self.since is None else self.since

    @property
    def was_swept(self) -> bool:
        """Whether a sweep has hinted at it since it was last recorded."""
        return self.came_due < self.due_at


@dataclass(frozen=True, slots=True)
class Owing:
    """How many of a shard's events are overdue, and how many more come due soon."""

    overdue: int
    soon: int


class EventTable(Intake, Protocol):
    """The truth: what is owed to whom.

    Whatever writes deliveries raises ItemTooLarge where the item would outgrow the table's limit.
    """

    def claim(self, event_key: str, *, owner: str, now: float, until: float) -> Claimed | None:
        """Take the event if it owes work and nobody holds it, or if that owner does already.

        Raises LaterFormat for an event that a later version stored: it is left as it is.
        """

    def strike(self, event_key: str, *, owner: str) -> int:
        """Count one more try at handling a suspect event alone; return the count so far."""

    def record(self, event_key: str, *, owner: str, record: Record) -> bool:
        """Write the outcome and end the claim; False where another owner holds it by now.

        Claims and strikes are counted anew from here: the worker has come through it.
        """

    def prove(
        self, event_key: str, *, owner: str, deliveries: Deliveries, payload: str | None = None
    ) -> bool:
        """Write the deliveries under the claim, before any attempt: what is recorded is as large.

        False where another owner holds it by now. Nothing is counted anew.
        """

    def note(
        self,
        event_key: str,
        *,
        owner: str,
        until: float,
        notes: int,
        deliveries: Deliveries | None,
        payload: str | None = None,
    ) -> bool:
        """Write the outcome where it cannot be recorded: all but what the indexes hold.

        The claim ends at `until`; the event stays as due as it was. Claims and strikes are counted
        anew, for the worker has come through it; `notes` is how many there are since the last
        record, this one included. False where another owner holds it by now.
        """

    def overdue(self, shard: int, *, now: float) -> Iterator[Sequence[Overdue]]:
        """Batches of the shard's events that are due, longest overdue first."""

    def owing(self, shard: int, *, now: float, soon: float, in_main: bool = False) -> Owing:
        """Count the shard's events that are due by `now`, and those that are by `soon`.

        Of those alone whose hints can only be `in_main`, if asked.
        """

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

    def standing(self, event_key: str, *, now: float) -> Mapping[str, float] | None:
        """Since when the event's deliveries stand in lines, by the line's name; as recorded last.

        None while somebody holds it, and may be about to change that.
        """

    def postpone(self, overdue: Overdue, *, until: float) -> bool:
        """Move the due time on; False where somebody else has moved it."""


class Sender(Protocol):
    """Carries attempts out."""

    def send(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Answer]]:
        """Make all attempts at once, and yield each with its answer as it comes.

        Never raises for what a destination does; NOT_STARTED where `begin_by` has passed.
        """
