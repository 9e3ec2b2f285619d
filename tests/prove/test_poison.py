"""An event that kills its worker ends as poison, and no other does."""

import pytest
from spectrum_forwarder import storing
from spectrum_forwarder.domain.delivery import Status

from tests.prove.scenarios import deliver, world_of
from tests.prove.world import World
from tests.support.make import body_of

MINUTE, HOUR = 60.0, 3600.0


def outcome(world: World, key: str, name: str = "crm") -> tuple[str, str | None]:
    """How a delivery ended, and why."""
    deliveries = world.table.rows[key].deliveries or {}
    delivery = deliveries[world.registry.identity(name)]
    return delivery.status.value, delivery.reason


@pytest.mark.parametrize("others", [0, 1, 9, 25])
def test_an_event_that_kills_its_worker_is_given_up_and_the_others_arrive(others: int) -> None:
    world = world_of("crm")
    world.killers = {"main:poison"}
    keys = [f"main:other-{number}" for number in range(others)]
    for key in [*keys[: others // 2], "main:poison", *keys[others // 2 :]]:
        world.deliver(body_of(key.removeprefix("main:")), key)
    assert world.settle() == []
    assert outcome(world, "main:poison") == (Status.DEAD_LETTERED, "poison")
    for key in keys:
        assert outcome(world, key) == (Status.DELIVERED, None)


@pytest.mark.parametrize("sweeping", [True, False])
def test_what_a_killed_worker_held_arrives_within_two_minutes(sweeping: bool) -> None:
    """The sweeper counts its hints as standing: they come again by the queue alone."""
    world = world_of("crm")
    world.sweeping = sweeping
    world.killers = {"main:m1"}
    deliver(world, "main:m1", "main:m2")
    world.later(1.0, world.killers.clear)
    world.let_pass(2 * MINUTE)
    assert [outcome(world, key)[0] for key in ("main:m1", "main:m2")] == ["delivered"] * 2


def test_two_poisons_are_told_from_the_rest_of_their_batch() -> None:
    world = world_of("crm")
    world.killers = {"main:m0", "main:m5"}
    for number in range(10):
        world.deliver(body_of(f"m{number}"), f"main:m{number}")
    assert world.settle() == []
    given_up = {key for key in world.table.rows if outcome(world, key)[1] == "poison"}
    assert given_up == world.killers


def test_an_event_that_waits_for_the_slow_lane_is_no_poison() -> None:
    world = world_of(new=("crm",))
    deliver(world, "main:m1")
    world.lanes = (False,)
    world.let_pass(10 * HOUR)
    world.lanes = (False, True)
    assert world.settle() == []
    assert outcome(world, "main:m1") == (Status.DELIVERED, None)


@pytest.mark.parametrize("service", ["payloads", "queue", "table", "secrets"])
def test_an_event_that_waits_for_a_service_is_no_poison(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "CHEAPEST_INLINE", 50)
    world = world_of("crm", new=("bot",))
    deliver(world, "main:m1", "main:m2")
    world.later(0.0, lambda: world.fates.down.add(service))
    world.let_pass(10 * HOUR)
    world.fates.down.clear()
    assert world.settle() == []
    for key in ("main:m1", "main:m2"):
        assert [outcome(world, key, name)[0] for name in ("crm", "bot")] == ["delivered"] * 2
