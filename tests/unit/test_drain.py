"""Draining: for how long one invocation drains a line, and how it leaves it behind."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.errors import QueueUnavailable, TableUnavailable
from spectrum_forwarder.domain.line import Line, Place, hint_to
from spectrum_forwarder.domain.order import mark
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import QueueRecord
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.lines.drain import Draining

from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.facts import FactList
from tests.support.in_memory.lines import MemoryHealthBoard
from tests.support.in_memory.registries import MemoryDestinations
from tests.support.make import NOW, destination_of

STANDS = Line(NOW - 86_400, holder="holder-1")


@dataclass
class Bench:
    """The line of `crm`, each of whose places takes a second; it stands for a day."""

    count: int = 1
    rate: float | None = None
    line: Line | None = STANDS
    comes_meanwhile: bool = False
    takes_down: bool = True
    seconds: float = 1.0

    def __post_init__(self) -> None:
        self.clock, self.facts = ManualClock(NOW), FactList()
        self.places = [Place(f"{n:03}", f"main:{n}", NOW - 600 + n) for n in range(self.count)]
        self.freed: set[tuple[str, Place]] = set()
        self.led: list[QueueRecord] = []
        self.left: list[Line] = []
        self.held: list[float] = []
        self.taken_down: list[float] = []
        self.hints: list[tuple[str, float, bool]] = []
        self.called: list[str] = []
        self.limits: list[tuple[str, int]] = []
        self.fails = False

    # ---- The ports ----

    def hold(self, identity: str, *, holder: str, now: float, until: float) -> Line | None:
        if self.fails:
            raise TableUnavailable("down")
        self.held.append(until - now)
        return self.line

    def let_go(self, identity: str, line: Line) -> None:
        self.left.append(line)

    def take_down(self, identity: str, *, holder: str, emptied_at: float) -> bool:
        self.taken_down.append(emptied_at)
        return self.takes_down

    def first(self, line: str, *, limit: int, after: str = "") -> Sequence[Place]:
        self.limits.append((line, limit))
        if limit == 1 and self.comes_meanwhile:
            return [Place("999", "main:new", NOW)]
        return [place for place in self.places if place.position > after][:limit]

    def free(self, line: str, place: Place) -> bool:
        self.places.remove(place)
        return True

    def call(self, line: str) -> None:
        self.called.append(line)

    def send_hint(self, event_key: str, *, delay: float = 0.0, slow: bool = False) -> None:
        if event_key != hint_to("crm"):
            raise QueueUnavailable("for others")
        self.hints.append((event_key, delay, slow))

    # ---- The stages ----

    def lead(self, records: Sequence[QueueRecord]) -> None:
        (record,) = records
        assert record.place is not None
        self.led.append(record)
        self.places.remove(record.place)
        self.freed.add(("crm", record.place))
        self.clock.advance(self.seconds)

    def abreast(self, take: Callable[[Place], None], places: Iterable[Place]) -> Iterator[None]:
        """One after the other."""
        return map(take, places)

    def drain(self, time_left: float = 57.0) -> list[str]:
        """The places that are led."""
        board, timing = MemoryHealthBoard(), Timing()
        gate = Gate(cast(Any, board), clock=self.clock, facts=self.facts, timing=timing)
        registry = MemoryDestinations(
            {"crm": destination_of("crm", rate=self.rate)}, clock=self.clock
        )
        this = cast(Any, self)
        Draining(
            lines=this,
            board=this,
            table=this,
            queue=this,
            calls=this,
            configured=Configured(registry, self.clock, timing),
            gate=gate,
            clock=self.clock,
            sleep=self.clock.advance,
            facts=self.facts,
            timing=timing,
            new_owner=lambda: "holder-1",
            lead=self.lead,
            lead_suspects=lambda *_: None,
            abreast=self.abreast,
            freed=self.freed,
        ).drain("crm", deadline=NOW + time_left)
        return [record.place.position for record in self.led if record.place]


HINT = hint_to("crm")


@pytest.mark.parametrize(("time_left", "led"), [(57.0, 20), (5.0, 5), (20.5, 20)])
def test_one_invocation_drains_for_twenty_seconds_and_has_another_go_on(
    time_left: float, led: int
) -> None:
    bench = Bench(30)
    assert len(bench.drain(time_left)) == led
    assert bench.held == [75.0]
    (left,) = bench.left
    assert (left.since, left.emptied_at) == (NOW - 600 + led, 0.0)
    assert (left.pace, left.paced_at) == (1.0, NOW + led)
    assert bench.hints == [(HINT, 0.0, True)]
    assert bench.facts.named("line.drained") == [{"destination": "crm", "deliveries": led}]


def test_what_is_told_of_the_pace_is_exact_to_the_thousandth() -> None:
    bench = Bench(3, rate=1e9, seconds=0.1)
    bench.clock.now = NOW + 0.0124
    bench.drain(0.3)
    (left,) = bench.left
    assert left.pace == 10.013
    assert left.paced_at == round(NOW + 0.3124, 3)


def test_whoever_is_led_comes_with_its_place_and_its_time() -> None:
    bench = Bench(1)
    (place,) = bench.places
    bench.drain()
    (record,) = bench.led
    assert (record.event_key, record.drains, record.place) == ("main:0", "crm", place)
    assert record.slow_lane
    assert record.not_before == pytest.approx(NOW, abs=0.0200001)


def test_a_line_that_another_holds_is_left_alone() -> None:
    bench = Bench(1, line=None)
    assert (bench.drain(), bench.left, bench.hints) == ([], [], [])


def test_a_board_out_of_reach_is_told() -> None:
    bench = Bench(1)
    bench.fails = True
    assert bench.drain() == []
    assert bench.facts.named("line.unreached") == [{"destination": "crm", "cause": "down"}]


def test_a_line_that_is_empty_lets_newcomers_pass_from_now_on() -> None:
    bench = Bench(0, line=Line(NOW - 60, pace=3.0, holder="holder-1"))
    bench.clock.now = NOW + 0.0124
    bench.drain()
    assert bench.left == [Line(NOW - 60, holder="holder-1", emptied_at=NOW + 0.012)]
    assert (bench.hints, bench.taken_down) == ([], [])
    assert bench.facts.named("line.drained") == []


def test_who_has_come_while_it_was_found_empty_is_hinted_at() -> None:
    bench = Bench(0, comes_meanwhile=True)
    bench.drain()
    assert bench.hints == [(HINT, 0.0, True)]


@pytest.mark.parametrize(
    ("empty_for", "rests_for", "taken_down"),
    [(89.75, 0.0, False), (90.0, 0.0, True), (90.0, 0.25, False), (500.0, -3.0, True)],
)
def test_a_line_is_taken_down_once_nobody_can_believe_that_it_stands(
    empty_for: float, rests_for: float, taken_down: bool
) -> None:
    emptied_at = NOW - empty_for
    line = Line(NOW - 900, "holder-1", emptied_at=emptied_at, next_at=NOW + rests_for)
    bench = Bench(0, line=line)
    bench.drain()
    assert bench.taken_down == ([emptied_at] if taken_down else [])
    assert [left.emptied_at for left in bench.left] == ([] if taken_down else [emptied_at])


def test_where_somebody_has_come_instead_it_stands_again() -> None:
    line = Line(NOW - 900, "holder-1", emptied_at=NOW - 90)
    bench = Bench(0, line=line, takes_down=False)
    bench.drain()
    assert bench.left == [replace(line, emptied_at=0.0)]


def test_what_is_to_wait_for_long_is_hinted_at_for_then() -> None:
    bench = Bench(3, rate=0.1)
    assert bench.drain() == ["000"]
    (left,) = bench.left
    ((_, delay, _),) = bench.hints
    assert delay == pytest.approx(left.next_at - bench.clock(), abs=0.001)
    assert 9.0 < delay < 10.6


@pytest.mark.parametrize(("ahead", "delay"), [(5.0, 0.0), (5.25, 5.25)])
def test_what_is_to_wait_for_less_is_waited_for_by_the_next_holder(
    ahead: float, delay: float
) -> None:
    bench = Bench(1, line=replace(STANDS, next_at=NOW + ahead))
    bench.drain(0.0)
    assert bench.hints == [(HINT, delay, True)]


@pytest.mark.parametrize(("waits", "called"), [(True, ["crm/chat"]), (False, [])])
def test_a_conversation_stands_for_those_in_it_until_they_are_gone(
    waits: bool, called: list[str]
) -> None:
    bench = Bench(0)
    bench.places = [mark("crm/chat", NOW)]
    first = bench.first

    def first_in(line: str, *, limit: int, after: str = "") -> Sequence[Place]:
        found = first(line, limit=limit, after=after)
        return found if waits or line == "crm" else []

    vars(bench)["first"] = first_in
    bench.drain()
    assert (bench.led, bench.called, len(bench.places)) == ([], called, int(waits))
    told = [] if waits else [{"destination": "crm", "deliveries": 1}]
    assert bench.facts.named("line.drained") == told


def test_no_more_is_read_than_is_to_be_known() -> None:
    bench = Bench(0)
    bench.places = [mark("crm/chat", NOW)]
    bench.drain()
    assert bench.limits == [("crm", 40), ("crm/chat", 1), ("crm", 40), ("crm", 1)]
    empty = Bench(0)
    empty.drain()
    assert empty.limits == [("crm", 40), ("crm", 1)]


def test_a_hint_is_for_a_quarter_of_an_hour_ahead_at_most() -> None:
    bench = Bench(3, rate=0.0005)
    bench.drain()
    assert bench.hints == [(HINT, 900.0, True)]
