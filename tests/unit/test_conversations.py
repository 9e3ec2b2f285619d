"""Conversations: how far one invocation goes on in one, how it holds it, and how it is left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import Answer, Delivery, planned
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.line import Place, hint_to
from spectrum_forwarder.domain.order import Batch, Hold, Order
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import QueueRecord
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.keeping import Keeping
from spectrum_forwarder.fanout.lines.call import Calls
from spectrum_forwarder.fanout.lines.conversations import Conversations

from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.facts import FactList
from tests.support.in_memory.lines import MemoryHealthBoard, MemoryLines
from tests.support.in_memory.registries import MemoryDestinations
from tests.support.make import NOW, destination_of

CHAT = "crm/chat"
HINT = QueueRecord("hint", hint_to(CHAT))
QUICK, BROKEN = Health(quick=True), Health(failures=20, failing_since=1.0, trips=1, quick=True)
BATCHED = Order(batch=Batch(2.0, 16, 60.0))
# What becomes of one that is led: it leaves the line, or stays there for this reason.
GOES, RETRIES, TURN, SPLIT = "goes", None, "turn", "smaller_batch"


@dataclass
class Bench:
    """A conversation of so many that came long ago; each turn takes a second.

    `become` says by position what becomes of them, else they go.
    """

    count: int = 1
    order: Order = field(default_factory=Order)
    health: Health = QUICK
    hold: Hold = field(default_factory=Hold)
    timeout: float = 10.0
    become: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock, self.facts, self.lines = ManualClock(NOW), FactList(), MemoryLines()
        self.places = [Place(f"{n:03}", f"main:{n}", NOW - 600 + n) for n in range(self.count)]
        for place in self.places:
            self.lines.put(CHAT, place)
        self.lines.holds[CHAT] = self.hold
        self.led: list[list[str]] = []
        self.records: list[QueueRecord] = []
        self.looked: list[int] = []
        self.held: list[Hold] = []
        self.let_go_of: list[Hold] = []
        self.hints: list[tuple[str, float, bool]] = []
        self.freed: set[tuple[str, Place]] = set()
        self.recorded: dict[tuple[str, Place], Delivery] = {}
        self.retry_in = 5.0
        self.meanwhile: Callable[[], object] = lambda: None
        self.down = False
        self.board = MemoryHealthBoard()
        self.board.health["crm"] = self.health
        timing = Timing()
        self.gate = Gate(cast(Any, self.board), clock=self.clock, facts=self.facts, timing=timing)
        self.keeping = Keeping(cast(Any, self), self.clock, self.facts, timing)

    # ---- The ports ----

    def look(self, line: str, *, limit: int) -> tuple[Hold, Sequence[Place]]:
        self.looked.append(limit)
        return self.lines.look(line, limit=limit)

    def take(self, line: str, *, seen: Hold, hold: Hold, now: float) -> bool:
        self.held.append(hold)
        return self.lines.take(line, seen=seen, hold=hold, now=now)

    def let_go(self, line: str, *, hold: Hold) -> None:
        if self.down:
            raise TableUnavailable("down")
        self.let_go_of.append(hold)
        self.lines.let_go(line, hold=hold)

    def free(self, line: str, place: Place) -> bool:
        return self.lines.free(line, place)

    def standing(self, event_key: str, *, now: float) -> None:
        """Somebody has every event whose record is not known."""

    def send_hint(self, event_key: str, *, delay: float = 0.0, slow: bool = False) -> None:
        self.hints.append((event_key, delay, slow))

    # ---- The stages ----

    def lead(self, records: Sequence[QueueRecord]) -> None:
        self.led.append([record.place.position for record in records if record.place])
        self.records += records
        self.clock.advance(1.0)
        self.meanwhile()
        for record in records:
            assert record.place is not None
            becomes = self.become.get(record.place.position, GOES)
            at = self.clock() + self.retry_in
            after = replace(planned("crm", NOW), next_attempt_at=at)
            if becomes != GOES:
                stood_at = record.place.stood_at
                after = replace(after, stood_at=stood_at, conversation="chat", waiting_for=becomes)
            self.recorded[CHAT, record.place] = after

    def go_on(self, time_left: float = 57.0) -> list[list[str]]:
        """The turns there are."""
        timing, this = Timing(), cast(Any, self)
        destination = destination_of("crm", order=self.order, timeout_seconds=self.timeout)
        registry = MemoryDestinations({"crm": destination}, clock=self.clock)
        configured = Configured(registry, self.clock, timing)
        Conversations(
            lines=this,
            table=this,
            queue=this,
            calls=Calls(this, configured, self.gate, self.clock, self.facts, timing),
            configured=configured,
            gate=self.gate,
            keeping=self.keeping,
            clock=self.clock,
            facts=self.facts,
            timing=timing,
            new_owner=lambda: "holder-1",
            lead=self.lead,
            lead_suspects=lambda *_: None,
            freed=self.freed,
            recorded=self.recorded,
        ).go_on(CHAT, HINT, deadline=NOW + time_left)
        return self.led

    def left(self) -> Hold:
        """How the line was let go at last."""
        return self.let_go_of[-1]


def names(count: int, begin: int = 0) -> list[str]:
    return [f"{n:03}" for n in range(begin, begin + count)]


# ---- For how long, and who goes on then ----------------------------------------------------------


@pytest.mark.parametrize(("time_left", "turns"), [(57.0, 20), (5.0, 5), (20.5, 20)])
def test_one_invocation_goes_on_for_twenty_seconds_and_has_another_go_on(
    time_left: float, turns: int
) -> None:
    bench = Bench(30)
    assert bench.go_on(time_left) == [[name] for name in names(turns)]
    assert bench.hints == [(hint_to(CHAT), 0.0, False)]
    assert bench.lines.holds[CHAT].until == 0.0


def test_where_all_have_gone_nobody_else_goes_on() -> None:
    bench = Bench(3)
    assert bench.go_on() == [["000"], ["001"], ["002"]]
    assert (bench.hints, bench.lines.holds[CHAT].until) == ([], 0.0)
    assert not any(bench.lines.places.values())


def test_what_comes_by_the_main_lane_to_a_slow_destination_is_passed_on() -> None:
    bench = Bench(1, health=Health())
    assert bench.go_on() == []
    assert (bench.hints, bench.looked) == ([(hint_to(CHAT), 0.0, True)], [])


def test_whoever_is_led_comes_with_its_place_and_who_goes_before_it() -> None:
    bench = Bench(3, BATCHED)
    bench.go_on()
    told = [(r.id, r.event_key, r.behind, r.place, r.drains, r.late) for r in bench.records]
    assert told == [
        (f"{CHAT} {place.position}", place.event_key, behind, place, CHAT, False)
        for behind, place in zip(("", "main:0", "main:1"), bench.places, strict=True)
    ]
    assert all(record.slow_lane for record in bench.records)


# ---- The hold ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("order", "looked"), [(Order(), 21), (BATCHED, 36)])
def test_a_batch_and_twenty_beyond_it_are_looked_at(order: Order, looked: int) -> None:
    bench = Bench(1, order)
    bench.go_on()
    assert set(bench.looked) == {looked}


@pytest.mark.parametrize(("timeout", "held_for"), [(10.0, 75.0), (100.0, 105.0)])
def test_a_line_is_held_for_as_long_as_its_events_are(timeout: float, held_for: float) -> None:
    bench = Bench(1, timeout=timeout)
    bench.go_on()
    assert bench.held == [Hold("holder-1", NOW + held_for, "000")]


def test_a_line_that_another_holds_is_left_alone() -> None:
    bench = Bench(1, hold=Hold("other", NOW + 60.0))
    assert (bench.go_on(), bench.hints, bench.let_go_of) == ([], [], [])


@pytest.mark.parametrize(("down", "until"), [(False, 0.0), (True, NOW + 75.0)])
def test_after_a_failure_the_hint_comes_again_once_the_line_is_free(
    down: bool, until: float
) -> None:
    bench = Bench(1)

    def fail() -> None:
        bench.down = down
        raise TableUnavailable("away")

    bench.meanwhile = fail
    bench.go_on()
    assert bench.keeping.kept == [(HINT, until)]
    assert bench.facts.named("line.unreached") == [{"destination": "crm", "cause": "away"}]
    assert bool(bench.lines.holds[CHAT].until) is down


def test_where_a_line_cannot_even_be_taken_its_hint_comes_again_soon() -> None:
    bench = Bench(1, health=Health())

    def down(*_: object, **__: object) -> None:
        raise TableUnavailable("away")

    vars(bench)["send_hint"] = down
    bench.go_on()
    assert bench.keeping.kept == [(HINT, 0.0)]


# ---- Batches -------------------------------------------------------------------------------------


def test_after_each_batch_that_went_out_more_are_taken_together_again() -> None:
    bench = Bench(12, BATCHED, hold=Hold(most=3))
    assert bench.go_on() == [names(3), names(6, 3), names(3, 9)]
    assert [hold.most for hold in bench.held] == [3, 6, 12]
    assert bench.left().most == 24


def test_after_a_batch_that_was_too_much_half_as_many_are_taken_together() -> None:
    bench = Bench(9, BATCHED, become=dict.fromkeys(names(9), SPLIT))
    bench.go_on()
    assert bench.led == [names(9), names(4), names(2), names(1)]
    assert bench.left().most == 1
    assert bench.hints == [(hint_to(CHAT), 0.0, False)]


def test_as_many_as_are_configured_are_taken_where_no_batch_was_too_much() -> None:
    bench = Bench(20, BATCHED)
    assert bench.go_on() == [names(16), names(4, 16)]
    assert bench.left().most == 0


# ---- After a turn --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("become", "turns", "hints", "rests"),
    [
        # The head is called when its retry is due; until then nobody has a turn.
        ({"000": RETRIES}, [["000", "001", "002"]], [5.0], True),
        # So it is where others went out with it.
        ({"002": RETRIES}, [["000", "001", "002"]], [5.0], True),
        # Who was left out, for it did not fit with them, goes next.
        ({"002": TURN}, [["000", "001", "002"], ["002"]], [0.0], False),
        # No time was left for any: they are called at once.
        (dict.fromkeys(names(3), TURN), [["000", "001", "002"]], [0.0], False),
        # The way is closed: who opens it calls.
        (dict.fromkeys(names(3), "paused"), [["000", "001", "002"]], [], False),
        ({"002": "paused"}, [["000", "001", "002"]], [], False),
    ],
)
def test_who_has_a_turn_after_one_and_who_is_called(
    become: dict[str, str | None], turns: list[list[str]], hints: list[float], rests: bool
) -> None:
    bench = Bench(3, BATCHED, become=become)
    assert bench.go_on() == turns
    assert bench.hints == [(hint_to(CHAT), delay, False) for delay in hints]
    assert bench.left().rests_until == (NOW + 6.0 if rests else 0.0)
    assert bench.lines.holds[CHAT].until == 0.0


def test_a_retry_that_is_due_by_now_was_not_made_for_want_of_time() -> None:
    """So it is called, and this invocation goes on no more."""
    bench = Bench(1, become={"000": RETRIES})
    bench.retry_in = 0.25
    assert bench.go_on() == [["000"]]
    assert bench.hints == [(hint_to(CHAT), 0.25, False)]


def test_where_another_has_the_event_nobody_is_called() -> None:
    bench = Bench(1)
    lead = bench.lead

    def led_by_another(records: Sequence[QueueRecord]) -> None:
        lead(records)
        bench.recorded.clear()

    vars(bench)["lead"] = led_by_another
    assert bench.go_on() == [["000"]]
    assert (bench.hints, bench.lines.holds[CHAT].until) == ([], 0.0)


@pytest.mark.parametrize(
    ("become", "turns"),
    [
        # Each goes by itself; then it is the head's turn.
        ({}, [["000", "001"], ["002"]]),
        # One of them went: the others are looked at anew, and then there is nobody to wait for.
        ({"001": "paused"}, [["000", "001"], ["001"]]),
        (dict.fromkeys(names(2), "paused"), [["000", "001"]]),
    ],
)
def test_those_who_come_late_go_before_the_head(
    become: dict[str, str | None], turns: list[list[str]]
) -> None:
    bench = Bench(3, hold=Hold(last="0015"), become=become)
    assert bench.go_on() == turns
    assert [record.late for record in bench.records[:2]] == [True, True]


# ---- A breaker -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("health", "status", "hints"),
    [
        # All other conversations go on once it has closed.
        (BROKEN, 200, [(hint_to("crm"), 0.0, True)]),
        (BROKEN, 503, []),
        (QUICK, 200, []),
    ],
)
def test_the_destination_is_hinted_at_when_its_breaker_has_closed(
    health: Health, status: int, hints: list[tuple[str, float, bool]]
) -> None:
    bench = Bench(1, health=health)
    bench.meanwhile = lambda: bench.gate.saw("crm", Answer(status=status, seconds=0.01))
    bench.go_on()
    assert bench.hints == hints
