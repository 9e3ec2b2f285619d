"""Fan out: retries until an event is delivered or given up, and breakers that spare attempts."""

import pytest
from spectrum_forwarder.domain.delivery import Answer, Status

from tests.support.make import body_of, destination_of, stored_of
from tests.support.world import World

KEY = "main:spc-msg-1"
BUSY = Answer(status=503, seconds=0.01)
MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture
def world() -> World:
    """A world with one quick destination, `crm`."""
    world = World()
    world.add_quick(destination_of("crm"))
    return world


# ---- Retries ------------------------------------------------------------------------------------


def test_a_failed_delivery_is_retried_until_it_works(world: World) -> None:
    world.sender.script["crm"] = [BUSY, Answer(error="timeout", seconds=0.4)]
    world.receive()
    world.live(MINUTE)
    assert world.outcome() == ("delivered", 3, None)
    first, second, third = (float(a.headers["webhook-timestamp"]) for a in world.sender.sent)
    assert 3 <= second - first <= 8
    assert 23 <= third - second <= 38
    assert len({attempt.headers["webhook-id"] for attempt in world.sender.sent}) == 1


def test_others_are_not_repeated_by_a_retry(world: World) -> None:
    world.add_quick(destination_of("erp"))
    world.sender.script["crm"] = [BUSY, BUSY]
    world.receive()
    world.live(MINUTE)
    assert (len(world.sent_to("crm")), len(world.sent_to("erp"))) == (3, 1)


def test_a_retry_after_is_waited_for(world: World) -> None:
    world.sender.script["crm"] = [Answer(status=429, seconds=0.01, retry_after=200.0)]
    world.receive()
    world.live(199)
    assert world.outcome() == ("pending", 1, None)
    world.live(3)
    assert world.outcome() == ("delivered", 2, None)


def test_what_is_due_later_than_a_hint_can_wait_is_left_to_the_sweeper(world: World) -> None:
    world.sender.script["crm"] = [Answer(status=429, seconds=0.01, retry_after=HOUR)]
    world.receive()
    world.live(1)
    assert world.memory_queue.queued == []
    world.live(HOUR + 2 * MINUTE)
    assert world.outcome() == ("delivered", 2, None)


def test_410_is_dead_lettered_and_told(world: World) -> None:
    world.sender.script["crm"] = [Answer(status=410, seconds=0.01)]
    world.fan_out(world.put(stored_of()))
    assert world.outcome() == ("dead_lettered", 1, "gone")
    assert world.row().expires_at is not None
    assert world.facts.named("delivery.dead_lettered") == [
        {"event_key": KEY, "destination": "crm", "reason": "gone", "attempts": 1}
    ]


def test_after_the_last_attempt_it_is_dead_lettered_and_told_once(world: World) -> None:
    world.add_quick(destination_of("crm", max_attempts=3), destination_of("erp"))
    world.sender.script = {"crm": [BUSY] * 9, "erp": [BUSY] * 4}
    world.receive()
    world.live(HOUR)
    assert world.outcome() == ("dead_lettered", 3, "exhausted: 503")
    assert world.outcome("erp") == ("delivered", 5, None)
    assert len(world.facts.named("delivery.dead_lettered")) == 1


def test_a_lost_hint_only_delays(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    world.queue.fail("send_hint", times=2)
    world.receive()
    world.live(5 * MINUTE)
    assert world.outcome() == ("delivered", 2, None)


def test_every_lost_queue_record_only_delays(world: World) -> None:
    world.sender.script["crm"] = [BUSY] * 3
    world.receive()
    for _ in range(60):
        world.memory_queue.queued.clear()
        world.live(MINUTE + 1)
    assert world.outcome() == ("delivered", 4, None)


# ---- The breaker --------------------------------------------------------------------------------


def test_an_outage_uses_up_few_attempts_and_ends_in_delivery(world: World) -> None:
    world.sender.script["crm"] = [BUSY] * 10_000
    for number in range(30):
        world.receive(body_of(f"m{number}"))
        world.live(20)
    assert world.facts.named("breaker.opened")
    attempts = len(world.sender.sent)
    world.live(HOUR)
    # A probe a minute, which uses up no attempt of the event that it is made with.
    assert len(world.sender.sent) - attempts <= 61
    assert max(world.delivery("crm", f"main:m{number}").attempts for number in range(30)) < 8
    waiting = [world.delivery("crm", f"main:m{number}") for number in range(30)]
    assert all(delivery.status is Status.PENDING for delivery in waiting)
    world.sender.script["crm"].clear()
    world.live(3 * MINUTE)
    done = [world.delivery("crm", f"main:m{number}") for number in range(30)]
    assert all(delivery.status is Status.DELIVERED for delivery in done)
    assert world.facts.named("breaker.closed")


def test_behind_an_open_breaker_an_event_waits_without_an_attempt(world: World) -> None:
    world.break_for("crm", 30)
    world.receive()
    world.live(20)
    assert world.outcome() == ("pending", 0, "breaker")
    # The next sweep after the cool-down.
    world.live(75)
    assert world.outcome() == ("delivered", 1, None)


def test_what_a_breaker_holds_is_looked_at_once_a_day_and_goes_out_when_it_closes(
    world: World,
) -> None:
    world.sender.script["crm"] = [BUSY] * 100_000
    world.break_for("crm", 0)
    keys = [f"main:m{number}" for number in range(40)]
    for key in keys:
        world.receive(body_of(key.removeprefix("main:")))
    world.live(2 * 24 * HOUR)
    waiting = [key for key in keys if world.outcome(event_key=key)[2] == "breaker"]
    assert len(waiting) > 20
    # But for the one that probes it, each minute another.
    assert world.table.calls.count("claim") < 2 * 24 * 60 + 12 * len(keys)
    world.sender.script["crm"].clear()
    world.live(2 * MINUTE)
    assert {world.outcome(event_key=key)[0] for key in waiting} == {"delivered"}


def test_one_event_probes_and_the_others_wait(world: World) -> None:
    world.break_for("crm", 0)
    world.sender.script["crm"] = [BUSY]
    world.fan_out(*[world.put(stored_of(f"m{number}")) for number in range(5)])
    assert len(world.sender.sent) == 1


def test_others_do_not_notice_an_open_breaker(world: World) -> None:
    world.add_quick(destination_of("erp"))
    world.break_for("crm", 30)
    world.fan_out(world.put(stored_of()))
    assert world.outcome("erp") == ("delivered", 1, None)


def test_what_a_breaker_holds_for_days_is_dead_lettered(world: World) -> None:
    world.sender.script["crm"] = [BUSY] * 100_000
    world.break_for("crm", 0)
    world.receive()
    world.receive(body_of("m2"))
    world.live(4.2 * 24 * HOUR)
    assert {d.status for r in world.rows.rows.values() for d in (r.deliveries or {}).values()} == {
        Status.DEAD_LETTERED
    }
