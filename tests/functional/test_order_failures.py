"""Order: conversations go on soon after a service of ours has failed under who led them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.line import Place, hint_to
from spectrum_forwarder.domain.order import Batch, Hold, Order
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.fanout.lines import conversations

from tests.functional.test_lines import arrived
from tests.functional.test_order import BUSY, HOUR, MINUTE, START, line, said
from tests.support.in_memory.clock import ManualClock
from tests.support.make import destination_of
from tests.support.world import SWEEP_EVERY, World

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


def test_a_line_that_cannot_be_passed_on_to_the_slow_lane_is_passed_on_soon(world: World) -> None:
    world.board.health.clear()  # nobody knows any more that it is quick
    world.memory_queue.queued.clear()
    world.memory_queue.send_hint(hint_to(LINE), slow=False)
    world.queue.fail("send_hint", times=1)
    world.live(SOON)
    assert arrived(world) == ["m1", "m2"]


def test_a_line_that_cannot_be_passed_on_when_time_is_up_goes_on_soon(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "GOES_ON_FOR", 0.0)
    world.memory_queue.queued.clear()
    world.clock.advance(3)
    world.memory_queue.send_hint(hint_to(LINE), slow=False)
    world.queue.fail("send_hint", times=1)
    world.poll()
    monkeypatch.undo()
    world.live(SOON)
    assert arrived(world) == ["m1", "m2"]


def test_a_defect_while_a_line_is_led_leaves_no_hold_behind(world: World) -> None:
    def fail(attempts: Iterable[Attempt]) -> Iterator[Any]:
        for _ in attempts:
            raise ValueError("a defect")
        yield from ()

    vars(world.sender)["send"] = fail
    world.clock.advance(3)
    with pytest.raises(ValueError, match="a defect"):
        world.fan_out(world.hint(hint_to(LINE)))
    assert world.places.look(LINE, limit=1)[0].until == 0.0
    del vars(world.sender)["send"]
    world.live(5 * MINUTE)
    assert arrived(world) == ["m1", "m2"]


# ---- Others have been there, or clocks differ ----------------------------------------------------


@pytest.mark.parametrize("early", [0.01, 0.45])
def test_a_hint_that_comes_a_little_before_a_rest_ends_is_not_in_vain(
    world: World, early: float
) -> None:
    world.sender.script["crm"] = [BUSY]
    world.live(3)
    rests_until = world.places.look(LINE, limit=1)[0].rests_until
    world.memory_queue.queued.clear()
    world.clock.now = rests_until - early
    world.fan_out(world.hint(hint_to(LINE)))
    assert arrived(world) == ["m1", "m1", "m2"]


def test_for_a_retry_before_its_time_no_time_is_left_but_once(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    world.live(3)
    world.memory_queue.queued.clear()
    world.clock.now = world.places.look(LINE, limit=1)[0].rests_until - 0.4
    world.fan_out(world.hint(hint_to(LINE)), deadline=world.clock() + 5)
    assert arrived(world) == ["m1"]
    assert len(world.memory_queue.queued) <= 2
    world.live(3)
    assert arrived(world) == ["m1", "m1", "m2"]


def test_a_retry_that_is_farther_off_than_a_hint_is_due_at_the_sweep_behind_it() -> None:
    world = world_of(Order(patience=4 * HOUR), ManualClock())
    world.sender.script["crm"] = [BUSY] * 5
    world.receive(said("m1", 1))
    world.live(0.3 * HOUR)
    waits = world.delivery("crm", "main:m1")
    assert waits.attempts == 5
    world.live(HOUR)
    taken_at = world.delivery("crm", "main:m1").history[-1].at
    assert 0.0 <= taken_at - waits.next_attempt_at <= SWEEP_EVERY + 1


def test_who_saw_a_line_before_another_failed_there_makes_no_attempt_of_its_own(
    world: World,
) -> None:
    """Of two that see its rest end, one takes it, fails and lets go before the other takes it."""
    world.sender.script["crm"] = [BUSY, BUSY]
    world.live(3)
    world.memory_queue.queued.clear()
    world.clock.now = world.places.look(LINE, limit=1)[0].rests_until
    look = world.places.look

    def and_then_another(line: str, *, limit: int) -> tuple[Hold, Sequence[Place]]:
        seen = look(line, limit=limit)
        del vars(world.places)["look"]
        world.fan_out(world.hint(hint_to(LINE)))
        return seen

    vars(world.places)["look"] = and_then_another
    world.fan_out(world.hint(hint_to(LINE)))
    assert arrived(world) == ["m1", "m1"]
    assert look(LINE, limit=1)[0].rests_until > world.clock() + 20


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
