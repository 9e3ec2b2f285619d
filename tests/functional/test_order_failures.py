"""Order: conversations go on soon after a service of ours has failed under who led them."""

import pytest
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.line import hint_to
from spectrum_forwarder.domain.order import Batch, Order

from tests.functional.test_lines import arrived
from tests.functional.test_order import BUSY, START, line, said
from tests.support.make import destination_of
from tests.support.memory import ManualClock
from tests.support.world import World

TOO_MUCH = Answer(status=413, seconds=9.0)
# By then, in seconds: a record that is kept comes again after five, a little later each time.
SOON = 15.0
# The claim of one who died ends after 75, and what waits for that comes again then.
AFTER_A_CLAIM = 80.0


class TickingClock(ManualClock):
    """Each look at it takes a millisecond."""

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


LINE = line("chat")


def world_of(order: Order, clock: ManualClock) -> World:
    clock.now = START
    world = World(clock=clock)
    world.add_quick(destination_of("crm", order=order, timeout_seconds=30.0))
    return world


@pytest.fixture
def world() -> World:
    """A world with two events of a conversation that wait for their turn."""
    world = world_of(Order(), ManualClock())
    for n in (1, 2):
        assert world.receive(said(f"m{n}", n)).status == 200
    world.poll()
    return world


# ---- A service of ours fails ---------------------------------------------------------------------


def test_a_claim_that_is_refused_is_asked_for_again_soon(world: World) -> None:
    world.table.fail("claim", times=1)
    world.live(SOON)
    assert arrived(world) == ["m1", "m2"]


def test_a_claim_that_nobody_heard_of_is_followed_when_it_ends(world: World) -> None:
    world.table.lose("claim", times=1)
    world.live(AFTER_A_CLAIM)
    assert arrived(world) == ["m1", "m2"]


def test_a_body_that_cannot_be_read_is_read_again_soon(world: World) -> None:
    for row in world.rows.rows.values():
        packed = row.stored.packed
        assert packed is not None
        row.write(None, world.bodies.put(packed))
    world.payloads.fail("get", times=1)
    world.live(SOON)
    assert arrived(world) == ["m1", "m2"]


def test_a_place_that_cannot_be_freed_leaves_the_line_to_the_next_one(world: World) -> None:
    """Who led it has failed, and holds it no longer."""
    world.lines.fail("free", times=2)
    world.live(SOON)
    assert arrived(world) == ["m1", "m2"]


def test_a_hold_that_nobody_heard_of_is_let_go(world: World) -> None:
    world.lines.lose("take", times=1)
    world.live(SOON)
    assert arrived(world) == ["m1", "m2"]


def test_a_line_that_cannot_be_let_go_is_called_when_its_hold_ends(world: World) -> None:
    world.lines.fail("free", times=2)
    world.lines.fail("let_go", times=1)
    world.live(AFTER_A_CLAIM)
    assert arrived(world) == ["m1", "m2"]


# ---- No time is left -----------------------------------------------------------------------------


def test_a_retry_for_which_no_time_is_left_calls_its_line_once() -> None:
    world = world_of(Order(), TickingClock())
    world.sender.script["crm"] = [BUSY]
    world.receive(said("m1", 1))
    world.live(3)
    assert arrived(world) == ["m1"]
    world.memory_queue.queued.clear()
    world.clock.advance(10)
    before = world.memory_queue.sent
    world.fan_out(world.hint(hint_to(LINE), slow=True), deadline=world.clock() + 25)
    assert arrived(world) == ["m1"]
    assert world.memory_queue.sent - before <= 2
    world.live(SOON)
    assert arrived(world) == ["m1", "m1"]


def test_a_smaller_batch_for_which_no_time_is_left_calls_its_line_once() -> None:
    world = world_of(Order(batch=Batch(window=2.0, most=20, wait=8.0)), TickingClock())
    for n in (1, 2):
        world.receive(said(f"m{n}", n))
    world.poll()
    world.memory_queue.queued.clear()
    world.clock.advance(10)
    # When that is said there is no time for a half.
    world.sender.script["crm"] = [TOO_MUCH]
    looks = len(world.lines.calls)
    world.fan_out(world.hint(hint_to(LINE), slow=True), deadline=world.clock() + 40)
    assert len(world.sent_to("crm")) == 1
    assert world.lines.calls[looks:].count("look") <= 5
    world.live(SOON)
    assert all(world.outcome("crm", f"main:m{n}")[0] == "delivered" for n in (1, 2))
