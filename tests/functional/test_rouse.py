"""Rouse: an operator has a conversation go on whose head waits for its retry."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from spectrum_forwarder.domain.delivery import held, planned, standing
from spectrum_forwarder.domain.errors import QueueUnavailable
from spectrum_forwarder.domain.line import Place
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.order import Hold, Order
from spectrum_forwarder.replay import resting_in, rouse

from tests.functional.test_lines import arrived
from tests.functional.test_order import BUSY, QUICK, START, line, said
from tests.support.make import destination_of
from tests.support.world import World

LINE = line("chat")


@pytest.fixture
def world() -> World:
    """An ordered destination that has failed a conversation's head thrice, and is mended now."""
    world = World()
    world.clock.now = START
    world.add_quick(destination_of("crm", order=Order()))
    world.sender.script["crm"] = [BUSY, BUSY, BUSY, QUICK]
    for second in (3, 5):
        assert world.receive(said(f"m{second}", second)).status == 200
    world.live(45.0)
    assert arrived(world) == ["m3"] * 3
    return world


def roused(world: World) -> bool:
    owner, now = "operator-1", world.clock()
    return rouse(LINE, world.lines, world.queue, owner=owner, now=now)


def resting(world: World, name: str) -> str | None:
    row, now = world.row(f"main:{name}"), world.clock()
    event = LoggedEvent(f"main:{name}", now, now, "w", deliveries=row.deliveries)
    return resting_in(event, "crm", now)


def test_the_head_is_attempted_now_and_the_others_go_on_behind_it(world: World) -> None:
    assert (resting(world, "m3"), resting(world, "m5")) == (LINE, LINE)
    before = world.clock()
    assert roused(world)
    world.live(4.0)
    assert arrived(world) == ["m3"] * 4 + ["m5"]
    assert world.clock() - before < 5.0


def test_without_it_the_retry_comes_in_its_own_time(world: World) -> None:
    world.live(4.0)
    assert arrived(world) == ["m3"] * 3


def test_what_was_attempted_stays_known_so_that_nothing_overtakes(world: World) -> None:
    assert world.receive(said("m1", 1)).status == 200
    assert roused(world)
    world.live(4.0)
    late = [a.event_key for a in world.sent_to("crm") if "X-Spectrum-Forwarder-Late" in a.headers]
    assert late == ["main:m1"]


def test_one_that_is_attempted_at_the_moment_is_left_to_its_holder(world: World) -> None:
    seen, _ = world.places.look(LINE, limit=1)
    held_now = replace(seen, holder="worker", until=world.clock() + 60)
    assert world.places.take(LINE, seen=seen, hold=held_now, now=world.clock())
    assert not roused(world)
    assert world.places.look(LINE, limit=1)[0] == held_now


@pytest.mark.parametrize("fails", ["look", "take", "let_go"])
def test_where_the_table_fails_the_retry_comes_in_its_own_time(world: World, fails: str) -> None:
    world.lines.fail(fails, times=1)
    with pytest.raises(Exception, match="down"):
        roused(world)
    world.live(300.0)
    assert arrived(world) == ["m3"] * 4 + ["m5"]


def test_a_conversation_that_does_not_rest_is_left_alone(world: World) -> None:
    world.live(300.0)
    assert world.receive(said("m7", 7)).status == 200
    world.poll()
    assert resting(world, "m7") == LINE
    assert not roused(world)


def test_it_is_let_go_of_awake_and_no_more_is_looked_at_than_that(world: World) -> None:
    look, asked = world.places.look, list[int]()

    def looking(line: str, *, limit: int) -> tuple[Hold, Sequence[Place]]:
        asked.append(limit)
        return look(line, limit=limit)

    take, held_until = world.places.take, list[float]()

    def taking(line: str, *, seen: Hold, hold: Hold, now: float) -> bool:
        held_until.append(hold.until - now)
        return take(line, seen=seen, hold=hold, now=now)

    vars(world.places).update(look=looking, take=taking)
    before = look(LINE, limit=1)[0]
    assert roused(world)
    after = look(LINE, limit=1)[0]
    assert after == replace(before, holder="operator-1", until=0.0, rests_until=0.0)
    assert (asked, held_until) == ([1], [5.0])


def test_where_the_hint_is_lost_it_goes_on_all_the_same(world: World) -> None:
    world.queue.fail("send_hint", times=1)
    with pytest.raises(QueueUnavailable):
        roused(world)
    world.live(300.0)
    assert arrived(world) == ["m3"] * 4 + ["m5"]


@pytest.mark.parametrize(
    "delivery",
    [
        planned("crm", START),
        held(planned("crm", START), START + 600, "breaker"),
        standing(held(planned("crm", START), START + 600, "paused"), START, START + 600, "c0ffee"),
        standing(planned("crm", START), START, START + 600),
    ],
)
def test_nobody_else_rests(delivery: object) -> None:
    event = LoggedEvent("main:m", START, START, "w", deliveries={"crm": delivery})  # type: ignore[dict-item]
    assert resting_in(event, "crm", START) is None
