"""What a failing answer said stands in its delivery's history, once, and nowhere else."""

import pytest
from spectrum_forwarder.adapters.delivery_items import write_deliveries
from spectrum_forwarder.domain.answers import MOST_KEPT
from spectrum_forwarder.domain.delivery import Answer

from tests.support.make import destination_of, stored_of
from tests.support.world import World

HOUR = 3600.0
NONE = ""


def failing(text: str, status: int = 500) -> Answer:
    return Answer(status=status, seconds=0.01, line=b"HTTP/1.1 %d No" % status, said=text.encode())


@pytest.fixture
def world() -> World:
    world = World()
    world.add_quick(destination_of("crm", headers={"X-Key": "canary-of-a-header-51c0"}))
    return world


def said(world: World, name: str = "crm") -> list[str]:
    return [past.said for past in world.delivery(name).history]


def test_of_several_failures_what_the_last_one_said_is_kept(world: World) -> None:
    world.sender.script["crm"] = [failing("the first"), failing("the second", 503)]
    world.receive()
    world.live(HOUR)
    assert said(world) == [NONE, "HTTP/1.1 503 No: the second", NONE]
    assert world.outcome() == ("delivered", 3, None)


def test_a_failure_that_says_nothing_leaves_what_was_said_before(world: World) -> None:
    world.sender.script["crm"] = [failing("why"), Answer(error="timeout"), Answer(error="dns")]
    world.receive()
    world.live(HOUR)
    assert said(world) == ["HTTP/1.1 500 No: why", NONE, NONE, NONE]


def test_what_is_dead_lettered_keeps_what_was_said(world: World) -> None:
    world.sender.script["crm"] = [failing("no such hook", 410)]
    world.fan_out(world.put(stored_of()))
    assert said(world) == ["HTTP/1.1 410 No: no such hook"]


def test_a_destination_that_drops_answers_has_none_kept(world: World) -> None:
    world.add_quick(destination_of("crm", keep_answers=False))
    world.sender.script["crm"] = [failing("why")]
    world.fan_out(world.put(stored_of()))
    assert said(world) == [NONE]
    assert world.delivery("crm").history[0].answer == "500"


def test_what_was_said_is_masked_before_it_is_stored_and_told_to_nobody(world: World) -> None:
    secret = destination_of("crm").signing_secret
    canaries = ["+15550173", secret, "canary-of-a-header-51c0", "hunter2"]
    text = f"{canaries[0]} {secret} {canaries[2]} password=hunter2 and why"
    world.sender.script["crm"] = [failing(text)]
    world.fan_out(world.put(stored_of()))
    (kept,) = said(world)
    assert kept.endswith("and why")
    assert not any(canary in kept for canary in canaries)
    told = repr(world.facts.told)
    assert "and why" not in told
    assert not any(canary in told for canary in canaries)


def test_healthy_events_are_as_large_as_before(world: World) -> None:
    world.fan_out(world.put(stored_of()))
    assert "said" not in repr(write_deliveries({"crm": world.delivery("crm")}))


def test_no_more_than_a_kilobyte_a_delivery_is_kept(world: World) -> None:
    world.sender.script["crm"] = [failing("é\x1b " * 4000)] * 5
    world.receive()
    world.live(HOUR)
    assert sum(len(text.encode()) for text in said(world)) <= MOST_KEPT


def test_what_answers_said_goes_first_where_the_item_grows_too_large(world: World) -> None:
    names = [f"erp-{number}" for number in range(380)]
    world.add_quick(*(destination_of(name) for name in names))
    world.sender.script = {name: [failing("é" * 2000)] for name in names}
    world.fan_out(world.put(stored_of()))
    row = world.row()
    assert row.stored.packed is not None  # the body stays where it is
    assert all(len(world.delivery(name).history) == 1 for name in names)
    assert not any(said(world, name) != [NONE] for name in names)
    (fitted,) = world.facts.named("record.fitted")
    assert fitted["without_answers"] is True
