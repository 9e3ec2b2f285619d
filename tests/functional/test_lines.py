"""Lines: what waits for its destination costs nothing meanwhile, and goes out in order at once."""

from collections import Counter

import pytest
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.line import hint_to, position_of

from tests.support.make import body_of, changed, destination_of, stored_of
from tests.support.memory import CopiedDestinations
from tests.support.world import World

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
BUSY = Answer(status=503, seconds=0.01)
QUICK = Answer(status=200, seconds=0.01)


@pytest.fixture
def world() -> World:
    """A world whose destination `crm` is known to be quick, and paused."""
    world = World()
    world.add_quick(destination_of("crm", enabled=False), destination_of("erp"))
    return world


def receive(world: World, *names: str) -> None:
    for name in names:
        assert world.receive(body_of(name)).status == 200


def resume(world: World) -> None:
    world.add(destination_of("crm"))
    world.memory_queue.send_hint(hint_to("crm"), slow=True)


def arrived(world: World, name: str = "crm") -> list[str]:
    return [attempt.event_key.partition(":")[2] for attempt in world.sent_to(name)]


# ---- Standing ------------------------------------------------------------------------------------


def test_what_waits_for_an_operator_stands_in_line_and_is_looked_at_after_a_day(
    world: World,
) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    delivery = world.delivery("crm", "main:m1")
    assert (delivery.waiting_for, delivery.attempts) == ("paused", 0)
    assert delivery.stood_at is not None
    assert world.row("main:m1").due_at == pytest.approx(world.clock() + DAY, abs=2 * MINUTE)
    assert [place.event_key for place in world.places.first("crm", limit=9)] == ["main:m1"]
    assert arrived(world, "erp") == ["m1"]


def test_in_a_week_it_is_looked_at_once(world: World) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    before = Counter(world.table.calls)
    world.live(7 * DAY)
    made = Counter(world.table.calls) - before
    assert {name: made[name] for name in ("claim", "record", "postpone")} == {
        "claim": 1,
        "record": 1,
        "postpone": 1,
    }
    assert world.delivery("crm", "main:m1").waiting_for == "paused"


def test_an_event_that_meets_no_line_makes_no_call_more(world: World) -> None:
    resume(world)
    world.poll()
    for tap in (world.table, world.health, world.lines):
        tap.calls.clear()
    world.fan_out(world.put(stored_of()))
    assert world.table.calls == ["claim", "record"]
    assert (world.health.calls, world.lines.calls) == (["load", "lines"], [])


def test_where_the_line_is_out_of_reach_it_waits_by_a_time_of_its_own(world: World) -> None:
    world.lines.fail("put")
    receive(world, "m1")
    world.live(MINUTE)
    delivery = world.delivery("crm", "main:m1")
    assert (delivery.waiting_for, delivery.stood_at) == ("paused", None)
    assert delivery.next_attempt_at < world.clock() + 2 * MINUTE
    assert world.facts.named("line.unreached")
    assert arrived(world, "erp") == ["m1"]
    world.add(destination_of("crm"))
    world.live(5 * MINUTE)
    assert arrived(world) == ["m1"]


# ---- Going on ------------------------------------------------------------------------------------


def test_a_line_goes_out_by_message_time_whoever_came_first(world: World) -> None:
    bodies = {
        f"m{n}": changed(body_of(f"m{n}"), message={"timestamp": f"2027-01-15T08:{n:02}:00Z"})
        for n in range(30)
    }
    world.clock.now = 1_800_001_800.0  # 2027-01-15T08:30Z
    for name in sorted(bodies):
        assert world.receive(bodies[name]).status == 200
    world.live(MINUTE)
    resume(world)
    world.poll()
    assert arrived(world) == [f"m{n}" for n in range(30)]
    assert not any(world.places.places["crm"])


def test_those_who_come_while_a_line_stands_go_behind_it(world: World) -> None:
    receive(world, *(f"m{n}" for n in range(5)))
    world.live(MINUTE)
    world.add(destination_of("crm"))
    world.clock.advance(1)
    receive(world, "late")
    world.fan_out(world.hint("main:late"))
    assert world.outcome("crm", "main:late") == ("pending", 0, "line")
    world.live(2 * MINUTE)
    assert arrived(world)[-1] == "late"
    assert len(arrived(world)) == 6


def test_once_it_is_empty_newcomers_pass_and_the_line_is_taken_down(world: World) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    resume(world)
    world.poll()
    receive(world, "m2")
    world.fan_out(world.hint("main:m2"))
    assert arrived(world) == ["m1", "m2"]
    world.live(4 * MINUTE)
    assert world.board.standing == {}


def test_a_mended_entry_has_its_line_drained_within_a_minute(world: World) -> None:
    del world.destinations.usable["crm"]
    world.destinations.broken["crm"] = "no URL"
    receive(world, "m1")
    world.live(10 * MINUTE)
    assert world.outcome("crm", "main:m1") == ("pending", 0, "broken_entry")
    world.destinations.broken.clear()
    world.add(destination_of("crm"))
    world.live(MINUTE + 1)
    assert arrived(world) == ["m1"]


