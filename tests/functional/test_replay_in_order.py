"""Replays in order: they stand in their conversation's line, behind what waits there already."""

from typing import Any, cast

import pytest
from spectrum_forwarder.adapters.delivery_items import read_deliveries, write_deliveries
from spectrum_forwarder.domain.delivery import Status, planned, replayed
from spectrum_forwarder.domain.order import Batch, Order
from spectrum_forwarder.replay import Outcome, Replay

from tests.functional.test_batches import batches, events
from tests.functional.test_lines import arrived
from tests.functional.test_order import BUSY, START, late, line, ordered, receive, said
from tests.functional.test_replay import Operator
from tests.support.in_memory.log import MemoryLog
from tests.support.make import destination_of
from tests.support.world import World

MINUTE = 60.0


@pytest.fixture
def world() -> World:
    """An ordered destination that has got m1 to m3 of a conversation."""
    world = World()
    world.clock.now = START
    world.add_quick(ordered())
    receive(world, said("m1", 1), said("m2", 2), said("m3", 3))
    world.live(10)
    assert arrived(world) == ["m1", "m2", "m3"]
    world.sender.sent.clear()
    world.clock.advance(MINUTE)
    return world


def replay(world: World, *names: str) -> None:
    """Begin these anew, in this order, as one run of the command does."""
    change = in_order(world)
    for name in names:
        begun = Operator(world).reopener.reopen(f"main:{name}", change)
        assert begun.outcome is Outcome.BEGUN


def in_order(world: World) -> Replay:
    configured = frozenset(world.destinations.load().ids())
    return Replay(configured, None, None, begun_at=world.clock(), in_order={})


def marked(world: World) -> list[str]:
    return [
        attempt.event_key.partition(":")[2]
        for attempt in world.sent_to("crm")
        if "X-Spectrum-Forwarder-Replay" in attempt.headers
    ]


def test_they_go_out_by_message_time_whoever_was_begun_first(world: World) -> None:
    replay(world, "m3", "m1", "m2")
    world.live(MINUTE)
    assert arrived(world) == marked(world) == ["m1", "m2", "m3"]
    assert late(world) == []
    assert not any(world.places.places.values())


def test_they_go_behind_what_waits_already_and_before_what_comes_then(world: World) -> None:
    world.sender.script["crm"] = [BUSY, BUSY]
    receive(world, said("m4", 50))
    world.live(8)
    replay(world, "m2", "m1")
    world.live(3)
    world.clock.now = START + 150
    receive(world, said("m5", 59).replace(b"08:30:59", b"08:32:30"))
    world.live(2 * MINUTE)
    assert arrived(world) == ["m4", "m4", "m4", "m1", "m2", "m5"]
    assert marked(world) == ["m1", "m2"]
    assert late(world) == []


