"""Order: an ordered destination gets each conversation's events one after the other."""

import pytest
from spectrum_forwarder.domain.delivery import Answer, Status, replayed
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.line import hint_to
from spectrum_forwarder.domain.order import Order, conversation_of, line_of
from spectrum_forwarder.fanout.lines import conversations

from tests.functional.test_lines import arrived, copy_of_the_registry
from tests.support.make import body_of, changed, destination_of
from tests.support.world import World

MINUTE, HOUR = 60.0, 3600.0
BUSY = Answer(status=503, seconds=0.01)
QUICK = Answer(status=200, seconds=0.01)
START = 1_800_001_800.0  # 2027-01-15T08:30Z


@pytest.fixture
def world() -> World:
    """A world whose destination `crm` is ordered, and `erp` is not; both are quick."""
    world = World()
    world.clock.now = START
    world.add_quick(ordered(), destination_of("erp"))
    return world


def ordered(**changes: object) -> Destination:
    return destination_of("crm", **{"order": Order(), **changes})


def said(name: str, second: int, space: str = "chat") -> bytes:
    """What was said then in a chat."""
    time = f"2027-01-15T08:30:{second:02}Z"
    return changed(body_of(name), space={"id": space}, message={"timestamp": time})


def receive(world: World, *bodies: bytes) -> None:
    for body in bodies:
        assert world.receive(body).status == 200


def late(world: World) -> list[str]:
    return [
        attempt.event_key.partition(":")[2]
        for attempt in world.sent_to("crm")
        if "X-Spectrum-Forwarder-Late" in attempt.headers
    ]


def line(space: str = "chat") -> str:
    return line_of("crm", conversation_of(said("m", 0, space)))


# ---- In order ------------------------------------------------------------------------------------


def test_a_conversation_goes_out_by_message_time_whoever_came_first(world: World) -> None:
    for second in (5, 2, 9, 0, 7, 1, 8, 3, 6, 4):
        receive(world, said(f"m{second}", second))
    world.live(5)
    assert arrived(world) == [f"m{n}" for n in range(10)]
    assert late(world) == []
    assert not any(world.places.places.values())
    assert sorted(arrived(world, "erp")) == sorted(arrived(world))


def test_an_event_that_is_alone_goes_out_within_its_window(world: World) -> None:
    receive(world, said("m1", 1))
    world.live(1.9)
    assert arrived(world) == []
    assert world.delivery("crm", "main:m1").waiting_for == "turn"
    world.live(0.2)
    assert arrived(world) == ["m1"]


def test_what_names_no_conversation_goes_out_at_once(world: World) -> None:
    receive(world, b'{"event":"other"}')
    world.poll()
    assert len(arrived(world)) == 1
    assert world.lines.calls == []


def test_a_failing_head_holds_up_its_own_conversation_alone(world: World) -> None:
    bodies = [said(f"{space}{n}", n, space) for n in range(4) for space in ("a", "b")]
    world.sender.script["crm"] = [BUSY, QUICK]
    receive(world, *bodies)
    world.live(3)
    failed, others = arrived(world)[0], arrived(world)[1:]
    assert failed == "a0"
    assert others == ["b0", "b1", "b2", "b3"]
    world.live(10)
    assert arrived(world)[5:] == ["a0", "a1", "a2", "a3"]
    assert late(world) == []


def test_a_head_that_fails_for_longer_than_its_patience_is_late_and_leaves_the_others(
    world: World,
) -> None:
    world.sender.refuses = {"main:m0"}
    receive(world, *(said(f"m{n}", n) for n in range(3)))
    world.live(HOUR)
    assert [name for name in arrived(world) if name != "m0"] == ["m1", "m2"]
    first_out = world.delivery("crm", "main:m1").history[0].at
    assert 2 * MINUTE < first_out - START <= 15 * MINUTE
    assert world.delivery("crm", "main:m0").late
    assert set(late(world)) == {"m0"}
    assert arrived(world).index("m1") < len(arrived(world)) - len(late(world))


def test_a_straggler_goes_out_marked_late(world: World) -> None:
    receive(world, said("m5", 5), said("m9", 9))
    world.live(5)
    receive(world, said("m7", 7))
    world.live(5)
    assert arrived(world) == ["m5", "m9", "m7"]
    assert late(world) == ["m7"]
    assert world.delivery("crm", "main:m7").late


