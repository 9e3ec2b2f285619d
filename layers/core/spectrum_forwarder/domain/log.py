"""The delivery log: what an operator reads of the events that are stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from spectrum_forwarder.domain.delivery import Deliveries
from spectrum_forwarder.domain.event import FORMAT, USUAL_SCHEME


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """Everything that is stored of an event, but its body.

    Times are Unix seconds. `deliveries` is None until the event's destinations are decided.
    `owner` changes with every claim, `claimed_until` is 0 where none is open: together they say
    whether anything has changed since. `due_at` is there while work is owed, `expires_at` when
    none is. `payload` names a body that is kept in the bucket. `format` is the form that the event
    is stored in: what a later version stored is not `readable`, and shown without its deliveries.
    `scheme` is what proved it, `also` are schemes whose headers it had besides. `message_type` is
    that of the message's content, and None of what a version stored that did not keep it.
    """

    event_key: str
    received_at: float
    signed_at: float
    webhook_id: str
    kind: str | None = None
    space_id: str | None = None
    sender_id: str | None = field(default=None, repr=False)
    content_type: str | None = None
    payload: str | None = None
    deliveries: Deliveries | None = None
    owner: str = ""
    claimed_until: float = 0.0
    claims: int = 0
    due_at: float | None = None
    expires_at: float | None = None
    format: int = 0
    scheme: str = USUAL_SCHEME
    also: str | None = None
    message_type: str | None = None

    @property
    def readable(self) -> bool:
        """Whether this version knows the form that the event is stored in."""
        return self.format <= FORMAT

    @property
    def settled(self) -> bool:
        """Whether nothing is owed any more."""
        return self.due_at is None


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, newest first; `cursor` leads to the next page, None where there is none."""

    events: Sequence[LoggedEvent]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """Events by their keys and when they were received, newest first; `cursor` as a page's."""

    events: Sequence[tuple[str, float]]
    cursor: str | None


class EventReader(Protocol):
    """Reads one event. Raises the `Unavailable` of its services (domain/errors.py)."""

    def get(self, event_key: str) -> LoggedEvent | None:
        """The event as it is at this moment, or None."""


class EventLog(EventReader, Protocol):
    """Reads the events table."""

    def newest(
        self,
        *,
        limit: int,
        cursor: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> Page:
        """Up to `limit` events received from `since` to `until`, newest first.

        `cursor` is that of the page before, with the same bounds; raises ValueError for any other
        text. It stays good while events come and go: none is shown twice or left out. A page may
        hold fewer events than asked for and still have a next one.
        """

    def listed(
        self,
        *,
        limit: int,
        cursor: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> Listed:
        """The same as the index has it: no event is read, and one that has gone may stand in it."""

    def get_all(self, event_keys: Sequence[str]) -> Iterator[LoggedEvent]:
        """Those of the events that are there, as the table has them at about this moment."""

    def owing_keys(self) -> Iterator[Sequence[str]]:
        """The keys of all events that owe work, in batches, in no order; reads the index alone."""

    def owing(self) -> Iterator[Sequence[LoggedEvent]]:
        """All events that owe work, in batches, in no order."""

    def body(self, event_key: str) -> bytes | None:
        """The event's body as it came, None where there is no event.

        Raises PayloadMissing, LaterFormat.
        """