def test_one_that_fails_holds_up_those_behind_it(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    replay(world, "m1", "m2")
    world.live(MINUTE)
    assert arrived(world) == ["m1", "m1", "m2"]
    assert late(world) == []


def test_one_that_is_replayed_without_an_order_keeps_out_of_it_again(world: World) -> None:
    replay(world, "m1")
    world.live(MINUTE)
    delivery = replayed(world.delivery("crm", "main:m1"), world.clock())
    assert delivery.keeps_out_of_order
    assert delivery.replays == 2


def test_where_the_order_was_taken_away_meanwhile_they_go_by_themselves(world: World) -> None:
    world.add(destination_of("crm"))
    replay(world, "m1", "m2")
    world.live(MINUTE)
    assert sorted(arrived(world)) == ["m1", "m2"]


def test_what_was_never_bound_for_it_stands_in_order_as_well(world: World) -> None:
    world.add_quick(destination_of("bot", order=Order()))
    change = in_order(world)
    to_bot = Replay(change.configured, frozenset({"bot"}), None, change.begun_at, in_order={})
    for name in ("m2", "m1"):
        Operator(world).reopener.reopen(f"main:{name}", to_bot)
    world.live(MINUTE)
    assert arrived(world, "bot") == ["m1", "m2"]


def test_a_first_delivery_elsewhere_keeps_its_own_place(world: World) -> None:
    """An event's places at two destinations differ where one of them is of a replay."""
    world.add_quick(destination_of("bot", order=Order()))
    world.sender.script["bot"] = [BUSY] * 3
    receive(world, said("m4", 40), said("m5", 41))
    world.live(10)
    replay(world, "m4")
    assert [place.event_key for place in world.places.first(line_at("bot"), limit=9)] == [
        "main:m4",
        "main:m5",
    ]
    world.live(10 * MINUTE)
    assert arrived(world, "bot") == ["m4"] * 4 + ["m5"]
    assert not any(world.places.places.values())


def line_at(identity: str) -> str:
    return line().replace("crm", identity)


def test_they_stand_in_batches_each_marked(world: World) -> None:
    world.add(ordered(order=Order(batch=Batch(2.0, 20, 8.0))))
    replay(world, "m2", "m1")
    world.live(MINUTE)
    assert batches(world) == [["m1", "m2"]]
    assert all(event["headers"]["X-Spectrum-Forwarder-Replay"] == "1" for event in events(world))


def test_what_is_overtaken_by_a_newer_event_is_late(world: World) -> None:
    """As is any that stands where others have gone on: begun so slowly that one came between."""
    change = in_order(world)
    Operator(world).reopener.reopen("main:m1", change)
    world.live(5)
    receive(world, said("m4", 59).replace(b"08:30:59", b"08:31:20"))
    world.live(5)
    Operator(world).reopener.reopen("main:m2", change)
    world.live(MINUTE)
    assert arrived(world) == ["m1", "m4", "m2"]
    assert late(world) == ["m2"]


# ---- Failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["record", "claim"])
def test_killed_while_it_takes_its_place_it_goes_out_in_order(world: World, call: str) -> None:
    """A worker dies with m1 between its place and the record of that, or under its claim."""

    class Killed(BaseException):
        pass

    def die(*arguments: Any, **named: Any) -> Any:
        if call == "claim":
            assert getattr(world.rows, call)(*arguments, **named)
        raise Killed

    replay(world, "m2", "m1")
    setattr(world.table, call, die)
    with pytest.raises(Killed):
        world.fan_out(world.hint("main:m1"))
    delattr(world.table, call)
    world.live(5 * MINUTE)
    assert {world.delivery("crm", f"main:m{n}").status for n in (1, 2)} == {Status.DELIVERED}
    in_time = [name for name in arrived(world) if name not in late(world)]
    assert in_time == sorted(in_time)
    assert sorted(arrived(world)) == ["m1", "m2"]
    assert not any(world.places.places.values())


def test_a_place_from_before_that_was_left_behind_is_freed_and_leads_nobody(world: World) -> None:
    """Whoever delivered m4 and m5 died before he had given up their places."""
    receive(world, said("m4", 40), said("m5", 41))
    world.poll()
    places = world.places.first(line(), limit=9)
    world.live(10)
    assert arrived(world) == ["m4", "m5"]
    for place in places:
        world.places.put(line(), place)
    world.sender.sent.clear()
    world.sender.script["crm"] = [BUSY]
    replay(world, "m5", "m4")
    world.live(5 * MINUTE)
    assert arrived(world) == ["m4", "m4", "m5"]
    assert late(world) == []
    assert not any(world.places.places.values())


def test_one_whose_body_is_gone_leaves_the_line(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    replay(world, "m1", "m2")
    world.live(3)
    world.row("main:m1").write(None, "no such body")
    world.live(5 * MINUTE)
    assert world.delivery("crm", "main:m1").reason == "payload_missing"
    assert arrived(world) == ["m1", "m2"]
    assert not any(world.places.places.values())


def test_where_the_hints_are_lost_they_go_out_in_order_all_the_same(world: World) -> None:
    replay(world, "m2", "m1", "m3")
    world.memory_queue.queued.clear()
    world.live(10 * MINUTE)
    assert arrived(world) == ["m1", "m2", "m3"]


# ---- As it is stored -----------------------------------------------------------------------------


def test_that_it_is_in_order_is_stored_and_nothing_where_it_is_not() -> None:
    delivery = replayed(planned("crm", START), START + 5, START + 0.125)
    item = write_deliveries({"crm": delivery})
    assert read_deliveries(item) == {"crm": delivery}
    usual = write_deliveries({"crm": replayed(planned("crm", START), START + 5)})
    assert "in_order_since" not in usual["M"]["crm"]["M"]
    assert read_deliveries(usual)["crm"].in_order_since is None


def test_a_conversation_has_one_time_from_which_its_replays_stand(world: World) -> None:
    log = MemoryLog(cast(Any, world.rows))
    change = in_order(world)
    since = []
    for name in ("m1", "m2"):
        event = log.get(f"main:{name}")
        assert event is not None
        since.append(change(event, world.clock())["crm"].in_order_since)
        world.clock.advance(1)
    assert since[0] == since[1] == world.clock() - 2
