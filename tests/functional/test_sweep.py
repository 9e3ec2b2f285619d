"""Sweep: hints for what is overdue, once, whatever fails in between."""

import pytest
from spectrum_forwarder.domain.ports import SHARDS

from tests.support.make import stored_of
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def put(world: World, count: int, *, due_in: float = -1.0) -> set[str]:
    """Store events that come due in so many seconds; return their keys."""
    keys = set()
    for number in range(count):
        stored = stored_of(f"m{number}")
        world.rows.put(stored, receipt="r", now=world.clock(), due_at=world.clock() + due_in)
        keys.add(stored.event.key)
    return keys


def hinted(world: World) -> list[str]:
    return [queued.body for queued in world.memory_queue.queued]


def test_every_overdue_event_is_hinted_at_once(world: World) -> None:
    keys = put(world, 250)
    swept = world.sweep()
    assert (swept.hints, swept.failed_shards) == (250, 0)
    assert len(hinted(world)) == len(set(hinted(world))) == len(keys)


def test_hints_are_sent_by_ten(world: World) -> None:
    put(world, 250)
    world.sweep()
    assert world.queue.calls.count("send_hints") <= 25 + SHARDS


def test_what_is_not_due_is_left_alone(world: World) -> None:
    put(world, 20, due_in=5.0)
    assert world.sweep().hints == 0
    assert "postpone" not in world.table.calls


def test_a_backlog_is_not_multiplied_by_further_sweeps(world: World) -> None:
    put(world, 30)
    for _ in range(9):
        world.sweep()
        world.clock.advance(60)
    assert len(hinted(world)) == 30


def test_a_lost_hint_is_sent_again_when_the_event_comes_due_once_more(world: World) -> None:
    put(world, 3)
    world.sweep()
    world.memory_queue.queued.clear()
    world.clock.advance(world.timing.backlog + 1)
    assert world.sweep().hints == 3


def test_a_queue_that_is_down_delays_and_loses_nothing(world: World) -> None:
    put(world, 30)
    world.queue.fail("send_hints", times=SHARDS)
    assert world.sweep().failed_shards > 0
    for _ in range(11):
        world.clock.advance(60)
        world.sweep()
    assert len(set(hinted(world))) == 30


def test_one_failing_shard_does_not_stop_the_others(world: World) -> None:
    put(world, 80)
    world.table.fail("overdue", times=1)
    swept = world.sweep()
    assert swept.failed_shards == 1
    assert 0 < swept.hints < 80
    (told,) = world.facts.named("sweep.cut_short")
    assert (told["shard"], told["cause"]) == (0, "down")
    assert world.sweep().hints == 80 - swept.hints


def test_a_table_that_is_down_fails_every_shard_and_raises_nothing(world: World) -> None:
    world.table.fail("overdue")
    assert world.sweep().failed_shards == SHARDS


def test_how_long_the_oldest_was_overdue_is_told(world: World) -> None:
    put(world, 5, due_in=-90.0)
    assert world.sweep().oldest_seconds == 90
    assert world.facts.named("sweep.done") == [
        {"hints": 5, "oldest_seconds": 90.0, "failed_shards": 0}
    ]


def test_nothing_overdue_is_nothing_old(world: World) -> None:
    assert world.sweep().oldest_seconds == 0


def test_settled_events_are_never_hinted_at(world: World) -> None:
    world.fan_out(world.put(stored_of()))
    world.clock.advance(10**6)
    assert world.sweep().hints == 0
