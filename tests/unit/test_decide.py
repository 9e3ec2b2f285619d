"""Decide: every case of a delivery that is due, and that all cases are told apart."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from spectrum_forwarder.domain.delivery import Delivery, Status, planned
from spectrum_forwarder.domain.destination import Content, Destination
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout.configured import Found, Lack
from spectrum_forwarder.fanout.decide import (
    Case,
    Leave,
    Release,
    Settle,
    Try,
    Wait,
    applied,
    decide,
)

NOW = 1_800_000_000.0
DAY = 86_400.0
CRM = Destination("crm", "https://crm.example/hook", "whsec_c2VjcmV0", timeout_seconds=10.0)
PICKY = replace(CRM, takes=lambda body: False)
PAUSED = replace(CRM, enabled=False)
SLOWLY = replace(CRM, rate=10.0)
QUICK = Health(quick=True)
FAILING = Health(failures=20, failing_since=NOW - 600, trips=1, quick=True)
OPEN = replace(FAILING, open_until=NOW + 40)
COOL = replace(FAILING, open_until=NOW)


def due(**more: Any) -> Delivery:
    return replace(planned("crm", NOW), **more)


def case(**more: Any) -> Case:
    """A delivery to a healthy destination, due now with a minute left; but for what is given."""
    usual: dict[str, Any] = {
        "delivery": due(),
        "found": Found(CRM),
        "health": QUICK,
        "content": Content(b"{}"),
        "slow_lane": False,
        "now": NOW,
        "ends": NOW + 60,
        "spread": 0.5,
        "timing": Timing(),
    }
    return Case(**usual | more)


def behind_breaker(until: float, since: float = NOW) -> Wait:
    """In line, and given up once it has waited there for four days, whoever drains it."""
    return Wait(until, "breaker", in_line=True, given_up_at=since + 4 * DAY)


CASES = {
    "calm weather": (case(), Try(CRM, NOW + 48)),
    "a retry goes by no filter": (
        case(delivery=due(attempts=1), found=Found(PICKY)),
        Try(PICKY, NOW + 48),
    ),
    "not wanted": (case(found=Found(PICKY)), Settle(Status.FILTERED)),
    "not wanted, and paused": (
        case(found=Found(replace(PICKY, enabled=False))),
        Settle(Status.FILTERED),
    ),
    "a broken entry": (
        case(found=Found(None, Lack.BROKEN)),
        Wait(NOW + 60, "broken_entry", in_line=True),
    ),
    "a broken entry for four hours": (
        case(found=Found(None, Lack.BROKEN), delivery=due(planned_at=NOW - 4 * 3600)),
        Wait(NOW + 3600, "broken_entry", in_line=True),
    ),
    "taken away": (case(found=Found(None, Lack.GONE)), Settle(Status.REMOVED)),
    "missing from the copy": (
        case(found=Found(None, Lack.UNKNOWN)),
        Wait(NOW + 30, "unknown_destination"),
    ),
    "missing for four hours": (
        case(
            found=Found(None, Lack.UNKNOWN),
            delivery=due(planned_at=NOW - 4 * 3600, waiting_for="unknown_destination"),
        ),
        Wait(NOW + 3600, "unknown_destination"),
    ),
    "missing for one hour": (
        case(
            found=Found(None, Lack.UNKNOWN),
            delivery=due(planned_at=NOW - 3600, waiting_for="unknown_destination"),
        ),
        Wait(NOW + 900, "unknown_destination"),
    ),
    "older than an operator's word": (
        case(found=Found(None, Lack.OLD_COPY)),
        Wait(NOW + 30, "unread_registry"),
    ),
    "paused": (case(found=Found(PAUSED)), Wait(NOW + 60, "paused", in_line=True)),
    "paused, and its breaker open": (
        case(found=Found(PAUSED), health=OPEN),
        Wait(NOW + 60, "paused", in_line=True),
    ),
    "behind an open breaker": (case(health=OPEN), behind_breaker(NOW + 42.5)),
    "behind an open breaker, in whatever lane": (
        case(health=replace(OPEN, quick=False)),
        behind_breaker(NOW + 42.5),
    ),
    "behind an open breaker for ten minutes": (
        case(health=OPEN, delivery=due(planned_at=NOW - 900)),
        behind_breaker(NOW + 150, since=NOW - 600),
    ),
    "behind an open breaker for five days": (
        case(
            health=replace(OPEN, failing_since=NOW - 5 * DAY),
            delivery=due(planned_at=NOW - 5 * DAY),
        ),
        Settle(Status.DEAD_LETTERED, "breaker_open"),
    ),
    "behind an open breaker for four days to the second": (
        case(
            health=replace(OPEN, failing_since=NOW - 4 * DAY),
            delivery=due(planned_at=NOW - 4 * DAY),
        ),
        behind_breaker(NOW + 3600, since=NOW - 4 * DAY),
    ),
    "paused for five days, then behind a breaker": (
        case(health=OPEN, delivery=due(planned_at=NOW - 5 * DAY)),
        behind_breaker(NOW + 150, since=NOW - 600),
    ),
    "the breaker has cooled down": (
        case(health=COOL),
        Try(CRM, NOW + 48, as_probe=True, given_up_at=NOW + 4 * DAY),
    ),
    "another probes": (
        case(health=COOL.probing(NOW, Timing())),
        behind_breaker(NOW + 52.5),
    ),
    "new, behind others in line": (case(line_stands=True), Wait(NOW + 60, "line", in_line=True)),
    "new and slow, behind others": (
        case(line_stands=True, health=Health()),
        Wait(NOW + 60, "line", in_line=True),
    ),
    "its turn in line": (
        case(line_stands=True, drains=True, delivery=due(stood_at=NOW - 9)),
        Try(CRM, NOW + 48),
    ),
    "it has stood for a day, and nobody came": (
        case(line_stands=True, delivery=due(stood_at=NOW - DAY)),
        Try(CRM, NOW + 48),
    ),
    "a retry goes at its own time": (
        case(line_stands=True, delivery=due(attempts=1)),
        Try(CRM, NOW + 48),
    ),
    "a replay keeps out of lines": (
        case(line_stands=True, delivery=due(replays=1)),
        Try(CRM, NOW + 48),
    ),
    "paced, whoever stands in line": (
        case(found=Found(SLOWLY)),
        Wait(NOW + 60, "rate", in_line=True),
    ),
    "a retry where it is paced": (
        case(found=Found(SLOWLY), delivery=due(attempts=1)),
        Wait(NOW + 60, "rate", in_line=True),
    ),
    "its turn where it is paced": (
        case(found=Found(SLOWLY), drains=True, delivery=due(stood_at=NOW - 9)),
        Try(SLOWLY, NOW + 48),
    ),
    "paced, and its breaker has cooled down": (
        case(found=Found(replace(CRM, max_in_flight=1)), health=COOL),
        Wait(NOW + 60, "rate", in_line=True),
    ),
    "paced, and its breaker open": (
        case(found=Found(SLOWLY), health=OPEN),
        behind_breaker(NOW + 42.5),
    ),
    "another has the turn in its conversation": (
        case(conversation="chat"),
        Wait(NOW + 30, "turn", in_line=True, conversation="chat"),
    ),
    "its turn in its conversation": (
        case(conversation="chat", drains=True),
        Try(CRM, NOW + 48, conversation="chat"),
    ),
    "its turn in its conversation has passed": (
        case(conversation="chat", drains=True, late=True),
        Release(NOW),
    ),
    "slow, in the main lane": (case(health=Health()), Leave()),
    "slow, in its own": (case(health=Health(), slow_lane=True), Try(CRM, NOW + 48)),
    "quick, in the slow lane": (case(slow_lane=True), Try(CRM, NOW + 48)),
    "just in time": (case(ends=NOW + 12), Try(CRM, NOW)),
    "no time left": (case(ends=NOW + 11.9), Leave()),
    "no time left to probe": (case(health=COOL, ends=NOW + 11.9), Leave()),
}


@pytest.mark.parametrize("name", CASES)
def test_each_case_has_its_decision(name: str) -> None:
    given, decision = CASES[name]
    assert decide(given) == decision


def test_whatever_is_combined_something_is_decided_that_leaves_no_delivery_stuck() -> None:
    """It is tried, or settled, or has a time to be looked at again; or stays due for others."""
    founds = [*(Found(d) for d in (CRM, PICKY, PAUSED)), *(Found(None, lack) for lack in Lack)]
    healths = (Health(), QUICK, OPEN, COOL, replace(COOL, quick=False))
    waits = (None, "paused", "breaker", "unknown_destination")
    ages, ends = (0.0, 3600.0, 30 * DAY), (NOW, NOW + 60)
    told = set()
    for found, health, slow, waiting, age, end, tries in itertools.product(
        founds, healths, (False, True), waits, ages, ends, (0, 3)
    ):
        delivery = due(planned_at=NOW - age, waiting_for=waiting, attempts=tries)
        decision = decide(
            case(delivery=delivery, found=found, health=health, slow_lane=slow, ends=end)
        )
        told.add(type(decision))
        after = applied(decision, delivery)
        if isinstance(decision, Wait):
            assert NOW < after.next_attempt_at <= NOW + 3700
            assert (after.waiting_for, after.attempts) == (decision.waiting_for, tries)
        if isinstance(decision, Settle):
            assert after.settled
        if isinstance(decision, Try | Leave):
            assert after == delivery
        if isinstance(decision, Try):
            assert decision.begin_by >= NOW
            assert decision.as_probe is health.broken
    assert told == {Try, Wait, Settle, Leave}


def test_what_waits_for_one_breaker_comes_again_spread_over_five_seconds() -> None:
    times = [
        applied(decide(case(health=OPEN, spread=spread)), due()).next_attempt_at - NOW
        for spread in (0.0, 0.5, 1.0)
    ]
    assert times == [40, 42.5, 45]


def test_time_scaled_down_scales_what_is_waited_for() -> None:
    scaled = case(timing=Timing(0.1), found=Found(PAUSED))
    assert decide(scaled) == Wait(NOW + 6, "paused", in_line=True)