def test_a_straggler_overtakes_nobody_that_has_not_been_attempted(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    receive(world, said("m5", 5), said("m9", 9))
    world.live(4)
    receive(world, said("m7", 7), said("m3", 3))
    world.live(30)
    # Whoever is late goes by itself, beside the others.
    assert [name for name in arrived(world) if name != "m3"] == ["m5", "m5", "m7", "m9"]
    assert late(world) == ["m3"]


def test_a_replay_keeps_out_of_its_conversation(world: World) -> None:
    receive(world, said("m1", 1))
    world.live(5)
    again = replayed(world.delivery("crm", "main:m1"), world.clock())
    world.row("main:m1").deliveries = {"crm": again}
    world.row("main:m1").due_at = world.clock()
    world.fan_out(world.hint("main:m1"))
    assert arrived(world) == ["m1", "m1"]
    assert late(world) == []


# ---- One at a time -------------------------------------------------------------------------------


def test_a_hint_that_finds_the_line_held_is_dropped_and_who_holds_it_looks_again(
    world: World,
) -> None:
    receive(world, said("m1", 1))
    world.live(1)
    came: list[str] = []

    def meanwhile() -> None:
        """While m1 is on its way m2 comes, and its hint finds the line held."""
        if came:
            return
        came.append("m2")
        receive(world, said("m2", 2))
        world.sender.meanwhile, busy = (lambda: None), world.sender.meanwhile
        world.fan_out(world.hint("main:m2"))
        world.clock.advance(2.5)
        world.fan_out(world.hint(hint_to(line()), slow=True))
        world.sender.meanwhile = busy

    world.sender.meanwhile = meanwhile
    world.live(1.5)
    assert came
    world.memory_queue.queued.clear()
    assert arrived(world) == ["m1", "m2"]


def test_a_worker_that_dies_with_a_conversation_is_followed(world: World) -> None:
    receive(world, said("m1", 1), said("m2", 2))
    world.live(1)
    world.memory_queue.queued.clear()
    hold, places = world.places.look(line(), limit=9)
    assert world.places.take(
        line(),
        seen=hold,
        hold=hold.of(places[:1], places, holder="dead", until=world.clock() + 75),
        now=world.clock(),
    )
    world.live(10 * MINUTE)
    assert arrived(world) == ["m1", "m2"]
    assert late(world) == []


def test_a_lost_hint_is_made_up_for_within_minutes(world: World) -> None:
    receive(world, said("m1", 1), said("m2", 2))
    world.live(1)
    world.memory_queue.queued.clear()
    world.live(5 * MINUTE)
    assert arrived(world) == ["m1", "m2"]


def test_who_has_no_time_left_has_another_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "GOES_ON_FOR", 0.005)
    receive(world, *(said(f"m{n}", n) for n in range(5)))
    world.live(5)
    assert arrived(world) == [f"m{n}" for n in range(5)]


def test_a_head_for_which_no_time_was_left_is_called_at_once(world: World) -> None:
    receive(world, said("m1", 1))
    world.live(1)
    (hint,) = world.memory_queue.queued
    world.memory_queue.queued.clear()
    world.clock.advance(2)
    world.sender.not_before = world.clock() + 50  # too late to begin, and none too late to look
    world.fan_out(world.hint(hint_to(line())))
    assert arrived(world) == []
    assert [queued.body for queued in world.memory_queue.queued] == [hint.body]
    world.live(3)
    assert arrived(world) == ["m1"]


def test_a_head_that_meets_a_closed_way_is_not_called_until_it_opens(world: World) -> None:
    receive(world, said("m1", 1))
    world.live(1)
    world.memory_queue.queued.clear()
    world.clock.advance(2)
    world.add(ordered(enabled=False))
    world.fan_out(world.hint(hint_to(line())))
    assert world.outcome("crm", "main:m1") == ("pending", 0, "paused")
    assert world.memory_queue.queued == []


def test_a_slow_destinations_conversations_go_on_in_the_slow_lane(world: World) -> None:
    world.board.health.clear()
    receive(world, said("m1", 1))
    world.poll()
    (hint,) = [queued for queued in world.memory_queue.queued if "#line" in queued.body]
    assert hint.slow
    world.fan_out(world.hint(hint_to(line())))
    world.live(3)
    assert arrived(world) == ["m1"]


# ---- While the way is closed ---------------------------------------------------------------------


