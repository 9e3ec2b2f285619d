"""Turns: who of a line has its turn, when, and for how long it is waited for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.line import Place
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.lines import turns as module
from spectrum_forwarder.fanout.lines.turns import Turns

from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.facts import FactList
from tests.support.in_memory.lines import MemoryHealthBoard
from tests.support.in_memory.registries import MemoryDestinations
from tests.support.make import NOW, destination_of

GLANCE = 0.005


class Stopped(Exception):
    """A test has seen enough."""


@dataclass
class Bench:
    """One line of these places, and its turns; `stops_at` is the sleep that ends a test."""

    count: int = 0
    destination: Destination | None = None
    health: Health = field(default_factory=lambda: Health(quick=True))
    next_at: float = 0.0
    ends: float = NOW + 20
    stops_at: int = 1000

    def __post_init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.places = [Place(f"{n:03}", f"main:{n}", NOW) for n in range(self.count)]
        self.asked: list[tuple[int, str]] = []
        self.slept: list[float] = []
        self.led: list[tuple[str, float]] = []
        self.frees = True
        board, timing = MemoryHealthBoard(), Timing()
        board.health["crm"] = self.health
        self.gate = Gate(cast(Any, board), clock=self.clock, facts=FactList(), timing=timing)
        usable = {} if self.destination is None else {"crm": self.destination}
        configured = Configured(MemoryDestinations(usable, clock=self.clock), self.clock, timing)
        self.turns = Turns(
            cast(Any, self),
            "crm",
            configured,
            self.gate,
            self.clock,
            self.sleep,
            self.lead,
            self.next_at,
            self.ends,
        )

    def first(self, line: str, *, limit: int, after: str) -> Sequence[Place]:
        """The `Lines` port's."""
        self.asked.append((limit, after))
        return [place for place in self.places if place.position > after][:limit]

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)
        if len(self.slept) >= self.stops_at:
            raise Stopped

    def lead(self, place: Place, at: float) -> bool:
        self.led.append((place.position, at))
        if self.frees:
            self.places.remove(place)
        return self.frees

    def come(self) -> list[str]:
        """All whose turn comes, none of whom is through."""
        return [place.position for place in self.turns.come()]

    def drain(self) -> list[str]:
        """All whose turn comes, each of whom is through when the next one comes."""
        for place in self.turns.come():
            self.turns.take(place)
        return [position for position, _ in self.led]


CRM = destination_of("crm")


@pytest.mark.parametrize(
    ("destination", "room"),
    [
        (None, 40),
        (CRM, 40),
        (destination_of("crm", rate=1e9), 100),
        (destination_of("crm", max_in_flight=2), 2),
        (destination_of("crm", max_in_flight=2, rate=1e9), 2),
        (destination_of("crm", max_in_flight=110), 110),
    ],
)
def test_so_many_are_under_way_at_once(destination: Destination | None, room: int) -> None:
    bench = Bench(120, destination, stops_at=1)
    assert len(bench.come()) == room
    assert bench.slept == [GLANCE]
    assert isinstance(bench.turns.failure, Stopped)


def test_places_are_read_page_by_page_and_again_from_the_first_once_some_have_left() -> None:
    bench = Bench(50, CRM)
    assert bench.drain() == [f"{n:03}" for n in range(50)]
    assert bench.asked == [(40, ""), (40, "039"), (40, "049"), (40, "")]
    assert (bench.turns.seen_empty, bench.turns.left, bench.slept) == (True, 50, [])


def test_where_nobody_leaves_the_line_is_read_once() -> None:
    bench = Bench(2, CRM)
    bench.frees = False
    assert bench.drain() == ["000", "001"]
    assert bench.asked == [(40, ""), (40, "001")]
    assert (bench.turns.seen_empty, bench.turns.left) == (False, 0)


@pytest.mark.parametrize(
    ("ahead", "slept"),
    [(0.0, []), (0.25, []), (0.5, [0.2]), (5.0, [4.7]), (5.25, None)],
)
def test_one_is_claimed_a_little_before_its_time_and_waited_for_five_seconds_at_most(
    ahead: float, slept: list[float] | None
) -> None:
    bench = Bench(1, CRM, next_at=NOW + ahead)
    assert bench.drain() == ([] if slept is None else ["000"])
    assert bench.slept == pytest.approx(slept or [], abs=1e-6)
    if slept is not None:
        ((_, at),) = bench.led
        assert at == pytest.approx(NOW + ahead, abs=0.0200001)


def test_one_whose_time_is_as_near_as_that_is_claimed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "AHEAD", 0.25)
    bench = Bench(1, CRM, next_at=NOW + 0.25)
    assert (bench.drain(), bench.slept) == (["000"], [])


