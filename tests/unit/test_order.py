"""Order: whose turn it is in a conversation's line, and what a hold remembers of it."""

from collections.abc import Sequence

import pytest
from spectrum_forwarder.domain.line import Place, line_hinted_at
from spectrum_forwarder.domain.order import (
    Batch,
    Hold,
    Order,
    Turn,
    conversation_in,
    conversation_of,
    destination_in,
    line_of,
    mark,
    next_turn,
)

from tests.support.make import NOW

ONE, BATCHES = Order(), Order(batch=Batch(window=4.0, most=3, wait=10.0))


def place(name: str, stood_for: float = 60.0) -> Place:
    """The place of one that came so many seconds ago."""
    return Place(name, f"main:{name}", NOW - stood_for)


A, B, C, D = map(place, "abcd")


@pytest.mark.parametrize(
    ("order", "stood_for", "scale", "has_turn"),
    [
        # Two workers' clocks may differ by half a second.
        (ONE, 1.0, 1.0, True),
        (ONE, 0.875, 1.0, False),
        (ONE, 0.5, 0.5, True),
        (ONE, 0.375, 0.5, False),
        (ONE, 5.5, 4.0, True),
        (ONE, 5.25, 4.0, False),
        (BATCHES, 3.5, 1.0, True),
        (BATCHES, 3.25, 1.0, False),
        (BATCHES, 1.75, 0.5, True),
    ],
)
def test_who_has_come_waits_for_those_that_were_said_before(
    order: Order, stood_for: float, scale: float, has_turn: bool
) -> None:
    places = (place("a", stood_for),)
    turn = next_turn(places, Hold(), order, now=NOW, scale=scale)
    assert turn == (Turn(places) if has_turn else None)


@pytest.mark.parametrize(
    ("ages", "together"),
    [
        ((9.0, 0.0), 0),
        ((9.5, 0.0), 2),
        ((9.25, 3.5), 2),
        ((9.25, 3.25), 0),
        ((0.0, 0.0, 0.0), 3),
        ((0.0, 0.0, 0.0, 0.0), 3),
    ],
)
def test_a_batch_is_what_was_said_until_all_fell_silent_or_it_is_full_or_has_waited(
    ages: Sequence[float], together: int
) -> None:
    places = [place(name, age) for name, age in zip("abcd", ages, strict=False)]
    turn = next_turn(places, Hold(), BATCHES, now=NOW, scale=1.0)
    assert turn == (Turn(tuple(places[:together])) if together else None)


def test_the_longest_wait_of_a_batch_is_scaled_as_well() -> None:
    places = (place("a", 4.75), place("b", 0.0))
    assert next_turn(places, Hold(), BATCHES, now=NOW, scale=0.5) == Turn(places)
    places = (place("a", 4.5), place("b", 0.0))
    assert next_turn(places, Hold(), BATCHES, now=NOW, scale=0.5) is None


@pytest.mark.parametrize(
    ("hold", "places", "turn"),
    [
        (Hold(), (), None),
        (Hold(), (A, B), Turn((A,))),
        (Hold(last="b"), (A, B, C), Turn((A,), late=True)),
        (Hold(last="c", among=("b", "c")), (A, B, C), Turn((A,), late=True)),
        (Hold(last="c", among=("a", "c")), (A, B, C), Turn((B,), late=True)),
        (Hold(last="c"), (A, B, D), Turn((A, B), late=True)),
        (Hold(last="a"), (A, B), Turn((A,))),
        (Hold(last="a", rests_until=NOW + 0.5), (A, B), Turn((A,))),
        (Hold(last="a", rests_until=NOW + 0.75), (A, B), None),
        (Hold(last="a", rests_until=NOW + 60), (B,), Turn((B,))),
    ],
)
def test_whose_turn_it_is(hold: Hold, places: Sequence[Place], turn: Turn | None) -> None:
    assert next_turn(places, hold, ONE, now=NOW, scale=1.0) == turn


@pytest.mark.parametrize(("most", "together"), [(0, 3), (1, 1), (2, 2), (9, 3)])
def test_a_batch_is_no_larger_than_the_destination_takes(most: int, together: int) -> None:
    places = (A, B, C, D)
    turn = next_turn(places, Hold(most=most), BATCHES, now=NOW, scale=1.0)
    assert turn == Turn(places[:together])


def test_a_group_that_was_attempted_comes_again_alike() -> None:
    young = (place("a", 0.0), place("b", 0.0))
    hold = Hold(last="b", among=("a", "b"))
    assert next_turn(young, hold, BATCHES, now=NOW, scale=1.0) == Turn(young)


def test_a_hold_says_how_far_it_goes_before_anything_is_attempted() -> None:
    hold = Hold("old", NOW, "a", ("0", "a"), NOW + 9, 2).of(
        (B, C), (A, B, C), holder="new", until=NOW + 5
    )
    assert hold == Hold("new", NOW + 5, "c", ("a", "b", "c"), 0.0, 2)
    assert Hold(last="z").of((A,), (A,), holder="new", until=1.0) == Hold("new", 1.0, "z")
    assert hold.let_go() == Hold("new", 0.0, "c", ("a", "b", "c"), 0.0, 2)


@pytest.mark.parametrize(
    ("position", "attempted", "late"),
    [("a", False, True), ("b", True, False), ("c", True, False), ("d", False, False)],
)
def test_what_was_attempted_keeps_its_turn(position: str, attempted: bool, late: bool) -> None:
    hold = Hold(last="c", among=("b", "c"))
    assert hold.was_attempted(place(position)) is attempted
    assert hold.comes_late(place(position)) is late


def test_what_is_configured_of_an_order() -> None:
    assert (ONE.patience, ONE.window, ONE.most) == (900.0, 1.5, 1)
    assert (BATCHES.window, BATCHES.most) == (4.0, 3)
    assert Hold() == Hold("", 0.0, "", (), 0.0, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"event":"messages"}',
        b'{"event":"messages","space":{"id":5},"message":{"id":"m"}}',
        b'{"event":"messages","space":{"id":""},"message":{"id":"m"}}',
    ],
)
def test_what_names_no_conversation_has_none(body: bytes) -> None:
    assert conversation_of(body) == ""


def test_a_conversation_is_known_by_sixteen_digits_whatever_its_name_is() -> None:
    bodies = [
        b'{"event":"messages","space":{"id":"%s"},"message":{"id":"m"}}' % name
        for name in (b"one", b"other", b"\\ud800")
    ]
    names = {conversation_of(body) for body in bodies}
    assert sorted(map(len, names)) == [16, 16, 16]


def test_the_names_of_lines_lead_back_to_whose_they_are() -> None:
    line = line_of("crm", "chat")
    assert (destination_in(line), conversation_in(line)) == ("crm", "chat")
    assert line_of("crm", "") == "crm"
    assert (destination_in("crm"), conversation_in("crm")) == ("crm", "")


def test_a_mark_stands_behind_all_deliveries_and_leads_to_its_line() -> None:
    there = mark("crm/chat", NOW, 5.0)
    assert (line_hinted_at(there.event_key), there.stood_at) == ("crm/chat", NOW)
    assert (there.probed_at, mark("crm/chat", NOW).probed_at) == (5.0, 0.0)
    assert there.position > f"{NOW * 1000:014.0f}/{NOW * 1000:014.0f}/main:1"
