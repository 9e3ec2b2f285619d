"""Small wrong versions of the use cases: each must break an invariant, or the proofs prove nothing.

Each is a plausible mistake, made by replacing one method of the real code.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest
from spectrum_forwarder.domain.delivery import Delivery, Status, planned, settled
from spectrum_forwarder.domain.errors import NotDurable, QueueUnavailable, Unavailable
from spectrum_forwarder.domain.event import Event
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.outbound import outbound_headers
from spectrum_forwarder.domain.ports import Existing, StoredEvent
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import Claimed, Overdue, QueueRecord, Record
from spectrum_forwarder.fanout import attempt, decide, poison
from spectrum_forwarder.fanout import record as recording
from spectrum_forwarder.fanout.batch import FanOut
from spectrum_forwarder.fanout.claims import Claims
from spectrum_forwarder.fanout.decide import Case, Settle, Wait
from spectrum_forwarder.fanout.judge import Outcome
from spectrum_forwarder.fanout.record import Hint, Recorder
from spectrum_forwarder.fanout.take import Taken, Taking
from spectrum_forwarder.hinting import Hinting
from spectrum_forwarder.receive import Receiver
from spectrum_forwarder.shards import Shard
from spectrum_forwarder.storing import EventStore, Placed
from spectrum_forwarder.sweep import Sweeper, Swept

from tests.prove.ledger import Invariant
from tests.prove.watched_table import WatchedTable
from tests.support.in_memory.queue import MemoryQueue

Patch = pytest.MonkeyPatch
NEVER = 1e12
FORTNIGHT = 14 * 86_400.0

# The methods as they are, for those that change only a part.
next_of = Recorder._next
record_of = WatchedTable.record
put_of = WatchedTable.put
make_durable_of = Receiver._make_durable
take_of = Taking.take


def forgotten_when_the_send_fails(patch: Patch) -> None:
    def after(self: Recorder, outcome: Outcome) -> tuple[Record, list[Hint]]:
        return Record(outcome.deliveries, None, self.clock() + FORTNIGHT), []

    patch.setattr(Recorder, "_next", after)


def no_sweeper(patch: Patch) -> None:
    patch.setattr(Sweeper, "sweep", lambda self, *, deadline: Swept(0, 0.0, 0))


def claim_shorter_than_the_function(patch: Patch) -> None:
    claim_of = WatchedTable.claim

    def claim(
        self: WatchedTable, event_key: str, *, owner: str, now: float, until: float
    ) -> Claimed | None:
        claimed = claim_of(self, event_key, owner=owner, now=now, until=now + 5.0)
        return replace(claimed, until=until) if claimed else None

    patch.setattr(WatchedTable, "claim", claim)


def claim_too_short_to_attempt_anything(patch: Patch) -> None:
    patch.setattr(Timing, "claim", lambda self, longest_attempt=0.0: 5.0)


def claim_refused_is_a_failure(patch: Patch) -> None:
    def take(self: Taking, record: QueueRecord) -> Taken | None:
        taken = take_of(self, record)
        kept = self.keeping.kept
        if taken is None and all(other is not record for other, _ in kept):
            kept.append((record, 0.0))
        return taken

    patch.setattr(Taking, "take", take)


def claim_without_regard_to_the_holder(patch: Patch) -> None:
    claim_of = WatchedTable.claim

    def claim(
        self: WatchedTable, event_key: str, *, owner: str, now: float, until: float
    ) -> Claimed | None:
        if event_key in self.rows:
            self.rows[event_key].claimed_until = 0.0
        return claim_of(self, event_key, owner=owner, now=now, until=until)

    patch.setattr(WatchedTable, "claim", claim)


def claimed_in_the_events_own_name(patch: Patch) -> None:
    """Then any worker may ask for a claim again, and have it."""
    claim_of = WatchedTable.claim

    def claim(
        self: WatchedTable, event_key: str, *, owner: str, now: float, until: float
    ) -> Claimed | None:
        return claim_of(self, event_key, owner=event_key, now=now, until=until)

    patch.setattr(WatchedTable, "claim", claim)


def duplicate_answered_before_durable(patch: Patch) -> None:
    def make_durable(self: Receiver, event: Event, receipt: str) -> tuple[str, str]:
        # All receivers of a world have its clock, and each run a copy.
        seen: set[str] = vars(self.clock).setdefault("seen", set())
        if event.key in seen:
            return "duplicate", event.key
        seen.add(event.key)
        return make_durable_of(self, event, receipt)

    patch.setattr(Receiver, "_make_durable", make_durable)


def duplicate_put_over_the_first(patch: Patch) -> None:
    def put(
        self: WatchedTable, stored: StoredEvent, *, receipt: str, now: float, due_at: float
    ) -> Existing | None:
        known = stored.event.key in self.rows
        put_of(self, stored, receipt=receipt, now=now, due_at=due_at)
        if known:
            row = self.rows[stored.event.key]
            row.due_at, row.deliveries, row.claimed_until = due_at, None, 0.0
        return None

    patch.setattr(WatchedTable, "put", put)


def answered_although_nothing_took_it(patch: Patch) -> None:
    patch.setattr(Receiver, "_queue_whole", lambda self, stored, cause: None)


def settled_on_the_first_success(patch: Patch) -> None:
    def after(self: Recorder, outcome: Outcome) -> tuple[Record, list[Hint]]:
        deliveries = dict(outcome.deliveries)
        if any(delivery.status is Status.DELIVERED for delivery in deliveries.values()):
            deliveries = {n: settled(d, Status.DELIVERED) for n, d in deliveries.items()}
        return next_of(self, replace(outcome, deliveries=deliveries))

    patch.setattr(Recorder, "_next", after)


def one_failure_repeats_all(patch: Patch) -> None:
    def after(self: Recorder, outcome: Outcome) -> tuple[Record, list[Hint]]:
        deliveries: Mapping[str, Delivery] = outcome.deliveries
        if any(d.attempts and not d.settled for d in deliveries.values()):
            deliveries = {name: planned(name, self.clock()) for name in deliveries}
        return next_of(self, replace(outcome, deliveries=deliveries))

    patch.setattr(Recorder, "_next", after)


def put_with_nothing_owed(patch: Patch) -> None:
    def put(self: EventStore, fitted: StoredEvent, *, receipt: str, now: float) -> Placed:
        existing = self.table.put(fitted, receipt=receipt, now=now, due_at=NEVER)
        return Placed(fitted.event.key, existing)

    patch.setattr(EventStore, "put", put)


def retry_left_to_the_hint_alone(patch: Patch) -> None:
    def after(self: Recorder, outcome: Outcome) -> tuple[Record, list[Hint]]:
        record, hints = next_of(self, outcome)
        return (replace(record, due_at=NEVER) if hints else record), hints

    patch.setattr(Recorder, "_next", after)


def own_failure_deletes_the_queue_record(patch: Patch) -> None:
    fan_out_of = FanOut.fan_out

    def fan_out(self: FanOut, records: list[QueueRecord], *, deadline: float) -> list[str]:
        fan_out_of(self, records, deadline=deadline)
        return []

    patch.setattr(FanOut, "fan_out", fan_out)


def late_record_not_tried(patch: Patch) -> None:
    def give_up(self: Recorder, outcome: Outcome, *, deadline: float) -> Unavailable:
        return Unavailable("not tried")

    patch.setattr(Recorder, "record_late", give_up)


def what_is_owed_expires(patch: Patch) -> None:
    def put(
        self: WatchedTable, stored: StoredEvent, *, receipt: str, now: float, due_at: float
    ) -> Existing | None:
        existing = put_of(self, stored, receipt=receipt, now=now, due_at=due_at)
        self.rows[stored.event.key].expires_at = now + FORTNIGHT
        return existing

    def record(self: WatchedTable, event_key: str, *, owner: str, record: Record) -> bool:
        expires_at = self.rows[event_key].expires_at
        return record_of(
            self, event_key, owner=owner, record=replace(record, expires_at=expires_at)
        )

    patch.setattr(WatchedTable, "put", put)
    patch.setattr(WatchedTable, "record", record)


def breaker_never_probed(patch: Patch) -> None:
    patch.setattr(Health, "may_be_probed", lambda self, now: False)


def pause_counted_as_an_outage(patch: Patch) -> None:
    behind_breaker_of = decide._behind_breaker

    def behind_breaker(case: Case) -> Wait | Settle:
        return behind_breaker_of(replace(case, health=replace(case.health, failing_since=0.0)))

    patch.setattr(decide, "_behind_breaker", behind_breaker)


def outage_taken_for_poison(patch: Patch) -> None:
    patch.setattr(Claims, "release", lambda self, claimed: 0.0)


def a_failed_record_is_a_death(patch: Patch) -> None:
    patch.setattr(Claims, "note", lambda self, claimed, deliveries, cause: False)
    patch.setattr(Claims, "hold", lambda self, claimed, cause: False)


def delivered_again_though_nothing_can_be_written(patch: Patch) -> None:
    patch.setattr(Claims, "prove", lambda self, claimed, deliveries: True)


def suspects_not_struck(patch: Patch) -> None:
    patch.setattr(poison.Strikes, "count", lambda self, taken: 0)


def webhook_id_new_on_every_attempt(patch: Patch) -> None:
    def headers(*given: object, outgoing_id: str, now: float, **more: object) -> dict[str, str]:
        fresh = f"{outgoing_id}-{now}"
        return outbound_headers(*given, outgoing_id=fresh, now=now, **more)  # type: ignore[arg-type]

    patch.setattr(attempt, "outbound_headers", headers)


def what_waits_hints_at_itself(patch: Patch) -> None:
    patch.setattr(recording, "_waits", lambda delivery, now: False)


def swept_without_a_hint(patch: Patch) -> None:
    def hint(self: Hinting, shard: Shard, wanting: list[Overdue]) -> None:
        for overdue in wanting:
            self.table.postpone(overdue, until=NEVER)

    patch.setattr(Hinting, "hint", hint)


@dataclass(frozen=True)
class Mutant:
    """A mistake, the invariant that it breaks first, and the world to look at first, by name.

    Named where it is not among the first of those that the mistake is about.
    """

    make: Callable[[Patch], None]
    breaks: Invariant
    shows_in: str = ""

    def __str__(self) -> str:
        return self.make.__name__.replace("_", " ")


MUTANTS = (
    Mutant(forgotten_when_the_send_fails, Invariant.NOTHING_OWED),
    Mutant(no_sweeper, Invariant.NOTHING_OWED),
    Mutant(
        claim_shorter_than_the_function, Invariant.ONCE, "a slow destination, its hint repeated"
    ),
    Mutant(claim_too_short_to_attempt_anything, Invariant.CALM),
    Mutant(claim_refused_is_a_failure, Invariant.DRAINED),
    Mutant(claim_without_regard_to_the_holder, Invariant.ONCE),
    Mutant(claimed_in_the_events_own_name, Invariant.ONCE),
    Mutant(
        duplicate_answered_before_durable, Invariant.DURABLE_FIRST, "one event, one destination"
    ),
    Mutant(duplicate_put_over_the_first, Invariant.ONCE),
    Mutant(answered_although_nothing_took_it, Invariant.DURABLE_FIRST),
    Mutant(settled_on_the_first_success, Invariant.DELIVERED),
    Mutant(one_failure_repeats_all, Invariant.ONCE),
    Mutant(put_with_nothing_owed, Invariant.NOTHING_OWED),
    Mutant(retry_left_to_the_hint_alone, Invariant.NOTHING_OWED, "refused when its turn comes"),
    Mutant(own_failure_deletes_the_queue_record, Invariant.NOTHING_OWED),
    Mutant(late_record_not_tried, Invariant.ONCE, "no outcome can be recorded for 10 h"),
    Mutant(what_is_owed_expires, Invariant.NOTHING_OWED),
    Mutant(breaker_never_probed, Invariant.JUST_CAUSE),
    Mutant(pause_counted_as_an_outage, Invariant.JUST_CAUSE),
    Mutant(outage_taken_for_poison, Invariant.JUST_CAUSE),
    Mutant(a_failed_record_is_a_death, Invariant.JUST_CAUSE, "no outcome can be recorded for 10 h"),
    Mutant(
        delivered_again_though_nothing_can_be_written,
        Invariant.ONCE,
        "nothing can be written down for 10 h",
    ),
    Mutant(suspects_not_struck, Invariant.NOTHING_OWED),
    Mutant(webhook_id_new_on_every_attempt, Invariant.ONE_ID),
    Mutant(what_waits_hints_at_itself, Invariant.DRAINED, "the lines down for 10 h"),
    Mutant(swept_without_a_hint, Invariant.NOTHING_OWED),
)


def hint_never_sent(patch: Patch) -> None:
    patch.setattr(Receiver, "_hint", lambda self, event_key: True)


def lost_hint_answered_503(patch: Patch) -> None:
    def hint(self: Receiver, event_key: str) -> None:
        try:
            self.queue.send_hint(event_key)
        except QueueUnavailable as error:
            raise NotDurable from error

    patch.setattr(Receiver, "_hint", hint)


def every_hint_sent_twice(patch: Patch) -> None:
    send_hint_of = MemoryQueue.send_hint

    def send_hint(
        self: MemoryQueue, event_key: str, *, delay: float = 0.0, slow: bool = False
    ) -> None:
        for _ in range(2):
            send_hint_of(self, event_key, delay=delay, slow=slow)

    patch.setattr(MemoryQueue, "send_hint", send_hint)


# Worse, but nothing is lost or doubled by them: hints are only hints.
HARMLESS = (hint_never_sent, lost_hint_answered_503, every_hint_sent_twice)
