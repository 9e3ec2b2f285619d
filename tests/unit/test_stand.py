"""Standing: which places deliveries take and leave, and when those that stand are looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import Delivery, held, planned
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.line import Place, position_behind
from spectrum_forwarder.domain.order import mark
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import QueueRecord
from spectrum_forwarder.fanout.decide import Wait
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.judge import Outcome
from spectrum_forwarder.fanout.lines.stand import Standing, has_left, waits_for_the_way
from spectrum_forwarder.fanout.take import Taken

from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.facts import FactList
from tests.support.in_memory.lines import MemoryHealthBoard
from tests.support.make import NOW

DAY = 86_400.0
CRM, CHAT, KEY = "crm", "crm/chat", "main:1"
AT = f"00000001800000/00000001800000/{KEY}"
HINT = QueueRecord("hint", KEY)


@dataclass
class Bench:
    """Lines that note what is asked of them; those of `down` are out of reach."""

    down: Sequence[str] = ()
    raised: Sequence[str] = ()
    without_lines: bool = False

    def __post_init__(self) -> None:
        self.clock, self.facts = ManualClock(NOW), FactList()
        self.put_in: list[tuple[str, Place]] = []
        self.probed_at: list[float] = []
        self.freed: list[tuple[str, Place]] = []
        self.board = MemoryHealthBoard()
        for identity in self.raised:
            self.board.stand(identity, now=NOW - 60)
        self.before = dict(self.board.lines())
        timing = Timing()
        gate = Gate(cast(Any, self.board), clock=self.clock, facts=self.facts, timing=timing)
        lines = None if self.without_lines else cast(Any, self)
        self.standing = Standing(lines, gate, self.clock, self.facts, timing)

    def put(self, line: str, place: Place) -> None:
        if line in self.down:
            raise TableUnavailable("down")
        self.put_in.append((line, place))
        self.probed_at.append(place.probed_at)

    def free(self, line: str, place: Place) -> bool:
        if line in self.down:
            raise TableUnavailable("down")
        self.freed.append((line, place))
        return True

    @property
    def newly_raised(self) -> list[str]:
        return [name for name in self.board.standing if name not in self.before]


def outcome_of(
    before: Delivery | Mapping[str, Delivery],
    after: Mapping[str, Delivery] | None = None,
    record: QueueRecord = HINT,
    position: str = AT,
    **waits: Wait,
) -> Outcome:
    """Of deliveries to `crm` and others; those that wait are held until then by now."""
    known = {before.destination: before} if isinstance(before, Delivery) else before
    after = after or {
        name: held(each, waits[name].until, waits[name].waiting_for) if name in waits else each
        for name, each in known.items()
    }
    claimed = cast(Any, SimpleNamespace(event_key=KEY))
    return Outcome(Taken(record, claimed, known), after, waits, position)


def stands(
    since: float = NOW - 60, waiting_for: str | None = "paused", conversation: str = ""
) -> Delivery:
    there = planned(CRM, NOW - 900)
    return replace(there, stood_at=since, waiting_for=waiting_for, conversation=conversation)


def led(place: Place | None, drains: str | None = CRM) -> QueueRecord:
    return QueueRecord("led", KEY, drains=drains, place=place)


NEW = planned(CRM, NOW - 900)
PAUSED = Wait(NOW + 60, "paused", in_line=True)
TURN = Wait(NOW + 30, "turn", in_line=True, conversation="chat")


# ---- Standing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("without_lines", [False, True])
def test_where_there_are_no_lines_or_nobody_waits_all_stays_as_it_is(without_lines: bool) -> None:
    bench = Bench(without_lines=without_lines)
    outcome = outcome_of(NEW, crm=PAUSED) if without_lines else outcome_of(NEW)
    assert bench.standing.stand(outcome) is outcome
    assert (bench.put_in, bench.board.standing) == ([], {})


@pytest.mark.parametrize(
    ("before", "since"), [(NEW, NOW + 0.012), (stands(NOW - 7.1234), NOW - 7.1234)]
)
def test_whoever_waits_stands_since_he_first_did(before: Delivery, since: float) -> None:
    bench = Bench()
    bench.clock.now = NOW + 0.0124
    made = bench.standing.stand(outcome_of(before, crm=PAUSED))
    assert bench.put_in == [(CRM, Place(AT, KEY, since))]
    delivery = made.deliveries[CRM]
    assert (delivery.stood_at, delivery.waiting_for, delivery.conversation) == (since, "paused", "")
    assert bench.newly_raised == [CRM]


def test_a_line_that_stands_is_not_raised_anew() -> None:
    bench = Bench(raised=[CRM])
    bench.standing.stand(outcome_of(NEW, crm=PAUSED))
    assert bench.board.standing == bench.before


def test_a_replay_in_order_stands_behind_all_that_was_said_before() -> None:
    bench = Bench()
    bench.standing.stand(outcome_of(replace(NEW, in_order_since=NOW), crm=PAUSED))
    ((_, place),) = bench.put_in
    assert place.position == position_behind(AT, NOW)


PLACE = Place(AT, KEY, NOW - 60)


@pytest.mark.parametrize(
    ("before", "record", "wait", "is_put"),
    [
        # It was seen there just now.
        (stands(), led(PLACE), PAUSED, False),
        # With it a breaker was probed, which its place is to say.
        (stands(), led(PLACE), replace(PAUSED, probed_at=NOW), True),
        # Nobody has seen it there.
        (stands(), HINT, PAUSED, True),
        # It was led from the place of another standing, or of another time.
        (stands(), led(replace(PLACE, stood_at=NOW - 61)), PAUSED, True),
        (stands(), led(replace(PLACE, position="0")), PAUSED, True),
        (NEW, led(replace(PLACE, stood_at=NOW)), PAUSED, True),
        # It changes from one line to another.
        (stands(), led(PLACE), TURN, True),
        (stands(conversation="chat"), led(PLACE, CHAT), PAUSED, True),
        (stands(conversation="chat"), led(PLACE, CHAT), TURN, False),
        (stands(conversation="chat"), led(PLACE, CRM), TURN, True),
    ],
)
def test_a_place_is_taken_but_where_it_was_seen(
    before: Delivery, record: QueueRecord, wait: Wait, is_put: bool
) -> None:
    bench = Bench()
    made = bench.standing.stand(outcome_of(before, record=record, crm=wait))
    line = CHAT if wait.conversation else CRM
    since = NOW if before is NEW else NOW - 60
    assert bench.put_in == ([(line, Place(AT, KEY, since))] if is_put else [])
    assert bench.probed_at == ([wait.probed_at] if is_put else [])
    assert made.deliveries[CRM].stands_in == line


@pytest.mark.parametrize(
    ("waiting_for", "probed_at", "is_marked"),
    [
        ("paused", 0.0, True),
        ("breaker", NOW - 1, True),
        ("turn", 0.0, False),
        ("smaller_batch", 0.0, False),
        (None, 0.0, False),
    ],
)
def test_a_conversation_stands_in_its_destinations_line_while_the_way_is_closed(
    waiting_for: str | None, probed_at: float, is_marked: bool
) -> None:
    bench = Bench()
    wait = replace(TURN, waiting_for=waiting_for, probed_at=probed_at)
    bench.standing.stand(outcome_of(NEW, crm=wait))
    place = (CHAT, Place(AT, KEY, NOW))
    assert bench.put_in == ([place, (CRM, mark(CHAT, NOW))] if is_marked else [place])
    assert bench.probed_at == [probed_at] * len(bench.put_in)
    assert bench.newly_raised == ([CRM] if is_marked else [])
    assert waits_for_the_way(waiting_for) is is_marked


@pytest.mark.parametrize(
    ("stood_for", "wait", "looked_at_in"),
    [
        # A day at first, then a week.
        (0.0, PAUSED, DAY),
        (DAY / 2 - 1, PAUSED, DAY),
        (DAY / 2, PAUSED, 7 * DAY),
        # A turn is called; after as long again it is looked at all the same.
        (0.0, TURN, 150.0),
        (1000.0, TURN, 1000.0),
        (2 * DAY, replace(TURN, waiting_for="smaller_batch"), DAY),
        # Its own retry has its time.
        (1000.0, replace(TURN, waiting_for=None, until=NOW + 7), 7.0),
        # Whoever is given up is looked at a little later than that.
        (0.0, replace(PAUSED, given_up_at=NOW + 100), 175.0),
        (0.0, replace(PAUSED, given_up_at=NOW - 100), 75.0),
        (0.0, replace(PAUSED, given_up_at=NOW + 2 * DAY), DAY),
    ],
)
def test_what_stands_is_looked_at_all_the_same(
    stood_for: float, wait: Wait, looked_at_in: float
) -> None:
    bench = Bench()
    made = bench.standing.stand(outcome_of(stands(NOW - stood_for), crm=wait))
    delivery = made.deliveries[CRM]
    assert delivery.next_attempt_at == NOW + looked_at_in
    assert (delivery.waiting_for, delivery.stood_at) == (wait.waiting_for, NOW - stood_for)
    assert delivery.conversation == wait.conversation


@pytest.mark.parametrize("down", [CRM, CHAT])
def test_where_a_line_is_out_of_reach_only_its_own_wait_by_times_of_their_own(down: str) -> None:
    bench = Bench(down=[down])
    wait = replace(PAUSED, conversation="chat")
    before = {CRM: NEW, "erp": planned("erp", NOW)}
    made = bench.standing.stand(outcome_of(before, crm=wait, erp=PAUSED))
    assert made.deliveries[CRM] == held(NEW, NOW + 60, "paused")
    assert made.deliveries["erp"].stands_in == "erp"
    told = {"destination": CRM, "cause": "down"}
    assert bench.facts.named("line.unreached") == [told]


# ---- Leaving -------------------------------------------------------------------------------------


def test_without_lines_nothing_is_left() -> None:
    bench = Bench(without_lines=True)
    bench.standing.leave(outcome_of(stands(), {CRM: NEW}, led(PLACE)))
    assert (bench.freed, bench.standing.freed, bench.standing.recorded) == ([], set(), {})


@pytest.mark.parametrize(
    ("before", "after", "record", "freed"),
    [
        # Led from its place, it stands there still, or in another line, or nowhere any more.
        (stands(), stands(), led(PLACE), None),
        (stands(), stands(conversation="chat"), led(PLACE), CRM),
        (stands(), NEW, led(PLACE), CRM),
        (stands(conversation="chat"), NEW, led(PLACE, CHAT), CHAT),
        # Nobody led it.
        (stands(), stands(), HINT, None),
        (stands(), NEW, HINT, CRM),
        (stands(conversation="chat"), stands(), HINT, CHAT),
        (NEW, NEW, HINT, None),
        (NEW, stands(), HINT, None),
        # Others of its event were led.
        (stands(), NEW, led(PLACE, "erp"), CRM),
        (NEW, NEW, led(PLACE, "erp"), None),
        # It stands there no more, and is met there.
        (NEW, NEW, led(PLACE), CRM),
        (stands(conversation="chat"), stands(conversation="chat"), led(PLACE), CRM),
    ],
)
def test_a_place_is_left_once_the_delivery_stands_there_no_more(
    before: Delivery, after: Delivery, record: QueueRecord, freed: str | None
) -> None:
    bench = Bench()
    bench.standing.leave(outcome_of(before, {CRM: after}, record))
    assert bench.freed == ([] if freed is None else [(freed, PLACE)])
    assert bench.standing.freed == set(bench.freed)
    is_led = record.place is not None and record.drains in (CRM, CHAT)
    assert bench.standing.recorded == ({(record.drains, PLACE): after} if is_led else {})


def test_who_was_led_from_where_it_stood_before_its_replay_has_left_that_place() -> None:
    bench = Bench()
    after = replace(stands(), in_order_since=NOW)
    bench.standing.leave(outcome_of(stands(), {CRM: after}, led(PLACE)))
    assert bench.freed == [(CRM, PLACE)]


def test_who_stood_in_order_leaves_its_place_behind_the_others() -> None:
    bench = Bench()
    bench.standing.leave(outcome_of(replace(stands(), in_order_since=NOW), {CRM: NEW}))
    assert bench.freed == [(CRM, Place(position_behind(AT, NOW), KEY, NOW - 60))]


def test_where_nobody_knows_the_position_its_place_is_left_to_who_drains() -> None:
    bench = Bench()
    bench.standing.leave(outcome_of(stands(), {CRM: NEW}, position=""))
    assert (bench.freed, bench.facts.told) == ([], [])


def test_each_of_an_events_deliveries_leaves_its_own_line() -> None:
    bench = Bench(down=["b"])
    names = ("a", "b", "c", "d", "e")
    before = {name: replace(stands(), destination=name) for name in names}
    before["a"] = planned("a", NOW)  # has never stood
    after = {name: planned(name, NOW) for name in names} | {"c": before["c"]}
    bench.standing.leave(outcome_of(before, after))
    assert bench.freed == [("d", PLACE), ("e", PLACE)]
    assert bench.standing.freed == set(bench.freed)
    told = {"destination": "b", "cause": "down"}
    assert bench.facts.named("line.unreached") == [told]


RATE = Wait(NOW + 1, "rate", in_line=True)


@pytest.mark.parametrize(
    ("waiting_for", "record", "waits", "stood_at", "comes"),
    [
        ("rate", HINT, True, NOW, True),
        ("rate", led(PLACE, "erp"), True, NOW, True),
        # Who drains the line sees to it.
        ("rate", led(PLACE), True, NOW, False),
        ("paused", HINT, True, NOW, False),
        # It stood there before, or could not stand.
        ("rate", HINT, False, NOW, False),
        ("rate", HINT, True, None, False),
    ],
)
def test_a_line_is_to_be_hinted_at_that_somebody_has_come_to_for_its_pace(
    waiting_for: str, record: QueueRecord, waits: bool, stood_at: float | None, comes: bool
) -> None:
    bench = Bench()
    after = replace(stands(waiting_for=waiting_for), stood_at=stood_at)
    outcome = outcome_of(NEW, {CRM: after}, record)
    bench.standing.leave(replace(outcome, waits={CRM: RATE} if waits else {}))
    assert bench.standing.came_to == ({CRM} if comes else set())


@pytest.mark.parametrize(
    ("stands_in", "is_left"),
    [
        (None, False),  # somebody holds the event
        ({}, True),
        ({CRM: NOW - 60}, False),
        ({CRM: NOW - 61}, True),
        ({CHAT: NOW - 60}, True),
    ],
)
def test_a_place_is_left_where_its_event_says_so(
    stands_in: dict[str, float] | None, is_left: bool
) -> None:
    table = cast(Any, SimpleNamespace(standing=lambda event_key, *, now: stands_in))
    assert has_left(PLACE, CRM, table, NOW) is is_left
