"""Replay: new deliveries of a stored event, on an operator's word.

One conditional update begins them, and from there on they are owed like any other: the hint that
follows may be lost. An event that a worker holds at the moment is tried again shortly; what that
worker records is never overwritten.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from spectrum_forwarder.domain.delivery import Delivery, Status, hastened, planned, replayed
from spectrum_forwarder.domain.errors import ItemTooLarge, QueueUnavailable
from spectrum_forwarder.domain.line import hint_to
from spectrum_forwarder.domain.line_ports import Lines
from spectrum_forwarder.domain.log import EventReader, LoggedEvent
from spectrum_forwarder.domain.order import TURN
from spectrum_forwarder.domain.ports import Clock, EventQueue
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import EventTable
from spectrum_forwarder.fanout.fitting import cut

# Seconds between tries at an event that is held, and for how long.
PAUSE, PATIENCE = 0.25, 10.0
# For so long (seconds) a conversation waits for an operator who dies while having it go on.
AWAKE_FOR = 5.0

# Given an event and the time, those of its deliveries that are to be changed, as they shall be:
# none is due before that time.
Change = Callable[[LoggedEvent, float], Mapping[str, Delivery]]


class Outcome(StrEnum):
    """What became of the wish to reopen an event."""

    BEGUN = "begun"
    NOTHING = "nothing"
    BUSY = "busy"
    UNKNOWN = "unknown"
    LATER_FORMAT = "later_format"


@dataclass(frozen=True, slots=True)
class Reopened:
    """The outcome for one event.

    `destinations` are those of the deliveries that were changed; `hinted` is false where the hint
    was lost, and the sweeper will take care.
    """

    event_key: str
    outcome: Outcome
    destinations: tuple[str, ...] = ()
    hinted: bool = True


@dataclass(frozen=True, slots=True)
class Replay:
    """A change: deliveries begun anew.

    `configured` are the destinations there are today, others are left as they were. `destinations`
    limits it to some of them, which need not be the event's own; None means the event's own.
    `status` limits it to deliveries that stand so. A delivery that was begun anew at `begun_at` or
    later is not begun again. What is still owed is left alone.

    `in_order` is for ordered destinations: each stands in its conversation's line, by its message
    time and behind all that was said before the first one was begun there; it keeps when that was.
    """

    configured: frozenset[str]
    destinations: frozenset[str] | None
    status: Status | None
    begun_at: float
    in_order: dict[str | None, float] | None = None

    def __call__(self, event: LoggedEvent, now: float) -> dict[str, Delivery]:
        if event.deliveries is None:
            return {}
        since = None if self.in_order is None else self.in_order.setdefault(event.space_id, now)
        wanted = event.deliveries.keys() if self.destinations is None else self.destinations
        changed: dict[str, Delivery] = {}
        for name in sorted(self.configured.intersection(wanted)):
            delivery = event.deliveries.get(name)
            if delivery is None:
                if self.status is None:
                    changed[name] = replace(planned(name, now), replays=1, in_order_since=since)
            elif self._takes(delivery):
                changed[name] = replayed(delivery, now, since)
        return changed

    def _takes(self, delivery: Delivery) -> bool:
        begun = delivery.replays > 0 and delivery.planned_at >= self.begun_at
        fits = self.status is None or delivery.status is self.status
        return delivery.settled and fits and not begun


@dataclass(frozen=True, slots=True)
class Wake:
    """A change: the deliveries to a destination that was paused are due at `at`.

    But for those that stand in its line: they go on in their order, once it is drained.
    """

    destination: str
    at: float

    def __call__(self, event: LoggedEvent, now: float) -> dict[str, Delivery]:
        delivery = (event.deliveries or {}).get(self.destination)
        if delivery is None or delivery.settled or delivery.waiting_for != "paused":
            return {}
        if delivery.stood_at is not None:
            return {}
        return {self.destination: hastened(delivery, max(self.at, now))}


@dataclass(frozen=True, slots=True)
class Hasten:
    """A change: deliveries that wait for their next attempt are due now, their attempts kept.

    `destinations` limits it as for a replay. What a paused destination is owed goes on waiting,
    and what stands in a line goes out in its order, once that is drained.
    """

    configured: frozenset[str]
    destinations: frozenset[str] | None = None

    def __call__(self, event: LoggedEvent, now: float) -> dict[str, Delivery]:
        return {
            name: hastened(delivery, now)
            for name, delivery in sorted((event.deliveries or {}).items())
            if name in self.configured
            and (self.destinations is None or name in self.destinations)
            and not delivery.settled
            and delivery.waiting_for != "paused"
            and delivery.stood_at is None
            and not delivery.is_due(now)
        }


def resting_in(event: LoggedEvent, destination: str, now: float) -> str | None:
    """The conversation's line where it waits for its retry, or behind one that may, if it does.

    It cannot be hastened by itself: where it stands says when it goes on.
    """
    delivery = (event.deliveries or {}).get(destination)
    if delivery is None or delivery.settled or not delivery.conversation:
        return None
    retries = delivery.waiting_for is None and not delivery.is_due(now)
    return delivery.stands_in if retries or delivery.waiting_for == TURN else None


def rouse(line: str, lines: Lines, queue: EventQueue, *, owner: str, now: float) -> bool:
    """Let a conversation go on whose head waits for a retry; whether it did not go on anyway.

    What was attempted there stays known, so that nothing overtakes. Raises TableUnavailable, and
    QueueUnavailable where whoever looks at the line next has it go on.
    """
    seen, _ = lines.look(line, limit=1)
    if seen.rests_until <= now:
        return False
    awake = replace(seen, holder=owner, until=now + AWAKE_FOR, rests_until=0.0)
    if not lines.take(line, seen=seen, hold=awake, now=now):
        return False
    lines.let_go(line, hold=awake)
    queue.send_hint(hint_to(line), slow=True)
    return True


@dataclass(frozen=True, slots=True)
class Reopener:
    """What reopening needs. `sleep` takes seconds."""

    log: EventReader
    table: EventTable
    queue: EventQueue
    clock: Clock
    sleep: Callable[[float], None]
    timing: Timing
    new_owner: Callable[[], str]

    def reopen(self, event_key: str, change: Change) -> Reopened:
        """Apply a change to an event; raise TableUnavailable.

        Waits for some seconds while a worker holds the event, and then gives up: BUSY.
        """
        owner = self.new_owner()
        deadline = self.clock() + PATIENCE
        while True:
            event = self.log.get(event_key)
            if event is None:
                return Reopened(event_key, Outcome.UNKNOWN)
            if not event.readable:
                return Reopened(event_key, Outcome.LATER_FORMAT)
            now = self.clock()
            if event.claimed_until <= now:
                changed = change(event, now)
                if not changed:
                    return Reopened(event_key, Outcome.NOTHING)
                if self._write(event, changed, owner, now):
                    return self._hint(event_key, changed, now)
            if now + PAUSE > deadline:
                return Reopened(event_key, Outcome.BUSY)
            self.sleep(PAUSE)

    def _write(
        self, event: LoggedEvent, changed: Mapping[str, Delivery], owner: str, now: float
    ) -> bool:
        soonest = min(delivery.next_attempt_at for delivery in changed.values())
        due_at = soonest + self.timing.hint_slack
        if event.due_at is not None:
            due_at = min(due_at, event.due_at)
        whole = {**(event.deliveries or {}), **changed}
        refused: ItemTooLarge | None = None
        # What does not fit is history: an operator's word goes before it.
        for deliveries in (whole, *(fewer for _, fewer in cut(whole))):
            try:
                return self.table.reopen(
                    event, owner=owner, now=now, deliveries=deliveries, due_at=due_at
                )
            except ItemTooLarge as error:
                refused = error
        assert refused is not None
        raise refused

    def _hint(self, event_key: str, changed: Mapping[str, Delivery], now: float) -> Reopened:
        soonest = min(delivery.next_attempt_at for delivery in changed.values())
        try:
            self.queue.send_hint(event_key, delay=soonest - now)
        except QueueUnavailable:
            return Reopened(event_key, Outcome.BEGUN, tuple(changed), hinted=False)
        return Reopened(event_key, Outcome.BEGUN, tuple(changed))
