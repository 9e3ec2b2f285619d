"""Record: when an event is looked at again, by which lane's hint, and what failures do to it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import Delivery, Status, held, planned, settled
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.worker_ports import Claimed, Record
from spectrum_forwarder.fanout.claims import Claims
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.judge import Outcome
from spectrum_forwarder.fanout.lines.call import Calls
from spectrum_forwarder.fanout.lines.stand import Standing
from spectrum_forwarder.fanout.record import Recorder
from spectrum_forwarder.fanout.take import Taken

from tests.support.make import stored_of
from tests.support.world import World

KEY = "main:spc-msg-1"


@pytest.fixture
def world() -> World:
    """A world with a stored event, and the destination `quick` known as such."""
    world = World()
    world.board.health["quick"] = Health(quick=True)
    world.put(stored_of())
    return world


def claim(world: World, owner: str = "a") -> Claimed:
    now = world.clock()
    claimed = world.rows.claim(KEY, owner=owner, now=now, until=now + 75)
    assert claimed is not None
    return claimed


def claims(world: World) -> Claims:
    table, payloads = cast(Any, world.table), cast(Any, world.payloads)
    return Claims(table, payloads, world.clock, world.facts, world.timing)


def outcome_of(world: World, claimed: Claimed, deliveries: Mapping[str, Delivery]) -> Outcome:
    return Outcome(Taken(world.hint(KEY), claimed, claimed.deliveries or {}), deliveries)


def delivered(world: World) -> Outcome:
    return outcome_of(
        world, claim(world), {"quick": settled(planned("quick", 1.0), Status.DELIVERED)}
    )


def recorder(world: World) -> Recorder:
    gate = Gate(
        cast(Any, world.health),
        clock=world.clock,
        facts=world.facts,
        timing=world.timing,
    )
    configured = Configured(cast(Any, world.targets), world.clock, world.timing)
    queue = cast(Any, world.queue)
    return Recorder(
        table=cast(Any, world.table),
        claims=claims(world),
        calls=Calls(queue, configured, gate, world.clock, world.facts, world.timing),
        standing=Standing(None, gate, world.clock, world.facts, world.timing),
        queue=queue,
        clock=world.clock,
        sleep=world.clock.advance,
        facts=world.facts,
        timing=world.timing,
        retention_days=14,
        gate=gate,
    )


def due_in(world: World, name: str, seconds: float) -> Delivery:
    return replace(planned(name, world.clock()), next_attempt_at=world.clock() + seconds)


def record(world: World, *deliveries: Delivery) -> None:
    outcome = outcome_of(world, claim(world), {d.destination: d for d in deliveries})
    recorder(world).record(outcome)


def hints(world: World) -> list[tuple[bool, float]]:
    return [(queued.slow, queued.at - world.clock()) for queued in world.memory_queue.queued]


def test_a_settled_event_expires_and_owes_nothing(world: World) -> None:
    record(world, settled(planned("quick", 1.0), Status.DELIVERED))
    assert (world.row().due_at, world.row().claimed_until) == (None, 0)
    assert world.row().expires_at == world.clock() + 14 * 86_400
    assert hints(world) == []


def test_a_retry_soon_is_hinted_at_and_the_sweeper_waits_for_the_hint(world: World) -> None:
    record(world, due_in(world, "quick", 30))
    assert hints(world) == [(False, 30)]
    assert world.row().due_at == world.clock() + 30 + world.timing.claim()


def test_a_hint_to_the_slow_lane_is_waited_for_as_long(world: World) -> None:
    record(world, due_in(world, "slow", 30))
    assert hints(world) == [(True, 30)]
    assert world.row().due_at == world.clock() + 30 + world.timing.hint_slack


def test_each_lane_gets_its_own_hint_and_the_sweeper_the_earlier_time(world: World) -> None:
    record(world, due_in(world, "quick", 300), due_in(world, "slow", 5))
    assert hints(world) == [(False, 300), (True, 5)]
    assert world.row().due_at == world.clock() + 5 + world.timing.hint_slack


@pytest.mark.parametrize(("seconds", "hinted"), [(900, True), (901, False)])
def test_only_what_a_hint_can_wait_for_is_hinted_at(
    world: World, seconds: float, hinted: bool
) -> None:
    record(world, due_in(world, "quick", seconds))
    assert bool(hints(world)) is hinted
    slack = world.timing.claim() if hinted else 0
    assert world.row().due_at == world.clock() + seconds + slack


def test_what_is_due_already_is_hinted_at_without_delay(world: World) -> None:
    record(world, due_in(world, "quick", -50))
    assert hints(world) == [(False, 0)]


def waiting(world: World, name: str, seconds: float) -> Delivery:
    return held(planned(name, world.clock()), world.clock() + seconds, "paused")


@pytest.mark.parametrize("name", ["quick", "slow"])
def test_what_merely_waits_is_left_to_the_sweeper(world: World, name: str) -> None:
    record(world, waiting(world, name, 60))
    assert hints(world) == []
    assert world.row().due_at == world.clock() + 60


def test_a_retry_beside_what_waits_has_its_hint(world: World) -> None:
    record(world, waiting(world, "crm", 60), due_in(world, "quick", 30))
    assert hints(world) == [(False, 30)]
    assert world.row().due_at == world.clock() + 60


def test_what_has_waited_and_is_due_goes_to_its_own_lane(world: World) -> None:
    record(world, waiting(world, "slow", -5))
    assert hints(world) == [(True, 0)]


def test_a_time_that_was_hinted_at_before_is_not_again(world: World) -> None:
    first = due_in(world, "quick", 300)
    record(world, first)
    record(world, first)
    assert hints(world) == [(False, 300)]
    record(world, due_in(world, "quick", 400))
    assert hints(world) == [(False, 300), (False, 400)]


def test_a_time_that_is_about_to_come_is_hinted_at_again(world: World) -> None:
    """Its hint has come, perhaps, a little too early."""
    for seconds, sent in ((0.5, 1), (0.75, 0)):
        world.memory_queue.queued.clear()
        claimed = replace(claim(world), deliveries={"quick": due_in(world, "quick", seconds)})
        recorder(world).record(outcome_of(world, claimed, claimed.deliveries or {}))
        assert len(hints(world)) == sent


@pytest.mark.parametrize(("seconds", "slack"), [(30, True), (900, True), (901, False)])
def test_a_retry_in_its_line_is_looked_at_once_its_hint_there_is_late(
    world: World, seconds: float, slack: bool
) -> None:
    stands = replace(due_in(world, "quick", seconds), stood_at=world.clock(), conversation="chat")
    record(world, stands)
    assert hints(world) == []
    late = world.timing.hint_slack if slack else 0.0
    assert world.row().due_at == world.clock() + seconds + late


@pytest.mark.parametrize(
    ("name", "seconds", "waiting_for", "in_slow_lane"),
    [
        ("slow", 30, None, True),
        ("quick", 30, None, False),
        # Its time is too far off for a hint, or comes without one.
        ("slow", 901, None, False),
        ("quick", 901, None, False),
        ("slow", 30, "paused", False),
    ],
)
def test_the_table_is_told_where_the_hint_is_that_leads_to_the_next_look(
    world: World, name: str, seconds: float, waiting_for: str | None, in_slow_lane: bool
) -> None:
    written: list[Record] = []
    own = world.table.record

    def keep(key: str, *, owner: str, record: Record) -> bool:
        written.append(record)
        return bool(own(key, owner=owner, record=record))

    vars(world.table)["record"] = keep
    record(world, replace(due_in(world, name, seconds), waiting_for=waiting_for))
    assert [each.slow_lane for each in written] == [in_slow_lane]


def test_a_lost_hint_is_told_and_left_to_the_sweeper(world: World) -> None:
    world.queue.fail("send_hint")
    record(world, due_in(world, "quick", 30))
    assert world.facts.named("hint.failed") == [{"event_key": KEY, "cause": "down"}]
    # When the attempt is due, not when its hint would be late.
    assert world.row().due_at == world.clock() + 30


def test_of_two_hints_that_are_lost_the_sweeper_stands_in_for_the_earlier(world: World) -> None:
    world.queue.fail("send_hint")
    record(world, due_in(world, "quick", 300), due_in(world, "slow", 30))
    assert world.row().due_at == world.clock() + 30


def test_a_look_that_is_due_earlier_is_not_put_off_for_a_lost_hint(world: World) -> None:
    world.queue.fail("send_hint")
    record(world, waiting(world, "crm", 60), due_in(world, "quick", 300))
    assert world.row().due_at == world.clock() + 60


def test_another_owners_claim_is_not_recorded_over(world: World) -> None:
    mine = claim(world)
    world.clock.advance(80)
    claim(world, "b")
    delivered = settled(planned("quick", 1.0), Status.DELIVERED)
    recorder(world).record(outcome_of(world, mine, {"quick": delivered}))
    assert world.row().deliveries is None
    assert hints(world) == []
    assert world.facts.named("claim.lost") == [{"event_key": KEY}]


def test_a_failure_of_the_table_is_raised(world: World) -> None:
    world.table.fail("record")
    with pytest.raises(TableUnavailable):
        record(world, due_in(world, "quick", 30))
    assert hints(world) == []


def test_a_late_record_is_tried_with_growing_pauses_until_it_works(world: World) -> None:
    outcome = delivered(world)
    world.table.fail("record", times=5)
    began = world.clock()
    assert recorder(world).record_late(outcome, deadline=began + 50) is None
    assert world.clock() - began == pytest.approx(0.2 + 0.4 + 0.8 + 1.6 + 3.0)
    assert world.row().expires_at is not None


def test_a_late_record_that_is_noted_is_not_waited_for(world: World) -> None:
    outcome = delivered(world)
    world.table.fail("record")
    began, due_at = world.clock(), world.row().due_at
    assert recorder(world).record_late(outcome, deadline=began + 50) is None
    assert world.clock() - began <= 8.0
    assert world.row().deliveries == outcome.deliveries
    assert (world.row().due_at, world.row().claims, world.row().claimed_until) == (due_at, 0, began)


def test_a_late_record_ends_by_its_deadline_with_the_failure_that_is_left(world: World) -> None:
    outcome = delivered(world)
    world.table.fail("record", "note")
    began = world.clock()
    left = recorder(world).record_late(outcome, deadline=began + 50)
    assert isinstance(left, TableUnavailable)
    assert 45 < world.clock() - began <= 50


def test_a_late_record_is_tried_once_more_at_its_deadline(world: World) -> None:
    outcome = delivered(world)
    world.table.fail("record", "note")
    recorder(world).record_late(outcome, deadline=world.clock() + 0.2)
    assert world.table.calls.count("record") == 2


def test_a_release_ends_the_claim_and_keeps_the_event_owed(world: World) -> None:
    assert claims(world).release(claim(world)) == 0
    assert world.row().claimed_until == 0
    assert world.row().due_at == world.clock() + world.timing.hint_slack
    assert (world.row().expires_at, world.row().deliveries) == (None, None)
    assert world.row().overdue_since is None  # no hint in the slow lane leads to it


def test_a_release_that_fails_is_told(world: World) -> None:
    world.table.fail("record", "note")
    held = claim(world)
    assert claims(world).release(held) == held.until
    assert world.facts.named("claim.unreleased") == [{"event_key": KEY, "cause": "down"}]


def test_only_new_dead_letters_are_told(world: World) -> None:
    dead = settled(planned("quick", 1.0), Status.DEAD_LETTERED, "gone")
    record(world, dead, due_in(world, "slow", 5))
    record(world, dead, due_in(world, "slow", 6))
    assert len(world.facts.named("delivery.dead_lettered")) == 1
