"""The gate: one probe at a time, failures shared, and nothing written in calm weather."""

from dataclasses import replace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout.gate import Gate

from tests.support.make import destination_of, stored_of
from tests.support.world import World

FINE = Answer(status=200, seconds=0.01)
BAD = Answer(status=503, seconds=0.01)


@pytest.fixture
def world() -> World:
    return World()


def gate(world: World) -> Gate:
    return Gate(
        cast(Any, world.health),
        clock=world.clock,
        facts=world.facts,
        timing=world.timing,
    )


def broken(world: World, open_for: float) -> Health:
    """A breaker that stays open for so many seconds."""
    until = world.clock() + open_for
    return Health(failures=20, failing_since=1.0, open_until=until, trips=1, quick=True)


def test_an_unknown_destination_is_admitted_and_slow(world: World) -> None:
    assert gate(world).admits("crm")
    assert gate(world).is_slow("crm")


def test_calm_weather_writes_nothing(world: World) -> None:
    world.board.health["crm"] = Health(quick=True)
    for _ in range(5):
        calm = gate(world)
        assert calm.admits("crm")
        calm.saw("crm", FINE)
        calm.publish()
    assert world.health.calls == ["load", "lines"] * 5


def test_the_first_quick_answer_is_written_once(world: World) -> None:
    for _ in range(3):
        seen = gate(world)
        seen.saw("crm", FINE)
        seen.publish()
    assert world.health.calls.count("save") == 1
    assert not gate(world).is_slow("crm")


def test_a_new_destination_is_known_before_the_batch_has_ended(world: World) -> None:
    seeing = gate(world)
    seeing.saw("crm", FINE)
    assert not gate(world).is_slow("crm")
    seeing.saw("crm", FINE)
    seeing.publish()
    assert world.health.calls.count("save") == 1


def test_a_board_that_fails_takes_no_more_of_a_workers_time(world: World) -> None:
    seeing = gate(world)
    world.health.fail("save")
    for destination in ("crm", "crm", "erp"):
        seeing.saw(destination, FINE)
    assert world.health.calls.count("save") == 1


def test_a_new_destination_that_turns_out_slow_is_written_as_such(world: World) -> None:
    seeing = gate(world)
    seeing.saw("crm", FINE)
    seeing.saw("crm", replace(FINE, seconds=8.0))
    seeing.publish()
    assert gate(world).is_slow("crm")


def test_failures_of_several_invocations_add_up_to_an_open_breaker(world: World) -> None:
    for _ in range(13):
        failing = gate(world)
        failing.saw("crm", BAD)
        failing.publish()
        world.clock.advance(10)
    assert gate(world).holds_back("crm")
    (told,) = world.facts.named("breaker.opened")
    assert told == {"destination": "crm", "trips": 1}


def test_an_open_breaker_admits_nobody(world: World) -> None:
    world.board.health["crm"] = broken(world, 30)
    assert gate(world).holds_back("crm")
    assert not gate(world).admits("crm")
    assert world.health.calls.count("save") == 0


def test_after_the_cool_down_one_probe_is_admitted(world: World) -> None:
    world.board.health["crm"] = broken(world, 0)
    one, other = gate(world), gate(world)
    assert [one.admits("crm"), one.admits("crm"), other.admits("crm")] == [True, False, False]
    assert len(world.facts.named("breaker.probed")) == 1


def test_who_is_admitted_as_a_probe_tells_so_and_who_is_not_tells_nothing(world: World) -> None:
    world.board.health["crm"] = broken(world, 0)
    one, other = gate(world), gate(world)
    assert one.admits("crm")
    assert world.facts.named("breaker.probed") == [{"destination": "crm"}]
    assert not other.admits("crm")
    assert len(world.facts.named("breaker.probed")) == 1


@pytest.mark.parametrize(("scale", "rest"), [(1.0, 30.0), (0.5, 15.0)])
def test_a_rest_that_is_asked_for_is_that_of_its_destination(
    world: World, scale: float, rest: float
) -> None:
    world.timing = Timing(scale)
    resting = gate(world)
    assert resting.rests_until("crm") == 0.0
    resting.saw("crm", Answer(status=429, seconds=0.01, retry_after=30.0))
    resting.saw("crm", Answer(status=429, seconds=0.01, retry_after=4.0))
    assert resting.rests_until("crm") == world.clock() + rest
    assert resting.rests_until("erp") == 0.0


def test_a_good_probe_closes_the_breaker_for_all(world: World) -> None:
    world.board.health["crm"] = broken(world, 0)
    probing = gate(world)
    probing.admits("crm")
    probing.saw("crm", FINE)
    probing.publish()
    assert gate(world).admits("crm")
    assert world.facts.named("breaker.closed") == [{"destination": "crm", "trips": 0}]


def test_a_bad_probe_opens_it_for_longer(world: World) -> None:
    world.board.health["crm"] = broken(world, 0)
    probing = gate(world)
    probing.admits("crm")
    probing.saw("crm", BAD)
    probing.publish()
    assert world.board.health["crm"].open_until == world.clock() + 50
    assert world.board.health["crm"].trips == 2


def test_others_do_not_notice(world: World) -> None:
    world.board.health["crm"] = broken(world, 30)
    assert gate(world).admits("erp")


def test_a_board_that_cannot_be_written_is_told_and_raises_nothing(world: World) -> None:
    world.health.fail("save")
    failing = gate(world)
    failing.saw("crm", BAD)
    failing.publish()
    assert world.facts.named("health.unsaved") == [{"destination": "crm", "cause": "down"}]


def test_a_probe_that_cannot_be_reserved_is_not_made(world: World) -> None:
    world.board.health["crm"] = broken(world, 0)
    world.health.fail("save")
    assert not gate(world).admits("crm")


def test_a_stale_view_does_not_close_a_breaker_that_another_worker_opened(world: World) -> None:
    stale = gate(world)
    world.board.health["crm"] = broken(world, 30)
    stale.saw("crm", BAD)
    stale.publish()
    assert gate(world).holds_back("crm")


def test_a_success_closes_a_breaker_whoever_opened_it(world: World) -> None:
    stale = gate(world)
    world.board.health["crm"] = broken(world, 30)
    stale.saw("crm", FINE)
    stale.publish()
    assert not gate(world).holds_back("crm")


def test_after_a_failure_nothing_more_is_published(world: World) -> None:
    """A call to a table that hangs takes seconds, and the worker has outcomes to record."""
    world.health.fail("save")
    failing = gate(world)
    for destination in ("a", "b", "c"):
        failing.saw(destination, BAD)
    failing.publish()
    assert world.health.calls.count("save") == 1


def test_after_a_failure_no_probe_is_asked_for(world: World) -> None:
    for destination in ("a", "b", "c"):
        world.board.health[destination] = broken(world, 0)
    world.health.fail("save")
    failing = gate(world)
    assert not any(failing.admits(destination) for destination in ("a", "b", "c"))
    assert world.health.calls.count("save") == 1


def test_those_who_wait_for_a_breaker_by_themselves_come_again_spread_over_five_seconds(
    world: World,
) -> None:
    world.add_quick(destination_of("crm"))
    world.break_for("crm", 30.0)
    opens_at = world.board.health["crm"].open_until
    world.lines.fail("put")
    names = [f"m{n}" for n in range(5)]
    world.fan_out(*(world.put(stored_of(name)) for name in names))
    times = {world.delivery("crm", f"main:{name}").next_attempt_at for name in names}
    assert len(times) == 5
    assert opens_at < min(times) < max(times) < opens_at + 5.0
