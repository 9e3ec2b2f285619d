"""Calls: which lines are hinted at when deliveries come to them or leave, when, and how often."""

from dataclasses import replace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import Delivery, planned
from spectrum_forwarder.domain.errors import QueueUnavailable
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.line import hint_to
from spectrum_forwarder.domain.order import Batch, Order
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.lines.call import Calls, hint_at

from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.facts import FactList
from tests.support.in_memory.lines import MemoryHealthBoard
from tests.support.in_memory.registries import MemoryDestinations
from tests.support.make import NOW, destination_of


class Hints:
    """A queue that notes the hints that it is sent, or is `down`."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, float, bool]] = []
        self.down = False

    def send_hint(self, event_key: str, *, delay: float = 0.0, slow: bool = False) -> None:
        if self.down:
            raise QueueUnavailable("down")
        self.sent.append((event_key, delay, slow))


CRM, CHAT = "crm", "crm/chat"


def calls(order: Order | None = None, scale: float = 1.0) -> tuple[Calls, Hints, ManualClock]:
    clock, facts, timing, board = ManualClock(NOW), FactList(), Timing(scale), MemoryHealthBoard()
    board.health[CRM] = Health(quick=True)
    destination = destination_of(CRM, order=order or Order())
    registry = MemoryDestinations({CRM: destination}, clock=clock)
    gate = Gate(cast(Any, board), clock=clock, facts=facts, timing=timing)
    hints = Hints()
    configured = Configured(registry, clock, timing)
    return Calls(cast(Any, hints), configured, gate, clock, facts, timing), hints, clock


def stands(
    stood_at: float = NOW, conversation: str = "chat", waiting_for: str | None = "turn"
) -> Delivery:
    there = planned(CRM, NOW)
    return replace(there, stood_at=stood_at, conversation=conversation, waiting_for=waiting_for)


GOES = planned(CRM, NOW)


@pytest.mark.parametrize(
    ("before", "after", "led_in", "delays"),
    [
        # A hint comes when the window has passed, by whole seconds.
        (GOES, stands(), None, [2.0]),
        (GOES, stands(NOW - 1.0), None, [1.0]),
        (GOES, stands(NOW - 9.0), None, [0.0]),
        (GOES, stands(), CHAT, []),
        (GOES, stands(waiting_for="paused"), None, []),
        # Who stood there has had one, which may have come in vain once its time is over.
        (stands(NOW - 1.0), stands(NOW - 1.0), None, []),
        (stands(NOW - 1.5), stands(NOW - 1.5), None, [0.0]),
        # Who leaves others alone calls them, but where somebody sees to it.
        (stands(), GOES, None, [0.0]),
        (stands(), GOES, CHAT, []),
        (stands(), stands(conversation="other", waiting_for=None), CHAT, []),
        (stands(conversation=""), GOES, None, []),
        (GOES, GOES, None, []),
    ],
)
def test_a_line_is_called_by_who_comes_and_by_who_leaves(
    before: Delivery, after: Delivery, led_in: str | None, delays: list[float]
) -> None:
    made, hints, _ = calls()
    made.call_for({CRM: before}, {CRM: after}, led_in=led_in)
    assert hints.sent == [(hint_to(CHAT), delay, False) for delay in delays]


@pytest.mark.parametrize(
    ("order", "scale", "delay"),
    [(Order(), 1.0, 2.0), (Order(batch=Batch(4.0, 9, 60.0)), 1.0, 4.0), (Order(), 0.5, 1.0)],
)
def test_the_window_is_the_destinations(order: Order, scale: float, delay: float) -> None:
    made, hints, _ = calls(order, scale)
    made.call_for({}, {CRM: stands()}, led_in=None)
    assert hints.sent == [(hint_to(CHAT), delay, False)]


@pytest.mark.parametrize(
    ("since", "window", "delays"),
    [
        # The first one's comes at 2 s; 0.25 s are no reason for another.
        (0.0, 2.0, [2.0]),
        (0.25, 2.0, [2.0]),
        (0.5, 2.0, [2.0, 2.0]),
        (1.0, 1.0, [2.0]),
        (1.0, 2.0, [2.0, 2.0]),
    ],
)
def test_one_hint_serves_all_that_come_at_about_the_same_time(
    since: float, window: float, delays: list[float]
) -> None:
    made, hints, clock = calls(Order(batch=Batch(2.0, 9, 60.0)))
    made.call_for({}, {CRM: stands()}, led_in=None)
    clock.now = NOW + since
    made.call_for({}, {CRM: stands(clock.now + window - 2.0)}, led_in=None)
    assert [delay for _, delay, _ in hints.sent] == delays


def test_a_hint_that_has_arrived_serves_nobody_else() -> None:
    made, hints, clock = calls()
    made.call_for({}, {CRM: stands()}, led_in=None)
    clock.now = NOW + 2.0
    made.call_for({}, {CRM: stands(NOW)}, led_in=None)
    assert [delay for _, delay, _ in hints.sent] == [2.0, 0.0]


@pytest.mark.parametrize(
    ("asked", "delay"), [(None, 0.0), (-5.0, 0.0), (0.25, 0.25), (10_000.0, 900.0)]
)
def test_a_call_is_delayed_by_no_more_than_a_queue_can(asked: float | None, delay: float) -> None:
    made, hints, _ = calls()
    made.call(CHAT) if asked is None else made.call(CHAT, delay=asked)
    assert hints.sent == [(hint_to(CHAT), delay, False)]


def test_a_hint_to_a_line_goes_at_once_by_the_slow_lane_if_nothing_else_is_said() -> None:
    hints = Hints()
    hint_at(cast(Any, hints), CRM, FactList())
    assert hints.sent == [(hint_to(CRM), 0.0, True)]


def test_a_hint_that_cannot_be_sent_is_told_and_no_more() -> None:
    hints, facts = Hints(), FactList()
    hints.down = True
    hint_at(cast(Any, hints), CRM, facts)
    assert facts.named("hint.failed") == [{"event_key": hint_to(CRM), "cause": "down"}]
