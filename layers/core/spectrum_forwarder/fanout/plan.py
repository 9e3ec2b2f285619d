"""Plan: read a taken event's body, and have decided what to do with each delivery that is due."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from spectrum_forwarder.domain.delivery import Delivery
from spectrum_forwarder.domain.destination import Content, Destination
from spectrum_forwarder.domain.event import unpack
from spectrum_forwarder.domain.line import position_of
from spectrum_forwarder.domain.order import conversation_of, line_of
from spectrum_forwarder.domain.ports import Clock, Facts, Payloads
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout.configured import Configured, Found
from spectrum_forwarder.fanout.decide import Case, Decision, Settle, Try, Wait, applied, decide
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.take import Taken


@dataclass(slots=True)
class Plan:
    """Each delivery as it now stands, and those to be attempted at once, by identity.

    `open` are attempts without an answer yet, `waits` those that shall stand in lines, and
    `position` is the event's place there.
    """

    taken: Taken
    body: bytes = field(repr=False)
    deliveries: dict[str, Delivery]
    tries: dict[str, Try] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    waits: dict[str, Wait] = field(default_factory=dict)
    position: str = ""


@dataclass(frozen=True, slots=True)
class Planning:
    """Plans for a whole invocation. `deadline` is when it must have ended (Unix seconds)."""

    configured: Configured
    gate: Gate
    payloads: Payloads
    clock: Clock
    facts: Facts
    timing: Timing
    deadline: float
    rng: random.Random

    def plan(self, taken: Taken) -> Plan:
        """Decide on every due delivery; raise PayloadMissing, and the payloads' Unavailable."""
        claimed = taken.claimed
        body = unpack(claimed.packed or self.payloads.get(claimed.payload or ""))
        plan = Plan(taken, body, dict(taken.deliveries))
        content = Content(body)
        if taken.record.place is not None:
            plan.position = position_of(body, claimed.received_at, claimed.event_key)
        for identity, delivery in self._due(plan):
            decision = self._decided(plan, delivery, content)
            plan.deliveries[identity] = applied(decision, delivery)
            if isinstance(decision, Try):
                plan.tries[identity] = decision
            elif isinstance(decision, Wait) and decision.in_line:
                plan.waits[identity] = decision
        plan.open.update(plan.tries)
        stays = any(tried.as_probe or tried.conversation for tried in plan.tries.values())
        stands = any(delivery.stood_at is not None for delivery in taken.deliveries.values())
        if not plan.position and (plan.waits or stays or stands):
            plan.position = position_of(body, claimed.received_at, claimed.event_key)
        return plan

    def _due(self, plan: Plan) -> Iterator[tuple[str, Delivery]]:
        """The deliveries whose time has come, or whose turn it is in their line."""
        taken, now = plan.taken, self.clock()
        for identity, delivery in taken.deliveries.items():
            line = delivery.stands_in
            has_turn = line is not None and taken.led_in(identity, plan.position) == line
            if delivery.is_due(now) or (has_turn and not delivery.settled):
                yield identity, delivery

    def _decided(self, plan: Plan, delivery: Delivery, content: Content) -> Decision:
        taken, identity = plan.taken, delivery.destination
        found = self.configured.find(delivery)
        conversation = _conversation(delivery, found, plan.body)
        case = Case(
            delivery=delivery,
            found=found,
            health=self.gate.health(identity),
            content=content,
            slow_lane=taken.record.slow_lane,
            now=self.clock(),
            ends=min(self.deadline, taken.claimed.until),
            spread=self._spread(identity),
            timing=self.timing,
            line_stands=self.gate.line_stands(identity),
            drains=taken.led_in(identity, plan.position) == line_of(identity, conversation),
            conversation=conversation,
            late=taken.record.late,
        )
        decision = decide(case)
        if isinstance(decision, Try) and decision.as_probe and not self.gate.admits(identity):
            # Another probes: for all others the breaker is open again, and so for this one.
            seen, spread = self.gate.health(identity), self._spread(identity)
            decision = decide(replace(case, health=seen, spread=spread))
        if found.destination is not None:
            self._tell_failure(taken.claimed.event_key, found.destination, decision)
        return decision

    def _tell_failure(self, event_key: str, destination: Destination, decision: Decision) -> None:
        """Tell of a filter that failed, once it decides: what waits is looked at many times."""
        if isinstance(decision, Try | Settle) and decision.filter_failure is not None:
            self.facts(
                "filter.failed",
                event_key=event_key,
                destination=destination.name,
                # Its kind alone: the text quotes the body.
                cause=type(decision.filter_failure).__name__,
                then=destination.on_filter_error.value,
            )

    def _spread(self, identity: str) -> float:
        return self.rng.random() if self.gate.holds_back(identity) else 0.0


def _conversation(delivery: Delivery, found: Found, body: bytes) -> str:
    """The conversation that the delivery is to go out in order with."""
    ordered = found.order is not None and not delivery.keeps_out_of_order
    return conversation_of(body) if ordered else ""
