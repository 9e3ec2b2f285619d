"""One event's story: what happened to it, attempt by attempt, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spectrum_forwarder.domain.delivery import Attempted, Delivery, Status
from spectrum_forwarder.domain.destination import Destinations
from spectrum_forwarder.domain.log import LoggedEvent

from spectrum_cli.destinations.names import names_from
from spectrum_cli.ui import words

FUTURE = "future"


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the timeline. `at` is Unix seconds, `tone` a CSS class.

    `milliseconds` is how long an attempt took; `share` that of the longest one, in percent; `said`
    what a failing answer says.
    """

    at: float
    tone: str
    title: str
    destination: str = ""
    detail: str = ""
    milliseconds: int | None = None
    share: int = 0
    said: str = ""


def tell(event: LoggedEvent, destinations: Destinations, now: float) -> list[Step]:
    """The story, oldest first; what is still to come stands at the end."""
    names = names_from(destinations)
    deliveries = list((event.deliveries or {}).values())
    longest = max((past.milliseconds for d in deliveries for past in d.history), default=0)
    steps = [_received(event), *_whole(event, now)]
    for delivery in deliveries:
        name = names.of(delivery.destination)
        steps += _past(delivery, name, longest)
        steps += _standing(delivery, name, destinations, now)
    return sorted(steps, key=lambda step: (step.tone == FUTURE, step.at))


def _received(event: LoggedEvent) -> Step:
    late = event.received_at - event.signed_at
    signed = "signed in the same second" if late < 1 else f"signed {words.span(late)} before"
    return Step(event.received_at, "received", "Received, verified and stored", detail=signed)


def _whole(event: LoggedEvent, now: float) -> Iterator[Step]:
    """What concerns no single delivery."""
    if not event.readable:
        detail = f"format {event.format}: deploy the version that stored it again"
        yield Step(now, FUTURE, "Left to a later version of the forwarder", detail=detail)
    elif event.deliveries is None:
        yield Step(
            max(event.due_at or now, now), FUTURE, "Waits for a worker", detail="not fanned out yet"
        )
    elif not event.deliveries:
        yield Step(event.received_at, "filtered", "Bound for nobody", detail="no destinations then")
    if event.claimed_until > now:
        yield Step(now, FUTURE, "A worker has it in hand", detail="just now")
    if event.settled and event.expires_at is not None:
        yield Step(
            event.expires_at, FUTURE, "Leaves the log", detail="settled, and kept until then"
        )


def _past(delivery: Delivery, name: str, longest: int) -> Iterator[Step]:
    """The attempts that are kept, and where a replay began."""
    history = delivery.history
    # A replay counts its attempts anew, and keeps the history of those before.
    current = min(delivery.attempts, len(history))
    before, since = history[: len(history) - current], history[len(history) - current :]
    for past in before:
        yield _attempt(name, past, "attempt before the replay", longest)
    if delivery.replays:
        yield Step(delivery.planned_at, "replayed", f"Replay {delivery.replays} begun", name)
    unseen = delivery.attempts - current
    for number, past in enumerate(since, start=unseen + 1):
        yield _attempt(name, past, f"attempt {number}", longest)


def _attempt(name: str, past: Attempted, which: str, longest: int) -> Step:
    return Step(
        past.at,
        "delivered" if past.succeeded else "failed",
        words.answer(past.answer),
        name,
        which,
        past.milliseconds,
        round(100 * past.milliseconds / longest) if longest else 0,
        said=words.quoted(past.said),
    )


def _standing(
    delivery: Delivery, name: str, destinations: Destinations, now: float
) -> Iterator[Step]:
    """Where the delivery stands: how it ended, or what comes next."""
    last = delivery.history[-1] if delivery.history else None
    ended = max(delivery.planned_at, last.at + last.milliseconds / 1000 if last else 0.0)
    match delivery.status:
        case Status.DEAD_LETTERED:
            yield Step(ended, "dead-lettered", "Dead-lettered", name, words.reason(delivery))
        case Status.FILTERED:
            yield Step(ended, "filtered", "Not sent", name, words.unwanted(delivery))
        case Status.REMOVED:
            yield Step(ended, "removed", "Given up", name, "the destination was removed")
        case Status.PENDING:
            yield _next(delivery, name, destinations, now)


def _next(delivery: Delivery, name: str, destinations: Destinations, now: float) -> Step:
    due = delivery.next_attempt_at
    if delivery.waiting_for:
        why = words.WAITING.get(delivery.waiting_for, words.inert(delivery.waiting_for))
        if delivery.stood_at is None:
            return Step(max(due, now), FUTURE, "Waits, looked at again", name, why)
        waited = f"{why}; for {words.span(now - delivery.stood_at)} now"
        return Step(max(due, now), FUTURE, "Waits in line, looked at by", name, waited)
    configured = destinations.usable.get(delivery.destination)
    of = f" of {configured.max_attempts}" if configured else ""
    which = f"attempt {delivery.attempts + 1}{of}"
    return Step(max(due, now), FUTURE, "Due now" if due <= now else "Next attempt", name, which)
