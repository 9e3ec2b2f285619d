"""A destination's health: when the breaker opens, how it closes, and who is quick."""

import pytest
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.health import (
    FAILING_BEFORE_OPENING,
    FAILURES_BEFORE_OPENING,
    Health,
)
from spectrum_forwarder.domain.timing import Timing

from tests.support.make import NOW

NORMAL = Timing()
FINE = Answer(status=200, seconds=0.01)
BAD = Answer(status=503, seconds=0.01)
LATER = NOW + FAILING_BEFORE_OPENING


def failing(failures: int, since: float = NOW) -> Health:
    return Health(failures=failures, failing_since=since, quick=True)


def test_a_burst_of_failures_is_no_outage() -> None:
    health = Health().after([BAD] * 500, NOW, NORMAL)
    assert not health.broken
    assert not health.after([BAD] * 500, LATER - 1, NORMAL).broken


def test_few_failures_are_no_outage() -> None:
    assert not failing(FAILURES_BEFORE_OPENING - 2).after([BAD], LATER, NORMAL).broken


def test_many_failures_for_a_while_open_the_breaker() -> None:
    health = failing(FAILURES_BEFORE_OPENING - 1).after([BAD], LATER, NORMAL)
    assert health.broken
    assert health.open_until == LATER + 30
    assert not health.may_be_probed(LATER + 29)
    assert health.may_be_probed(LATER + 30)


@pytest.mark.parametrize("answers", [[FINE], [BAD, FINE], [FINE, BAD], [BAD] * 50 + [FINE]])
def test_one_success_forgets_all_failures(answers: list[Answer]) -> None:
    assert failing(50).after(answers, LATER, NORMAL) == Health(quick=True)


def test_one_success_closes_the_breaker() -> None:
    open_ = Health(failures=99, failing_since=NOW, open_until=NOW, trips=7, quick=True)
    assert open_.after([FINE], LATER, NORMAL) == Health(quick=True)


def test_each_failed_probe_leaves_it_open_for_less_than_a_minute() -> None:
    health, cool_downs = failing(100), []
    for _ in range(8):
        health = health.after([BAD], LATER, NORMAL)
        cool_downs.append(health.open_until - LATER)
    assert cool_downs == [30, 50, 50, 50, 50, 50, 50, 50]


def test_while_one_probes_the_others_wait() -> None:
    health = failing(100).after([BAD], LATER, NORMAL)
    probing = health.probing(health.open_until, NORMAL)
    assert not probing.may_be_probed(health.open_until)
    assert probing.trips == health.trips


def test_a_probe_that_never_answers_leaves_another_cool_down() -> None:
    probing = Health(trips=1, open_until=NOW).probing(NOW, NORMAL)
    assert probing.may_be_probed(NOW + 60)


def test_a_closed_breaker_is_not_probed() -> None:
    assert not Health().may_be_probed(NOW)


def test_the_scale_shortens_the_cool_down_but_not_the_patience() -> None:
    fast = Timing(0.01)
    assert not failing(100).after([BAD], LATER - 1, fast).broken
    assert failing(100).after([BAD], LATER, fast).open_until == pytest.approx(LATER + 0.3)


@pytest.mark.parametrize(
    ("was", "seconds", "quick"),
    [
        (False, 0.49, True),
        (False, 0.5, False),
        (False, 1.0, False),
        (True, 0.99, True),
        (True, 1.0, True),
        (True, 1.01, False),
    ],
)
def test_slow_above_one_second_quick_again_below_half(
    was: bool, seconds: float, quick: bool
) -> None:
    answers = [FINE, Answer(status=200, seconds=seconds), FINE]
    assert Health(quick=was).after(answers, NOW, NORMAL).quick is quick


def test_a_quick_refusal_holds_nobody_up() -> None:
    assert Health().after([Answer(error="refused", seconds=0.001)], NOW, NORMAL).quick


def test_success_in_calm_weather_changes_nothing() -> None:
    calm = Health(quick=True)
    assert calm.after([FINE] * 10, NOW, NORMAL) == calm


def test_of_one_never_attempted_nothing_is_known() -> None:
    assert Health() == Health(0, 0.0, 0.0, 0, False)
    assert not Health().holds_back(NOW)


def test_the_breaker_opens_by_the_tenth_failure_after_two_minutes() -> None:
    assert failing(9).after([BAD], NOW + 120, NORMAL).broken
    assert not failing(8).after([BAD], NOW + 120, NORMAL).broken
    assert not failing(9).after([BAD], NOW + 119.9, NORMAL).broken