def test_a_hint_is_not_lost_on_a_worker_who_last_read_that_the_way_is_closed(world: World) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    worker = copy_of_the_registry(world)
    world.clock.advance(1)
    resume(world)
    world.poll()
    assert arrived(world) == ["m1"]
    assert worker.reads == 2


def test_a_line_whose_way_is_closed_still_costs_a_reading_at_most(world: World) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    worker = copy_of_the_registry(world)
    world.clock.advance(1)
    world.fan_out(*(world.hint(hint_to("crm"), slow=True) for _ in range(3)))
    assert arrived(world) == []
    assert worker.reads == 2


def test_where_the_registry_is_down_the_next_minute_makes_up_for_a_lost_hint(world: World) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    worker = copy_of_the_registry(world)
    world.clock.advance(1)
    worker.down = True
    resume(world)
    world.poll()
    assert arrived(world) == []
    worker.down = False
    world.live(MINUTE + 1)
    assert arrived(world) == ["m1"]


def copy_of_the_registry(world: World) -> CopiedDestinations:
    """What a worker goes by from now on: it has just read it."""
    copied = CopiedDestinations(world.destinations, world.clock)
    copied.load()
    world.targets = copied  # type: ignore[assignment]
    return copied


def test_what_is_refused_in_its_turn_is_retried_by_itself(world: World) -> None:
    receive(world, "m1", "m2")
    world.live(MINUTE)
    world.sender.script["crm"] = [BUSY]
    resume(world)
    world.poll()
    assert arrived(world) == ["m1", "m2"]
    assert world.outcome("crm", "main:m1") == ("pending", 1, None)
    world.live(MINUTE)
    assert arrived(world) == ["m1", "m2", "m1"]


def test_a_drainer_that_another_holds_off_leaves_the_line_alone(world: World) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    world.add(destination_of("crm"))
    world.board.hold("crm", holder="another", now=world.clock(), until=world.clock() + 75)
    world.fan_out(world.hint(hint_to("crm"), slow=True))
    assert arrived(world) == []
    world.live(3 * MINUTE)
    assert arrived(world) == ["m1"]


def test_a_removed_destinations_line_settles(world: World) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    del world.destinations.usable["crm"]
    world.live(5 * MINUTE)
    assert world.outcome("crm", "main:m1")[0] == "removed"
    assert not any(world.places.places["crm"])


def a_minute(world: World, *names: str) -> None:
    """A minute with as many events, a sweep at its end."""
    for name in names:
        receive(world, name)
        world.live(MINUTE / len(names))
    world.sweep()
    world.poll()


# ---- Behind a breaker ----------------------------------------------------------------------------


def test_after_six_hours_down_all_have_gone_out_in_two_minutes_the_oldest_first() -> None:
    """An event each 30 s; today's way took 65 min, 775 of 780 out of order."""
    world = World()
    world.add_quick(destination_of("crm"))
    world.sender.script["crm"] = [BUSY] * 100_000
    names = [f"m{number}" for number in range(720)]
    for even, odd in zip(names[::2], names[1::2], strict=True):
        a_minute(world, even, odd)
    world.sender.script["crm"].clear()
    back, tried = world.clock(), len(world.sender.sent)
    a_minute(world, "new-0", "new-1")
    assert set(names) <= set(arrived(world)[tried:])
    a_minute(world, "new-2", "new-3")
    order = arrived(world)[tried:]
    assert sorted(order) == sorted([*names, *(f"new-{n}" for n in range(4))])
    assert world.clock() - back <= 2 * MINUTE + 1
    # All but the one that the breaker was probed with.
    probe = order[0]
    in_order = [name for name in names if name != probe]
    assert order[1 : len(in_order) + 1] == in_order
    # A probe a minute uses up no attempts: those before the breaker opened do.
    tries = [world.delivery("crm", f"main:{name}").attempts for name in names]
    assert max(tries) < 8
    assert sum(tries) < 800


def test_an_event_that_is_always_refused_holds_up_nobody() -> None:
    world = World()
    world.add_quick(destination_of("crm"))
    world.break_for("crm", 0)
    receive(world, *(f"m{n}" for n in range(5)))
    world.sender.script["crm"] = [BUSY, BUSY, QUICK]
    world.live(5 * MINUTE)
    done = [name for name in ("m0", "m1", "m2", "m3", "m4")]
    assert {world.outcome("crm", f"main:{name}")[0] for name in done} == {"delivered"}
    assert len(set(arrived(world)[:3])) == 3


# ---- Places --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        ("2027-01-15T08:00:01.250Z", 1_800_000_001.250),
        ("2027-01-15T08:00:01", 1_800_000_001.0),
        ("1999-01-01T00:00:00Z", 1_800_000_000.0),
        ("soon", 1_800_000_000.0),
        (17, 1_800_000_000.0),
    ],
)
def test_a_place_goes_by_a_message_time_that_can_be_believed(timestamp: object, at: float) -> None:
    body = changed(body_of(), message={"timestamp": timestamp})
    position = position_of(body, 1_800_000_000.0, "main:a/b")
    assert position == f"{round(at * 1000):014d}/01800000000000/main:a/b"


def test_what_has_no_body_to_speak_of_goes_by_its_arrival() -> None:
    assert position_of(b"\xff", 1.5, "main:x") == "00000000001500/00000000001500/main:x"
