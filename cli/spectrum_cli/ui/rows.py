"""An event in short: what it is found by, and how it stands. Many are kept at once."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from spectrum_forwarder.domain.delivery import Delivery, Status
from spectrum_forwarder.domain.log import LoggedEvent

from spectrum_cli.ui import words


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a delivery stands; of one that was delivered, the milliseconds that the attempt took
    which did it, and that had passed since the event came.
    """

    status: Status
    attempt: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An event; `stands` has its deliveries by destination's identity.

    `order` is its place in the log, the newest first: minus the time that it was received at (Unix
    seconds), and its key. `said` is what a text is looked for in, without capitals; `digits` are
    those of the people's numbers.
    """

    order: tuple[float, str]
    kind: str
    message_type: str
    space_id: str = field(repr=False)
    said: str = field(repr=False)
    digits: str = field(repr=False)
    owes: bool
    stands: Mapping[str, Stand]

    @property
    def key(self) -> str:
        """The event's."""
        return self.order[1]

    @property
    def received_at(self) -> float:
        """When it was (Unix seconds)."""
        return -self.order[0]


def row_of(event: LoggedEvent, *, with_stands: bool = True) -> Row:
    """The event as a row; without `stands` where nobody will count them."""
    people = [one for one in (event.sender_id, event.space_id) if one]
    types = [event.message_type, words.what(event)] if event.message_type else []
    said = [event.event_key, *people, event.kind or "", *types]
    return Row(
        order=(-event.received_at, event.event_key),
        kind=sys.intern(event.kind or ""),
        message_type=sys.intern(event.message_type or ""),
        space_id=sys.intern(event.space_id or ""),
        said="\n".join(said).casefold(),
        digits=sys.intern("\n".join(map(digits_of, people))),
        owes=not event.settled,
        stands=_stands(event) if with_stands else {},
    )


def digits_of(text: str) -> str:
    """Its digits; only these ten, for other scripts' are not what stands in a number."""
    return "".join(character for character in text if character in "0123456789")


def _stands(event: LoggedEvent) -> dict[str, Stand]:
    return {
        sys.intern(identity): _stand(delivery, event.received_at)
        for identity, delivery in (event.deliveries or {}).items()
    }


def _stand(delivery: Delivery, received_at: float) -> Stand:
    last = delivery.history[-1] if delivery.history else None
    if delivery.status is not Status.DELIVERED or last is None:
        return PLAIN[delivery.status]
    # A replay's is no measure of how late an event was.
    late = 1000 * (last.at - received_at) + last.milliseconds
    after = None if delivery.replays else max(0, round(late))
    return Stand(delivery.status, last.milliseconds, after)


PLAIN = {status: Stand(status) for status in Status}
