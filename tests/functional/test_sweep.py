"""Sweep: hints for what is overdue, once, whatever fails in between."""

import json
from collections.abc import Iterator, Sequence

import pytest
from spectrum_forwarder.domain.ports import SHARDS, Depth
from spectrum_forwarder.domain.worker_ports import Overdue

from tests.support.make import destination_of, stored_of
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
    world.clock.advance(world.timing.hint_slack + 1)
    assert world.sweep().hints == 3


def test_a_queue_that_is_down_for_seconds_delays_hints_by_seconds(world: World) -> None:
    put(world, 30)
    began = world.clock()
    world.queue.fail("send_hints", times=SHARDS)
    swept = world.sweep()
    assert (swept.hints, swept.failed_shards) == (30, 0)
    assert world.clock() == began + world.timing.sweep_again
    assert len(set(hinted(world))) == len(hinted(world)) == 30
    assert len(world.facts.named("sweep.cut_short")) == SHARDS
    assert len(world.facts.named("sweep.done")) == 1


def test_after_a_long_failure_of_the_queue_the_next_sweep_hints_at_everything(
    world: World,
) -> None:
    """No due time was moved on for a hint that was not sent."""
    keys = put(world, 30)
    world.queue.fail("send_hints")
    for _ in range(60):
        assert world.sweep().failed_shards > 0
        world.clock.advance(24)
    assert all(world.row(key).due_at == world.clock() - 3601 for key in keys)
    world.queue.down.clear()
    assert world.sweep().hints == len(set(hinted(world))) == 30


def test_one_failing_shard_does_not_stop_the_others(world: World) -> None:
    put(world, 80)
    began = world.clock()
    world.table.fail("overdue", times=1)
    swept = world.sweep()
    (told,) = world.facts.named("sweep.cut_short")
    assert (told["shard"], told["cause"]) == (0, "down")
    at_once = [queued for queued in world.memory_queue.queued if queued.at == began]
    assert 0 < len(at_once) < 80
    # It is looked at again before the sweeper ends.
    assert len(at_once) < swept.hints == len(set(hinted(world)))
    assert swept.failed_shards == 0
    world.poll()
    assert world.sweep().hints == 80 - swept.hints


def test_a_sweeper_whom_nothing_fails_looks_once(world: World) -> None:
    put(world, 30)
    began = world.clock()
    world.sweep()
    assert world.clock() == began
    assert world.table.calls.count("overdue") == SHARDS


def test_a_due_time_that_was_moved_on_unheard_leaves_no_event_without_its_hint(
    world: World,
) -> None:
    put(world, 30)
    moved: list[str] = []
    postpone = world.rows.postpone

    def unheard(overdue: Overdue, *, until: float) -> bool:
        moved.append(json.dumps({"event_key": overdue.event_key}))
        return postpone(overdue, until=until)

    world.rows.postpone = unheard  # type: ignore[method-assign]
    world.table.lose("postpone", times=5)
    world.sweep()
    assert set(moved[:5]) <= set(hinted(world))
    assert (
        len(set(hinted(world))) == len(hinted(world)) == world.facts.named("sweep.done")[0]["hints"]
    )


def test_what_was_sent_seconds_ago_stands_although_the_queue_does_not_tell_it(
    world: World,
) -> None:
    """SQS tells its depth up to a minute late, and the sweeper looks again after seconds."""
    for key in put(world, 400):
        world.memory_queue.send_hint(key)
    world.memory_queue.queued[200:] = []  # lost
    world.memory_queue.depth = lambda: Depth(200, 0)  # type: ignore[method-assign]
    world.table.fail("owing", times=1)
    swept = world.sweep()
    assert len(world.facts.named("sweep.cut_short")) == 1
    assert 150 <= swept.hints <= 200


def test_a_table_that_is_down_fails_every_shard_and_raises_nothing(world: World) -> None:
    world.table.fail("overdue")
    assert world.sweep().failed_shards == SHARDS


def test_how_long_the_oldest_was_overdue_is_told(world: World) -> None:
    put(world, 5, due_in=-90.0)
    assert world.sweep().oldest_seconds == 90
    assert world.facts.named("sweep.done") == [
        {"hints": 5, "oldest_seconds": 90.0, "failed_shards": 0, "standing": 0}
    ]


