"""Configured: the destinations as one invocation knows them, and when one is certainly gone.

A worker's copy of the registry may be half a minute old, and older while the registry cannot be
read. So what the copy does not hold decides nothing: it is asked for anew, and a delivery without
an entry waits before it is settled. Nor does an entry decide on a replay that is older than that:
an operator who has just changed it wants the new one.
"""

from dataclasses import dataclass
from enum import Enum, auto

from spectrum_forwarder.domain.delivery import EARLY, Deliveries, Delivery, planned
from spectrum_forwarder.domain.destination import Destination, Destinations, keeps_waiting
from spectrum_forwarder.domain.errors import RegistryUnavailable
from spectrum_forwarder.domain.event import is_canary
from spectrum_forwarder.domain.order import Order
from spectrum_forwarder.domain.ports import Clock
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import Claimed, DestinationRegistry

# What a delivery waits for whose destination is missing, and a replayed one whose destination could
# not be read since.
UNKNOWN, UNREAD = "unknown_destination", "unread_registry"
# A missing destination is looked for in a copy that is no older than this (seconds): whoever bound
# the delivery may have known the newest one, and its clock, an operator's perhaps, may be slow.
RECENT = 5.0
# The clock that a delivery was bound by may be behind by so much (seconds): an operator's is the
# table's, which is told in whole seconds. Else a replay right after a new URL could go to the old.
BEHIND = 1.5
# So long after it was asked, the registry is not asked again by the same invocation.
ASKED_EVERY = 1.0


class Lack(Enum):
    """Why a delivery's destination is of no use now."""

    BROKEN = auto()
    GONE = auto()
    UNKNOWN = auto()
    OLD_COPY = auto()


@dataclass(frozen=True, slots=True)
class Found:
    """A delivery's destination, or why there is none; and how it is ordered, if it is."""

    destination: Destination | None
    lack: Lack | None = None
    order: Order | None = None


class Configured:
    """The registry during one invocation; raises RegistryUnavailable where it was never read."""

    def __init__(self, registry: DestinationRegistry, clock: Clock, timing: Timing) -> None:
        self._registry = registry
        self._clock = clock
        self._scale = min(timing.scale, 1.0)
        self._began = clock()
        self._asked_at = float("-inf")
        self.now: Destinations = registry.load()

    def bound(self, claimed: Claimed, now: float) -> Deliveries:
        """The event's deliveries; at the first claim, one for each destination there is.

        A canary goes to none: that it is claimed and settled is all that is asked of it.
        """
        if claimed.deliveries is not None:
            return claimed.deliveries
        if is_canary(claimed.event_key):
            return {}
        return {identity: planned(identity, now) for identity in self.now.ids()}

    def find(self, delivery: Delivery) -> Found:
        """The delivery's destination, looked for anew where it is missing.

        And where an operator has begun the delivery anew.
        """
        if delivery.destination not in self.now or _is_replay(delivery):
            self._ask(delivery)
        destination = self.now.usable.get(delivery.destination)
        if destination is not None and not self.is_older(delivery):
            return Found(destination, order=destination.order)
        return Found(None, self._lack(delivery, destination), self.order_of(delivery.destination))

    def order_of(self, identity: str) -> Order | None:
        """How the destination is ordered, if it is; of a broken entry, that it says it is."""
        destination = self.now.usable.get(identity)
        if destination is not None:
            return destination.order
        broken = self.now.broken.get(identity)
        return Order() if broken is not None and broken.is_ordered else None

    def renew(self, identity: str) -> None:
        """Ask for a copy as recent as whoever opened the line's way may want it.

        One that does not hold who has a line knows no rate of it either: then for the newest.
        """
        self._read_again(RECENT * self._scale if identity in self.now else 0.0)

    def keeps_waiting(self, identity: str) -> bool:
        """Whether the destination is paused, or its entry broken, by a copy of this invocation's.

        Whoever has just opened the way has hinted at the line at once, and an older copy still says
        that it is closed. Where it cannot be read, the sweeper's next minute has the line drained.
        """
        if keeps_waiting(self.now, identity) and self.now.read_at < self._began:
            self._read_again(0.0)
        return keeps_waiting(self.now, identity)

    def is_older(self, delivery: Delivery) -> bool:
        """Whether the copy may be older than the operator's word that this delivery goes by."""
        return _is_replay(delivery) and not self._is_since(delivery.planned_at)

    def _is_since(self, told_at: float) -> bool:
        """Whether the copy is newer than a word that was given then, by whatever clock.

        This invocation was hinted at the word: what it has read itself is newer.
        """
        read_at = self.now.read_at
        is_own = read_at >= self._began and read_at >= told_at - EARLY * self._scale
        return is_own or read_at >= told_at + BEHIND

    def is_gone(self, delivery: Delivery) -> bool:
        """Whether the delivery's destination was certainly taken away.

        It was missing before, half a minute ago: more than copies of different age, or clocks,
        explain. It is missing still from a copy that was read since then, which holds no entry that
        it might be.
        """
        return (
            delivery.destination not in self.now
            and delivery.waiting_for == UNKNOWN
            and self.now.read_at >= delivery.next_attempt_at - EARLY * self._scale
            and not self.now.nameless
        )

    def _lack(self, delivery: Delivery, destination: Destination | None) -> Lack:
        if destination is not None:
            return Lack.OLD_COPY
        if delivery.destination in self.now.broken:
            return Lack.BROKEN
        return Lack.GONE if self.is_gone(delivery) else Lack.UNKNOWN

    def name_of(self, identity: str) -> str:
        """What people call it."""
        return self.now.name_of(identity)

    def _ask(self, delivery: Delivery) -> None:
        now = self._clock()
        due = max(delivery.planned_at, delivery.next_attempt_at - EARLY * self._scale)
        wanted = max(due, now - RECENT * self._scale)
        is_good = self._is_since(delivery.planned_at) and self.now.read_at >= wanted
        if is_good or now - self._asked_at < ASKED_EVERY * self._scale:
            return
        self._asked_at = now
        self._read_again(0.0)

    def _read_again(self, max_age: float) -> None:
        try:
            self.now = self._registry.load(max_age=max_age)
        except RegistryUnavailable:
            return  # the copy serves on, and decides nothing by what it does not hold


def _is_replay(delivery: Delivery) -> bool:
    """Whether an operator has begun it anew, and it was not attempted since."""
    return delivery.replays > 0 and delivery.attempts == 0
