"""The verdict on one run, once the dust has settled: everything that does not hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spectrum_forwarder.domain.delivery import Deliveries, Delivery, Status
from spectrum_forwarder.domain.retry import DEFAULT_MAX_ATTEMPTS

from tests.prove.ledger import Breach, Invariant, Ledger, Pair
from tests.prove.registries import Registry
from tests.support.in_memory.table import Row

LONGEST_OUTAGE = 4 * 86_400.0


@dataclass(frozen=True)
class Verdict:
    """The accounts, the destinations that there were, and the table at the end (`now`)."""

    ledger: Ledger
    registry: Registry
    rows: Mapping[str, Row]
    now: float

    def breaches(self, left_over: Sequence[str]) -> list[Breach]:
        """Everything that does not hold. `left_over` names what still is in some queue."""
        ledger = self.ledger
        for name in sorted(ledger.acknowledged):
            self._judge_event(name)
        for key, row in self.rows.items():
            if row.due_at is not None:
                ledger.breach(Invariant.NOTHING_OWED, f"{key} is still due")
        for pair, times in ledger.accepted.items():
            allowed = ledger.generations[pair[0]] + ledger.replays[pair] + ledger.ambiguous[pair]
            allowed += max(0, ledger.wholes[pair[0]] - 1)
            if times > allowed:
                ledger.breach(Invariant.ONCE, f"{pair} arrived {times} times, {allowed} explained")
        for record in left_over:
            ledger.breach(Invariant.DRAINED, record)
        return ledger.breaches

    def _judge_event(self, name: str) -> None:
        keys = self.ledger.keys[name]
        ends: list[Deliveries | None] = list(self.ledger.past[name])
        for key in sorted(keys):
            row = self.rows.get(key)
            ends.append(row.deliveries if row else self.ledger.states.get(key))
        if not ends:
            self.ledger.breach(Invariant.NOTHING_OWED, f"{name} is stored nowhere")
        for deliveries in ends:
            if deliveries is None:
                self.ledger.breach(Invariant.NOTHING_OWED, f"{name} is bound for nobody")
            for delivery in (deliveries or {}).values():
                self._judge_delivery(name, delivery)

    def _judge_delivery(self, name: str, delivery: Delivery) -> None:
        pair = (name, delivery.destination)
        if delivery.status is Status.PENDING:
            self.ledger.breach(Invariant.NOTHING_OWED, f"{pair} is pending")
        elif delivery.status is Status.DELIVERED:
            if not self.ledger.accepted[pair]:
                self.ledger.breach(Invariant.DELIVERED, f"{pair} never arrived")
        elif not self._just(delivery, pair):
            detail = f"{pair}: {delivery.status} {delivery.reason}"
            self.ledger.breach(Invariant.JUST_CAUSE, detail)

    def _just(self, delivery: Delivery, pair: Pair) -> bool:
        ledger = self.ledger
        if delivery.status is Status.REMOVED:
            return self.registry.was_away(delivery.destination, delivery.planned_at)
        if delivery.status is Status.FILTERED:
            return any(b"unwanted" in body for body in ledger.bodies[pair[0]])
        reason = delivery.reason or ""
        if reason.startswith("exhausted"):
            return ledger.failed[pair] >= delivery.attempts >= DEFAULT_MAX_ATTEMPTS
        if reason == "gone":
            return pair in ledger.gone
        if reason == "breaker_open":
            down_for_days = self.registry.name_of(delivery.destination) in ledger.down_for_days
            return down_for_days and self.now - delivery.planned_at > LONGEST_OUTAGE
        return reason == "poison" and pair[0] in ledger.poisonous