def test_nothing_overdue_is_nothing_old(world: World) -> None:
    assert world.sweep().oldest_seconds == 0


def test_settled_events_are_never_hinted_at(world: World) -> None:
    world.fan_out(world.put(stored_of()))
    world.clock.advance(10**6)
    assert world.sweep().hints == 0


def test_what_has_its_hint_in_a_queue_gets_no_other(world: World) -> None:
    """A receiver's own hint waits as well as one of a sweep."""
    for key in put(world, 30):
        world.memory_queue.send_hint(key)
    for _ in range(20):
        assert world.sweep().hints == 0
        world.clock.advance(60)
    assert len(hinted(world)) == 30
    assert "postpone" not in world.table.calls


def test_hints_in_work_and_those_in_the_slow_lane_stand_too(world: World) -> None:
    for number, key in enumerate(put(world, 30)):
        slow = number % 2 == 0
        world.rows.rows[key].overdue_since = world.row(key).due_at if slow else None
        world.memory_queue.send_hint(key, slow=slow)
    for queued in world.memory_queue.queued[:10]:
        queued.at = world.clock() + 360  # a worker has it
    world.clock.advance(60)
    assert world.sweep().hints == 0


def test_a_slow_destinations_backlog_does_not_hide_that_new_events_have_lost_their_hints(
    world: World,
) -> None:
    """Three of 203 are less than the doubt there is about depths."""
    world.add(destination_of("slow"))
    for number in range(200):
        world.fan_out(world.put(stored_of(f"slow{number}")))
    assert world.memory_queue.depth() == (0, 200)
    lost = put(world, 3)
    world.clock.advance(world.timing.hint_slack + 1)
    assert world.sweep().hints == 3
    assert sorted(hinted(world)[-3:]) == [f'{{"event_key": "{key}"}}' for key in sorted(lost)]
    for _ in range(20):  # these have theirs, and nobody takes it
        world.clock.advance(60)
        assert world.sweep().hints == 0


def test_hints_that_are_delayed_do_not_stand_for_what_is_overdue(world: World) -> None:
    put(world, 3)
    for number in range(30):
        world.memory_queue.send_hint(f"main:later{number}", delay=300)
    assert world.sweep().hints == 3


def test_the_oldest_are_hinted_at_first_where_some_hints_lack(world: World) -> None:
    put(world, 200, due_in=-1.0)
    for number in range(4):
        stored = stored_of(f"old{number}")
        world.rows.put(stored, receipt="r", now=1.0, due_at=world.clock() - 3000)
    for _ in range(200):
        world.memory_queue.send_event(stored_of("x"))
    assert world.sweep().hints >= 4
    sent = hinted(world)[200:]
    assert {f'{{"event_key": "main:old{number}"}}' for number in range(4)} <= set(sent)


def test_one_refused_hint_of_ten_ends_nothing_and_is_sent_again_soon(world: World) -> None:
    put(world, 250)
    send_hints, began = world.memory_queue.send_hints, world.clock()

    def refusing(event_keys: Sequence[str]) -> Sequence[str]:
        refused = 1 if world.clock() == began else 0
        send_hints(event_keys[refused:])
        return event_keys[:refused]

    world.memory_queue.send_hints = refusing  # type: ignore[method-assign]
    swept = world.sweep()
    refused = sum(int(str(told["hints"])) for told in world.facts.named("hints.refused"))
    assert 20 < refused < 50
    assert (world.clock(), swept.failed_shards) == (began + world.timing.sweep_again, 0)
    assert 250 - refused < swept.hints == len(hinted(world))
    world.poll()
    assert world.sweep().hints == 250 - swept.hints


def test_a_table_that_fails_among_ten_leaves_none_without_its_hint(world: World) -> None:
    """Those whose due time was moved on already are hinted at."""
    put(world, 250)
    postpone, calls = world.rows.postpone, iter(range(10**6))

    def failing(overdue: Overdue, *, until: float) -> bool:
        if next(calls) == 5:
            world.table.fail("postpone")
        return postpone(overdue, until=until)

    world.rows.postpone = failing  # type: ignore[method-assign]
    assert world.sweep().failed_shards == SHARDS
    assert len(hinted(world)) == 6