@pytest.mark.parametrize(("ahead", "comes"), [(5.0, True), (5.25, False), (-9.0, True)])
def test_one_alone_is_waited_for_as_long(ahead: float, comes: bool) -> None:
    bench = Bench(1, CRM, next_at=NOW + ahead)
    assert bench.turns.come_alone() is comes
    assert bench.slept == ([max(0.0, ahead)] if comes else [])


def test_one_alone_has_its_time_in_the_pace_and_none_while_the_way_is_closed() -> None:
    bench = Bench(1, destination_of("crm", rate=0.5))
    assert bench.turns.come_alone()
    assert bench.turns.goes_on_at > NOW + 2
    assert not Bench(1, destination_of("crm", enabled=False)).turns.come_alone()


@pytest.mark.parametrize(("left", "comes"), [(0.0, False), (0.25, True)])
def test_there_are_turns_until_they_end(left: float, comes: bool) -> None:
    assert bool(Bench(1, CRM, ends=NOW + left).drain()) is comes


def test_none_has_its_turn_while_the_way_is_closed() -> None:
    paused = Bench(1, destination_of("crm", enabled=False))
    broken = Bench(1, CRM, Health(failures=20, open_until=NOW + 60, trips=1, quick=True))
    for bench in (paused, broken):
        assert not bench.turns.is_open
        assert (bench.drain(), bench.asked) == ([], [])


def test_a_breaker_is_probed_with_the_one_with_which_that_was_longest_ago() -> None:
    bench = Bench(250, CRM, Health(failures=20, open_until=NOW, trips=1, quick=True), stops_at=2)
    bench.places = [
        Place(place.position, place.event_key, NOW, probed_at=0.0 if n in (7, 9) else NOW - 5)
        for n, place in enumerate(bench.places)
    ]
    assert bench.come() == ["007"]
    assert bench.asked == [(200, "")]
    assert bench.slept == [GLANCE, GLANCE]


def test_who_is_under_way_is_waited_for_half_a_second_and_then_the_line_is_read_again() -> None:
    bench = Bench(1, CRM, stops_at=150)
    assert bench.come() == ["000"]
    assert set(bench.slept) == {GLANCE}
    assert bench.asked == [(40, ""), (40, "000"), (40, ""), (40, "000")]
    again = Bench(1, CRM, stops_at=99)
    again.come()
    assert again.asked == [(40, ""), (40, "000")]


def test_it_is_read_again_when_half_a_second_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GLANCE", 0.25)
    bench = Bench(1, CRM, stops_at=3)
    bench.come()
    assert bench.asked == [(40, ""), (40, "000"), (40, ""), (40, "000")]


def test_one_that_was_begun_in_time_is_waited_for_beyond_the_end() -> None:
    bench = Bench(1, CRM, ends=NOW + 0.1, stops_at=150)
    bench.come()
    assert bench.asked == [(40, ""), (40, "000"), (40, ""), (40, "000")]


def test_who_was_refused_for_the_pace_is_the_first_one_again() -> None:
    bench = Bench(3, CRM)
    for place in bench.turns.come():
        bench.frees = len(bench.led) > 0
        if not bench.frees:
            bench.gate.saw("crm", Answer(status=429, retry_after=1.0))
        bench.turns.take(place)
    assert [position for position, _ in bench.led] == ["000", "000", "001", "002"]
    assert bench.clock() == pytest.approx(NOW + 1.0, abs=0.3)


def test_a_rest_that_is_asked_for_meanwhile_makes_all_others_wait() -> None:
    bench = Bench(3, CRM)
    came = []
    for place in bench.turns.come():
        came.append(place.position)
        if len(came) == 1:
            bench.gate.saw("crm", Answer(status=429, retry_after=60.0))
        bench.turns.take(place)
    assert came == ["000"]
    assert bench.turns.goes_on_at == NOW + 60
    assert bench.turns.has_more


def test_whether_there_is_more_to_do_here() -> None:
    unseen = Bench(1, CRM)
    assert unseen.turns.has_more
    held = Bench(1, CRM)
    held.frees = False
    held.drain()
    assert not held.turns.has_more
    held.gate.saw("crm", Answer(status=429, retry_after=60.0))
    assert held.turns.has_more
    led = Bench(1, CRM)
    led.drain()
    assert led.turns.has_more
    assert led.asked == [(40, ""), (40, "000"), (40, "")]


def test_what_one_fails_with_ends_the_turns_and_is_told_later() -> None:
    bench = Bench(3, CRM)
    error = ArithmeticError()

    def fail(place: Place, at: float) -> bool:
        raise error

    bench.turns.lead = fail
    assert bench.drain() == []
    assert bench.asked == [(40, "")]
    assert bench.turns.failure is error
