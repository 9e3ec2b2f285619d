"""The plan for one claimed event: what to do now with each delivery that is due."""

from dataclasses import dataclass, field

from spectrum_forwarder.configured import UNKNOWN, UNREAD, Configured
from spectrum_forwarder.domain.delivery import Deliveries, Delivery, Status, held, planned, settled
from spectrum_forwarder.domain.destination import WANTED, Content, Destination, Wish
from spectrum_forwarder.domain.event import is_canary
from spectrum_forwarder.domain.ports import Clock, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import Claimed
from spectrum_forwarder.gate import Gate

# A delivery that a breaker has kept waiting for longer than every retry would take is given up.
LONGEST_OUTAGE = 4 * 86_400.0
# Nothing is begun that could not be recorded in time.
RECORDING = 2.0
# The reason of a delivery that is filtered because its filter could not be evaluated.
FILTER_FAILED = "filter_failed"


@dataclass(slots=True)
class Plan:
    """Each delivery as it now stands, and those to be attempted at once, by identity."""

    deliveries: dict[str, Delivery]
    attempts: dict[str, Destination] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planner:
    """Decides for a whole invocation. `deadline` is when it must have ended (Unix seconds)."""

    configured: Configured
    gate: Gate
    clock: Clock
    timing: Timing
    deadline: float
    facts: Facts

    def plan(self, claimed: Claimed, body: bytes, *, slow_lane: bool) -> Plan:
        """Decide on every due delivery; an event's destinations are fixed at its first plan."""
        now = self.clock()
        deliveries = self.bound(claimed, now)
        plan = Plan(dict(deliveries))
        content = Content(body)
        for delivery in deliveries.values():
            if delivery.is_due(now):
                self._decide(plan, delivery, content, claimed, slow_lane)
        return plan

    def bound(self, claimed: Claimed, now: float) -> Deliveries:
        """The event's deliveries; at the first claim, one for each destination there is.

        A canary goes to none: that it is claimed and settled is all that is asked of it.
        """
        if claimed.deliveries is not None:
            return claimed.deliveries
        if is_canary(claimed.event_key):
            return {}
        return {identity: planned(identity, now) for identity in self.configured.now.ids()}

    def begin_by(self, destination: Destination, claimed: Claimed) -> float:
        """The last moment to begin an attempt that ends within the invocation and the claim."""
        return min(self.deadline, claimed.until) - destination.timeout_seconds - RECORDING

    def _decide(
        self, plan: Plan, delivery: Delivery, content: Content, claimed: Claimed, slow_lane: bool
    ) -> None:
        identity, now = delivery.destination, self.clock()
        destination = self.configured.find(delivery)
        if destination is None:
            plan.deliveries[identity] = self._without_entry(delivery, now)
        elif self.configured.is_older(delivery):
            plan.deliveries[identity] = self._in_doubt(delivery, now, UNREAD)
        elif not (wish := _wish(delivery, destination, content)).taken:
            plan.deliveries[identity] = self._filtered(delivery, destination, claimed, wish)
        elif not destination.enabled:
            plan.deliveries[identity] = held(delivery, self._patience(delivery, now), "paused")
        elif self.gate.holds_back(identity):
            plan.deliveries[identity] = self._held_by_breaker(delivery, now)
        elif self._belongs_here(identity, slow_lane) and now <= self.begin_by(destination, claimed):
            self._attempt(plan, delivery, destination, claimed, wish)

    def _without_entry(self, delivery: Delivery, now: float) -> Delivery:
        if delivery.destination in self.configured.now.broken:
            return held(delivery, self._patience(delivery, now), "broken_entry")
        if self.configured.is_gone(delivery):
            return settled(delivery, Status.REMOVED)
        return self._in_doubt(delivery, now, UNKNOWN)

    def _in_doubt(self, delivery: Delivery, now: float, waiting_for: str) -> Delivery:
        until = now + self.timing.doubt
        if delivery.waiting_for == waiting_for:  # the registry is of no help, for how long ever
            until = max(until, now + self.timing.patience(now - delivery.planned_at))
        return held(delivery, until, waiting_for)

    def _filtered(
        self, delivery: Delivery, destination: Destination, claimed: Claimed, wish: Wish
    ) -> Delivery:
        self._tell_failure(destination, claimed, wish)
        return settled(delivery, Status.FILTERED, FILTER_FAILED if wish.failure else None)

    def _attempt(
        self,
        plan: Plan,
        delivery: Delivery,
        destination: Destination,
        claimed: Claimed,
        wish: Wish,
    ) -> None:
        if self.gate.admits(destination.id):
            self._tell_failure(destination, claimed, wish)
            plan.attempts[destination.id] = destination
        else:
            plan.deliveries[destination.id] = self._held_by_breaker(delivery, self.clock())

    def _tell_failure(self, destination: Destination, claimed: Claimed, wish: Wish) -> None:
        """Tell of a filter that failed, once it decides: what waits is looked at many times."""
        if wish.failure is not None:
            self.facts(
                "filter.failed",
                event_key=claimed.event_key,
                destination=destination.name,
                # Its kind alone: the text quotes the body.
                cause=type(wish.failure).__name__,
                then=destination.on_filter_error.value,
            )

    def _held_by_breaker(self, delivery: Delivery, now: float) -> Delivery:
        # A delivery that was paused before is not to blame for its age.
        waiting_since = max(delivery.planned_at, self.gate.failing_since(delivery.destination))
        waited = now - waiting_since
        if waited > LONGEST_OUTAGE * self.timing.scale:
            return settled(delivery, Status.DEAD_LETTERED, "breaker_open")
        # Each look at each of a backlog costs, and an outage of days has many five minutes.
        reopens_at = self.gate.reopens_at(delivery.destination)
        return held(delivery, max(reopens_at, now + self.timing.patience(waited)), "breaker")

    def _belongs_here(self, identity: str, slow_lane: bool) -> bool:
        return slow_lane or not self.gate.is_slow(identity)

    def _patience(self, delivery: Delivery, now: float) -> float:
        return now + self.timing.hold(now - delivery.planned_at)


def _wish(delivery: Delivery, destination: Destination, content: Content) -> Wish:
    """What the filter says; a delivery that was attempted once is not asked about again."""
    return content.wanted_by(destination) if delivery.attempts == 0 else WANTED
