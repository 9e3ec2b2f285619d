"""Judge: what an answer says of its destination, beside what it makes of the delivery."""

import pytest
from spectrum_forwarder.domain.delivery import NOT_STARTED, TOO_LARGE, Answer
from spectrum_forwarder.domain.health import Health

from tests.support.make import destination_of, stored_of
from tests.support.world import World


@pytest.fixture
def world() -> World:
    """A world in which the breaker of `crm` waits for a probe."""
    world = World()
    world.add(destination_of("crm"))
    world.break_for("crm", -1.0)
    return world


def judged(world: World, answer: Answer) -> Health:
    world.sender.script["crm"] = [answer]
    assert world.fan_out(world.put(stored_of())) == []
    return world.board.health["crm"]


def test_what_is_too_large_says_nothing_of_its_destination(world: World) -> None:
    before = world.board.health["crm"]
    after = judged(world, TOO_LARGE)
    assert (after.failures, after.trips) == (before.failures, before.trips)
    assert world.outcome()[0] == "dead_lettered"


def test_a_refusal_does(world: World) -> None:
    assert judged(world, Answer(status=503)).trips == 2


def test_what_was_not_begun_is_no_attempt(world: World) -> None:
    before = world.board.health["crm"]
    after = judged(world, NOT_STARTED)
    assert (after.failures, after.trips) == (before.failures, before.trips)
    assert world.outcome()[:2] == ("pending", 0)
