"""A delivery: one event bound for one destination, and what an attempt makes of it.

Every function here returns a new delivery; nothing is changed in place.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from spectrum_forwarder.domain.line import position_behind
from spectrum_forwarder.domain.order import line_of
from spectrum_forwarder.domain.retry import retry_delay
from spectrum_forwarder.domain.timing import Timing

# Seconds before its time that a delivery counts as due: clocks differ.
EARLY = 0.5
# Attempts kept for the log; the schedule makes twelve.
KEPT_ATTEMPTS = 20


class Status(StrEnum):
    """Where a delivery stands. All but PENDING are settled."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FILTERED = "filtered"
    REMOVED = "removed"
    DEAD_LETTERED = "dead_lettered"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from one attempt: an HTTP status, or the reason why there is none.

    `seconds` is how long it took, `retry_after` what the destination asked for, in seconds. Of one
    that is no success, `line` is the status line or the service's error code, and `said` the first
    kilobyte of what it says, both as they came.
    """

    status: int | None = None
    error: str | None = None
    seconds: float = 0.0
    retry_after: float | None = None
    line: bytes = field(default=b"", repr=False, compare=False)
    said: bytes = field(default=b"", repr=False, compare=False)

    @property
    def succeeded(self) -> bool:
        """Whether the destination has the event."""
        return self.status is not None and 200 <= self.status < 300

    def __str__(self) -> str:
        return str(self.status) if self.status is not None else self.error or "unknown"


# What can never fit into its target, whatever is done about the destination.
TOO_LARGE = Answer(error="too_large")
# The sender had no time left to begin the attempt; the delivery stays as it was.
NOT_STARTED = Answer(error="not_started")


@dataclass(frozen=True, slots=True)
class Attempted:
    """One past attempt: when (Unix seconds), how long (milliseconds), and the answer in short.

    `said` is what the answer says, of the last one that failed and said something.
    """

    at: float
    milliseconds: int
    answer: str
    said: str = field(default="", repr=False)

    @property
    def succeeded(self) -> bool:
        """Whether the destination had the event then."""
        return self.answer.isdigit() and self.answer.startswith("2")


@dataclass(frozen=True, slots=True)
class Delivery:
    """The unit of state. Times are Unix seconds; `reason` says why it was dead-lettered.

    `destination` is the destination's identity, `planned_at` when the event was bound for it,
    `next_attempt_at` when the next attempt is due (pending deliveries only), `waiting_for` why that
    is not a matter of retries, `replays` how often an operator has begun it anew. One that stands
    in its destination's line does so since `stood_at`, and is looked at by who drains that; at an
    ordered destination it is the line of its `conversation`. One that is `late` has left that, or
    has never stood there, and is retried by itself. A replay keeps out of it as well, but for one
    that is `in_order_since` then: it stands behind all that was said before.
    """

    destination: str
    planned_at: float
    next_attempt_at: float
    status: Status = Status.PENDING
    attempts: int = 0
    reason: str | None = None
    waiting_for: str | None = None
    history: tuple[Attempted, ...] = ()
    replays: int = 0
    stood_at: float | None = None
    conversation: str = ""
    late: bool = False
    in_order_since: float | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing more is owed."""
        return self.status is not Status.PENDING

    @property
    def keeps_out_of_order(self) -> bool:
        """Whether it goes by itself, though its destination is ordered."""
        return self.late or (self.replays > 0 and self.in_order_since is None)

    def position(self, of_event: str) -> str:
        """Its position in line, given its event's."""
        since = self.in_order_since
        return of_event if since is None else position_behind(of_event, since)

    @property
    def stands_in(self) -> str | None:
        """The name of the line that it stands in."""
        return None if self.stood_at is None else line_of(self.destination, self.conversation)

    @property
    def failing_since(self) -> float | None:
        """When the first attempt was made that its history knows of since it was begun."""
        return next((past.at for past in self.history if past.at >= self.planned_at), None)

    def is_due(self, now: float) -> bool:
        """Whether an attempt may be made now."""
        return not self.settled and self.next_attempt_at <= now + EARLY


Deliveries = Mapping[str, Delivery]