def test_what_comes_while_it_is_paused_goes_out_in_order_once_it_is_resumed(world: World) -> None:
    receive(world, said("a1", 1, "a"))
    world.live(5)
    world.add(ordered(enabled=False))
    for n in (4, 2, 3):
        receive(world, said(f"a{n}", n, "a"), said(f"b{n}", n, "b"))
    world.live(HOUR)
    assert world.outcome("crm", "main:a4") == ("pending", 0, "paused")
    before = len(world.table.calls)
    world.live(HOUR)
    assert len(world.table.calls) - before < 2 * 60 * 20  # the sweeper's own looks alone
    assert arrived(world) == ["a1"]
    world.add(ordered())
    world.memory_queue.send_hint(hint_to("crm"), slow=True)
    world.live(5)
    assert [name for name in arrived(world) if name[0] == "a"] == ["a1", "a2", "a3", "a4"]
    assert [name for name in arrived(world) if name[0] == "b"] == ["b2", "b3", "b4"]
    assert late(world) == []
    world.live(5 * MINUTE)
    assert not any(world.places.places.values())
    assert world.board.standing == {}


def test_a_call_is_not_lost_on_a_worker_who_last_read_that_the_way_is_closed(world: World) -> None:
    """The line's drainer is another worker, and knows better."""
    world.add(ordered(enabled=False))
    receive(world, said("m2", 2), said("m1", 1))
    world.live(MINUTE)
    worker = copy_of_the_registry(world)
    world.clock.advance(1)
    world.add(ordered())
    world.fan_out(world.hint(hint_to(line())))
    assert arrived(world) == ["m1", "m2"]
    assert worker.reads == 2


def test_a_broken_entry_that_says_it_is_ordered_keeps_the_order(world: World) -> None:
    del world.destinations.usable["crm"]
    world.destinations.broken["crm"] = "no URL"
    world.destinations.ordered.add("crm")
    receive(world, said("m2", 2), said("m1", 1))
    world.live(10 * MINUTE)
    assert world.outcome("crm", "main:m1") == ("pending", 0, "broken_entry")
    world.destinations.broken.clear()
    world.add(ordered())
    world.live(2 * MINUTE)
    assert arrived(world) == ["m1", "m2"]


def test_behind_a_breaker_conversations_probe_and_then_go_on_in_order(world: World) -> None:
    world.break_for("crm", 0)
    world.sender.script["crm"] = [BUSY, BUSY]
    for n in range(5):
        receive(world, said(f"a{n}", n, "a"), said(f"b{n}", n, "b"))
    world.live(10 * MINUTE)
    for space in "ab":
        order = [name for name in arrived(world) if name[0] == space]
        assert list(dict.fromkeys(order)) == [f"{space}{n}" for n in range(5)]
        assert order.index(f"{space}1") > order.index(f"{space}0")
    assert len(arrived(world)) == 12
    assert late(world) == []


def test_a_removed_destinations_conversations_settle(world: World) -> None:
    world.add(ordered(enabled=False))
    receive(world, said("m1", 1), said("m2", 2))
    world.live(MINUTE)
    del world.destinations.usable["crm"]
    world.live(10 * MINUTE)
    assert world.delivery("crm", "main:m1").status is Status.REMOVED
    assert world.delivery("crm", "main:m2").status is Status.REMOVED
    assert not any(world.places.places.values())


def test_what_stood_before_the_order_was_set_goes_through_its_conversation(world: World) -> None:
    world.add(destination_of("crm", enabled=False))
    receive(world, said("m2", 2), said("m1", 1))
    world.live(MINUTE)
    assert world.delivery("crm", "main:m1").conversation == ""
    world.add(ordered())
    world.memory_queue.send_hint(hint_to("crm"), slow=True)
    world.live(10)
    assert arrived(world) == ["m1", "m2"]


def test_once_the_order_is_taken_away_the_line_still_drains(world: World) -> None:
    world.add(ordered(enabled=False))
    receive(world, said("m2", 2), said("m1", 1))
    world.live(MINUTE)
    world.add(destination_of("crm"))
    world.memory_queue.send_hint(hint_to("crm"), slow=True)
    world.live(10)
    assert arrived(world) == ["m1", "m2"]


# ---- The bill ------------------------------------------------------------------------------------


def test_a_head_that_fails_keeps_its_place_and_takes_none_anew(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    receive(world, said("m1", 1))
    world.live(MINUTE / 2)
    assert arrived(world) == ["m1", "m1"]
    assert world.lines.calls.count("put") == 1


def test_what_an_event_costs_that_goes_out_in_order(world: World) -> None:
    receive(world, said("m0", 0))
    world.live(5)
    for tap in (world.table, world.lines, world.queue):
        tap.calls.clear()
    receive(world, said("m1", 1))
    world.live(3)
    assert [call for call in world.table.calls if call != "put"] == ["claim", "record"] * 2
    assert world.lines.calls == ["put", "look", "take", "free", "look", "let_go", "look"]
    assert world.queue.calls == ["send_hint", "send_hint"]