def test_a_sweep_looks_at_its_deadline_before_each_call(world: World) -> None:
    """At 0.19 s a call, a hundred events' due times would take until Lambda ends the function."""
    put(world, 3000)
    postpone = world.rows.postpone

    def slowly(overdue: Overdue, *, until: float) -> bool:
        world.clock.advance(0.19)
        return postpone(overdue, until=until)

    world.rows.postpone = slowly  # type: ignore[method-assign]
    deadline = world.clock() + 40
    swept = world.sweep()
    assert deadline < world.clock() <= deadline + 0.2
    # All whose due time was moved on, and no shard was skipped for another's sake.
    assert swept.hints == len(hinted(world)) == world.table.calls.count("postpone") > 200
    assert world.facts.named("sweep.done")[0]["hints"] == swept.hints


def test_a_mistake_in_one_shard_is_raised_once_all_is_done_and_told(world: World) -> None:
    put(world, 80, due_in=-90.0)
    overdue = world.rows.overdue

    def mistaken(shard: int, *, now: float) -> Iterator[Sequence[Overdue]]:
        if shard == 3:
            raise KeyError("due_at")
        return overdue(shard, now=now)

    world.rows.overdue = mistaken  # type: ignore[method-assign]
    with pytest.raises(KeyError):
        world.sweep()
    (done,) = world.facts.named("sweep.done")
    assert (done["failed_shards"], done["oldest_seconds"]) == (1, 90.0)
    assert done["hints"] == len(hinted(world)) > 50
    assert world.facts.named("sweep.cut_short") == [{"shard": 3, "cause": "KeyError"}]


def test_of_a_table_that_cannot_be_read_no_age_is_told(world: World) -> None:
    """Nought would say that all is well."""
    put(world, 5, due_in=-900.0)
    world.table.fail("overdue")
    assert world.sweep().oldest_seconds == 0.0
    assert world.facts.named("sweep.done")[0]["oldest_seconds"] is None


def test_what_waits_for_its_hint_is_told_as_overdue_at_each_sweep(world: World) -> None:
    for key in put(world, 5, due_in=-900.0):
        world.memory_queue.send_hint(key)
    for minute in range(3):
        assert world.sweep().oldest_seconds == 900.0 + 60 * minute
        world.clock.advance(60)


@pytest.mark.parametrize(("standing", "counts"), [(Depth(5, 0), 1), (Depth(0, 1), 2)])
def test_the_main_lane_is_counted_by_itself_where_something_stands_in_the_slow_one(
    world: World, standing: Depth, counts: int
) -> None:
    world.memory_queue.depth = lambda: standing  # type: ignore[method-assign]
    put(world, 1)
    assert world.sweep().failed_shards == 0
    assert world.table.calls.count("owing") == counts * SHARDS


def test_without_the_depth_hints_are_sent_ever_less_often(world: World) -> None:
    put(world, 1)
    world.queue.fail("depth")
    for _ in range(24 * 60):
        world.sweep()
        world.clock.advance(60)
    assert 5 <= len(hinted(world)) <= 12
    assert len(world.facts.named("depth.unread")) == len(hinted(world))


@pytest.mark.parametrize(("seconds", "looks"), [(12.0, 1), (12.1, 2), (24.0, 2), (24.1, 3)])
def test_a_sweeper_whom_a_service_fails_looks_again_while_it_has_time(
    world: World, seconds: float, looks: int
) -> None:
    put(world, 1)
    world.queue.fail("send_hints")
    began = world.clock()
    world.sweeper().sweep(deadline=began + seconds)
    assert world.table.calls.count("overdue") == looks * SHARDS
    assert world.clock() - began == 12 * (looks - 1)


def test_an_age_is_told_in_tenths_of_a_second(world: World) -> None:
    put(world, 1, due_in=-12.34)
    assert world.sweep().oldest_seconds == 12.3
    young = World()
    put(young, 1, due_in=-0.25)
    assert young.sweep().oldest_seconds == 0.2