def stands_of(deliveries: Deliveries) -> dict[str, float]:
    """The lines that an event's deliveries stand in, and since when."""
    return {
        line_of(each.destination, each.conversation): each.stood_at
        for each in deliveries.values()
        if each.stood_at is not None
    }


def planned(destination: str, now: float) -> Delivery:
    """A delivery that is due at once."""
    return Delivery(destination=destination, planned_at=now, next_attempt_at=now)


def replayed(delivery: Delivery, now: float, in_order_since: float | None = None) -> Delivery:
    """The delivery begun anew: due at once, all its attempts before it, its history kept."""
    return replace(
        planned(delivery.destination, now),
        replays=delivery.replays + 1,
        history=delivery.history,
        in_order_since=in_order_since,
    )


def hastened(delivery: Delivery, at: float) -> Delivery:
    """The delivery, waiting for nothing any more and due at `at`; its attempts are not touched."""
    return replace(_out_of_line(delivery), next_attempt_at=at, waiting_for=None)


def settled(delivery: Delivery, status: Status, reason: str | None = None) -> Delivery:
    """The delivery, settled without a further attempt."""
    return replace(_out_of_line(delivery), status=status, reason=reason, waiting_for=None)


def held(delivery: Delivery, until: float, waiting_for: str | None) -> Delivery:
    """The delivery, waiting without using up an attempt, and in no line."""
    return replace(_out_of_line(delivery), next_attempt_at=until, waiting_for=waiting_for)


def standing(delivery: Delivery, since: float, look_at: float, conversation: str = "") -> Delivery:
    """The delivery, with a place in its line; should nobody drain that, it is looked at then."""
    return replace(delivery, next_attempt_at=look_at, stood_at=since, conversation=conversation)


def released(delivery: Delivery, now: float) -> Delivery:
    """The delivery, out of its conversation's order: it is due, and goes by itself from here on."""
    return replace(hastened(delivery, now), late=True)


def _out_of_line(delivery: Delivery) -> Delivery:
    if delivery.stood_at is None and not delivery.conversation:
        return delivery
    return replace(delivery, stood_at=None, conversation="")


def shortened(delivery: Delivery, kept: int) -> Delivery:
    """The delivery with the newest `kept` attempts of its history."""
    return replace(delivery, history=delivery.history[max(0, len(delivery.history) - kept) :])


def unsaid(delivery: Delivery) -> Delivery:
    """The delivery without what answers said."""
    return replace(delivery, history=_without_said(delivery.history))


def attempted(
    delivery: Delivery,
    answer: Answer,
    *,
    said: str = "",
    max_attempts: int,
    now: float,
    timing: Timing,
    rng: random.Random,
) -> Delivery:
    """The delivery after an attempt that ended `now` with `answer`.

    2xx settles it, 410 and what is too large dead-letter it, anything else is retried until
    `max_attempts`. `said` is what a failing answer says, fit to be kept.
    """
    if answer is NOT_STARTED:
        return delivery
    entry = Attempted(now - answer.seconds, round(answer.seconds * 1000), str(answer), said)
    before = _without_said(delivery.history) if said else delivery.history
    attempts, at = delivery.attempts + 1, delivery.next_attempt_at
    status, reason = _made_of(answer, is_last=attempts >= max_attempts)
    if status is Status.PENDING:
        at = now + retry_delay(attempts, answer.retry_after, timing, rng)
    return replace(
        _out_of_line(delivery),
        attempts=attempts,
        history=(*before, entry)[-KEPT_ATTEMPTS:],
        waiting_for=None,
        status=status,
        reason=reason,
        next_attempt_at=at,
    )


def _made_of(answer: Answer, *, is_last: bool) -> tuple[Status, str | None]:
    if answer.succeeded:
        return Status.DELIVERED, None
    if answer.status == 410 or answer.error == TOO_LARGE.error:
        return Status.DEAD_LETTERED, answer.error or "gone"
    return (Status.DEAD_LETTERED, f"exhausted: {answer}") if is_last else (Status.PENDING, None)


def _without_said(history: tuple[Attempted, ...]) -> tuple[Attempted, ...]:
    return tuple(replace(past, said="") if past.said else past for past in history)
