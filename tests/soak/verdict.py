"""What a soak has shown: each promise, and everything that speaks against it.

What arrived is judged by the accounts, what is owed by the table.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from spectrum_forwarder.domain.delivery import Delivery, Status
from spectrum_forwarder.domain.log import EventReader

from tests.soak.accounts import Accounts, SentEvent
from tests.soak.operator import Operator, Replay
from tests.soak.places import CHANGING, DEAD, FLAKY, HEALTHY, SLOW

# A worker's copy of the destinations is so old at most when it binds an event by it (seconds): half
# a minute, and as long as an invocation may last.
COPY_AGE = 95.0


@dataclass(frozen=True)
class Verdict:
    """`lost_claims` are the events whose worker was killed before it could record, once a time."""

    accounts: Accounts
    operator: Operator
    log: EventReader
    lost_claims: Counter[str] = field(default_factory=Counter)
    deliveries: dict[str, Mapping[str, Delivery]] = field(default_factory=dict)

    def read(self) -> None:
        """Read from the table what became of each acknowledged event."""
        for event in self.accounts.acknowledged():
            logged = self.log.get(event.event_key or "")
            self.deliveries[event.digest] = (logged.deliveries or {}) if logged else {}

    def lost(self) -> list[str]:
        """Whatever was acknowledged and is neither delivered nor owed."""
        acknowledged = self.accounts.acknowledged()
        found = [
            f"{event.event_key} never came to {place}"
            for place in (HEALTHY, SLOW, FLAKY)
            for event in self.accounts.missing(place, acknowledged)
        ]
        for event in acknowledged:
            found += self._given_up(event)
        return found + list(self._lost_by_changing(acknowledged))

    def _given_up(self, event: SentEvent) -> Iterator[str]:
        """Deliveries that are not there, or ended as they may not."""
        deliveries = self.deliveries[event.digest]
        by_name = {identity.partition(".")[0]: d for identity, d in deliveries.items()}
        for name in (HEALTHY, SLOW, FLAKY, DEAD):
            if name not in by_name:
                yield f"{event.event_key} is not bound for {name}"
        removed = {era.identity for era in self.operator.eras if era.removed_at is not None}
        for identity, delivery in deliveries.items():
            allowed = {Status.DELIVERED}
            if identity.partition(".")[0] == DEAD:
                allowed = {Status.PENDING, Status.DEAD_LETTERED}
            elif identity in removed:
                allowed |= {Status.PENDING, Status.REMOVED}
            if delivery.status not in allowed:
                yield f"{event.event_key} at {identity}: {delivery.status} {delivery.reason or ''}"

    def _lost_by_changing(self, acknowledged: list[SentEvent]) -> Iterator[str]:
        """What came while `changing` was surely known, and what was replayed to it at last."""
        for era in self.operator.eras:
            for event in acknowledged:
                bound_by = self.accounts.first_at.get((HEALTHY, event.digest), float("inf"))
                at = event.acknowledged_at or 0.0
                if at < era.added_at + COPY_AGE or bound_by > (era.removed_at or float("inf")):
                    continue
                if era.identity not in self.deliveries[event.digest]:
                    yield f"{event.event_key} is not bound for {era.place}"
        last = self.operator.eras[-1]
        bound = [e for e in acknowledged if last.identity in self.deliveries[e.digest]]
        for event in self.accounts.missing(last.place, bound):
            yield f"{event.event_key} never came to {last.place}"
        for replay in self.operator.replays:
            if replay.place == last.place:
                asked = [event for event in acknowledged if self._asked(replay, event)]
                for event in self.accounts.missing(last.place, asked):
                    yield f"{event.event_key} was replayed and never came to {last.place}"

    def _asked(self, replay: Replay, event: SentEvent) -> bool:
        """Whether a replay surely took the event: what nobody has looked at yet it leaves out."""
        looked_at = self.accounts.first_at.get((HEALTHY, event.digest), float("inf"))
        return replay.since + 1 < event.sent_at and looked_at + 1 < replay.until

    def doubled(self) -> list[str]:
        """Copies that no killed worker explains."""
        found = []
        for (place, digest), times in self.accounts.copies().items():
            event = self.accounts.events.get(digest)
            explained = self.lost_claims[(event.event_key or "") if event else ""]
            if times > explained:
                found.append(f"{event and event.event_key} came {times} times too often to {place}")
        return found

    def all_copies(self) -> int:
        """How many copies came at all; a killed worker explains those that are not doubled."""
        return sum(self.accounts.copies().values())

    def changed(self) -> list[str]:
        """What arrived and was never sent so."""
        known = self.accounts.events.keys() | self.accounts.forged
        found = [
            f"at {a.place}: {a.webhook_id}" for a in self.accounts.arrivals if a.digest not in known
        ]
        return found + [f"{n} did not verify at {p}" for p, n in self.accounts.unverified.items()]

    def misled(self) -> list[str]:
        """Forgeries that arrived, and events at an address that was not theirs."""
        accounts = self.accounts
        found = [
            f"a forgery came to {a.place}" for a in accounts.arrivals if a.digest in accounts.forged
        ]
        identities = {era.place: era.identity for era in self.operator.eras}
        for arrival in accounts.arrivals:
            bound = self.deliveries.get(arrival.digest)
            if not arrival.place.startswith(CHANGING) or bound is None:
                continue
            if identities[arrival.place] not in bound:
                found.append(f"{arrival.webhook_id} came to {arrival.place}, not bound for it")
        return found
