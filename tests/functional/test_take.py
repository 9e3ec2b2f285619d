"""Take: claims that are not answered, and events that are put first."""

from dataclasses import replace

import pytest
from spectrum_forwarder.domain.errors import LaterFormat
from spectrum_forwarder.domain.line import Place
from spectrum_forwarder.domain.worker_ports import Claimed, QueueRecord
from spectrum_forwarder.fanout.take import Taken

from tests.support.make import NOW, destination_of, stored_of
from tests.support.world import World

KEY = "main:spc-msg-1"


@pytest.fixture
def world() -> World:
    """A world with one quick destination, `crm`."""
    world = World()
    world.add_quick(destination_of("crm"))
    return world


@pytest.mark.parametrize(
    ("time_left", "sleeps", "pauses"),
    [
        # As long as it is to, a little shorter, and a little shorter still.
        (57.0, 1.0, [0.2, 0.4, 0.8, 1.6, 3.0, 3.0, 3.0, 3.0, 3.0]),
        (57.0, 0.975, [0.2, 0.4, 0.8, 1.6, 3.0, 3.0, 3.0, 3.0, 3.0]),
        (57.0, 0.9, [0.2, 0.4, 0.8, 1.6, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]),
        (19.0, 1.0, [0.2, 0.4, 0.8, 1.6, 3.0, 3.0, 3.0, 3.0, 3.0]),
        (17.5, 1.0, [0.2, 0.4, 0.8, 1.6, 3.0, 3.0, 3.0, 3.0]),
        (1.5, 1.0, [0.2, 0.4, 0.8]),
        (0.2, 1.0, []),
        (0.1, 1.0, []),
    ],
)
def test_a_claim_without_an_answer_is_asked_for_ever_more_seldom_for_twenty_seconds(
    world: World, time_left: float, sleeps: float, pauses: list[float]
) -> None:
    hint = world.put(stored_of())
    world.table.lose("claim")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        world.clock.advance(seconds * sleeps)

    world.sleep = sleep
    assert world.fan_out(hint, deadline=world.clock() + time_left) == [hint.id]
    assert slept == pauses
    assert world.table.calls.count("claim") == 1 + len(pauses)


def test_a_claim_that_is_answered_late_is_handled_and_asked_for_no_more(world: World) -> None:
    hint = world.put(stored_of())
    world.table.lose("claim", times=2)
    assert world.fan_out(hint) == []
    assert world.table.calls.count("claim") == 3
    assert world.outcome() == ("delivered", 1, None)


def test_what_a_later_version_stored_is_left_to_that_and_told(world: World) -> None:
    hint = world.put(stored_of())

    def claim(*arguments: object, **named: object) -> None:
        raise LaterFormat("of tomorrow")

    vars(world.table)["claim"] = claim
    assert world.fan_out(hint) == []
    (told,) = world.facts.named("event.later_format")
    assert told == {"event_key": KEY, "cause": "of tomorrow"}


@pytest.mark.parametrize(("down", "kept"), [(["prove"], False), (["prove", "note"], True)])
def test_an_event_that_cannot_be_proved_is_left_alone_and_its_hint_kept_if_that_fails(
    world: World, down: list[str], kept: bool
) -> None:
    hint = world.put(stored_of())
    world.rows.claim(KEY, owner="dead", now=world.clock(), until=world.clock() + 1)
    world.clock.advance(2)
    world.table.fail(*down)
    assert world.fan_out(hint) == ([hint.id] if kept else [])
    assert world.sender.sent == []
    (told,) = world.facts.named("outcome.unwritten")
    assert told["held_seconds"] == (0 if kept else 120)


def test_a_whole_event_that_is_new_is_none_of_a_known_id(world: World) -> None:
    stored = stored_of()
    assert world.fan_out(QueueRecord("whole", KEY, whole=stored)) == []
    assert world.outcome() == ("delivered", 1, None)
    assert world.facts.named("event.same_id") == []


def test_a_claim_lasts_for_as_long_as_the_slowest_destination_may_take(world: World) -> None:
    world.add(destination_of("slow", timeout_seconds=90.0))
    hint = world.put(stored_of())
    world.sender.not_before = world.clock() + 500
    world.table.fail("record", "note")
    world.fan_out(hint)
    assert world.row().claimed_until >= NOW + 95.0


@pytest.mark.parametrize(
    ("place", "since", "led_in"),
    [
        (None, None, "crm"),
        ("1/1/there", None, "crm"),
        ("elsewhere", None, None),
        ("1/1/there", NOW, None),
    ],
)
def test_a_delivery_is_led_from_the_place_that_it_has_now(
    world: World, place: str | None, since: float | None, led_in: str | None
) -> None:
    world.fan_out(world.put(stored_of()))
    delivery = replace(world.delivery("crm"), in_order_since=since)
    claimed = Claimed(KEY, "a", NOW + 75, 1, "w", NOW, None, None, b"", None, None, 1)
    at = None if place is None else Place(place, KEY, NOW)
    taken = Taken(QueueRecord("id", KEY, drains="crm", place=at), claimed, {"crm": delivery})
    assert taken.led_in("crm", "1/1/there") == led_in
