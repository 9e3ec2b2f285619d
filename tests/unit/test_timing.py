"""How long everything waits, and what the scale shortens."""

import pytest
from spectrum_forwarder.domain.destination import LONGEST_TIMEOUT
from spectrum_forwarder.domain.timing import Timing

FUNCTION_TIMEOUT = 60.0


def test_a_claim_outlasts_the_function() -> None:
    assert Timing().claim() > FUNCTION_TIMEOUT


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.01, 0.0001])
def test_a_claim_outlasts_the_longest_attempt_at_any_scale(scale: float) -> None:
    assert Timing(scale).claim(LONGEST_TIMEOUT) > LONGEST_TIMEOUT


def test_a_hint_is_waited_for_before_it_is_doubted_and_then_taken_for_lost() -> None:
    timing = Timing()
    assert timing.hint_slack == timing.claim()
    assert timing.hint_slack < timing.hint_old < timing.hint_lost


def test_the_longest_hint_delay_is_one_that_sqs_takes() -> None:
    assert Timing().longest_hint_delay == 900
    assert Timing(0.01).longest_hint_delay == 9
    assert Timing(10).longest_hint_delay == 900


@pytest.mark.parametrize(
    ("age", "wait"), [(0, 60), (240, 60), (400, 100), (14_400, 3600), (10**7, 3600)]
)
def test_a_hold_grows_with_age_from_a_minute_to_an_hour(age: float, wait: float) -> None:
    assert Timing().hold(age) == wait


def test_a_hold_is_scaled() -> None:
    assert Timing(0.01).hold(0) == pytest.approx(0.6)
    assert Timing(0.01).hold(10**6) == pytest.approx(36)


@pytest.mark.parametrize(("overdue", "after"), [(0, 75), (75, 75), (200, 200), (86_400, 600)])
def test_what_stays_overdue_is_looked_at_ever_less_often(overdue: float, after: float) -> None:
    assert Timing().look_again(overdue) == after
    assert Timing(0.001).look_again(overdue) <= 10


def test_a_kept_record_has_waited_eight_times_as_long_as_it_waits_next() -> None:
    timing = Timing()
    waited = 0.0
    for receives in range(1, 37):
        assert timing.comes_again(receives) <= 5 + waited / 8 + 0.01
        waited += timing.comes_again(receives)
    assert timing.comes_again(1) == 5
    assert timing.comes_again(200) == timing.comes_again(10**9) == 360


def test_a_kept_record_comes_again_in_whole_seconds_that_sqs_takes_at_any_scale() -> None:
    assert Timing(0.0001).comes_again(1) == 1
    assert Timing(100).comes_again(200) <= 12 * 3600


@pytest.mark.parametrize("receives", [1, 2, 10, 35, 36, 37, 101, 102, 10**9])
def test_a_kept_record_comes_an_eighth_later_each_time_up_to_six_minutes(receives: int) -> None:
    assert Timing().comes_again(receives) == min(5 * 1.125 ** min(receives - 1, 99), 360)


# At the full scale, at a hundredth, and where even a local queue's time is short.
@pytest.mark.parametrize(
    ("name", "whole", "hundredth", "least"),
    [
        ("hint_slack", 75, 5, 5),
        ("hint_old", 1800, 18, 10),
        ("hint_lost", 86_400, 864, 100),
        ("sweep_again", 12, 1, 1),
        ("longest_hint_delay", 900, 9, 0.9),
        ("doubt", 30, 0.3, 0.03),
    ],
)
def test_how_long_each_thing_waits_at_each_scale(
    name: str, whole: float, hundredth: float, least: float
) -> None:
    found = [getattr(Timing(scale), name) for scale in (1.0, 0.01, 0.001)]
    assert found == [pytest.approx(each) for each in (whole, hundredth, least)]


@pytest.mark.parametrize(("overdue", "after"), [(0, 5), (7, 7), (10, 10), (11, 10), (10**6, 10)])
def test_what_stays_overdue_is_looked_at_soon_enough_at_a_small_scale(
    overdue: float, after: float
) -> None:
    assert Timing(0.001).look_again(overdue) == after


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_what_stands_in_a_line_is_looked_at_after_a_day_and_then_once_a_week(scale: float) -> None:
    day, timing = 86_400 * scale, Timing(scale)
    assert timing.net(0) == timing.net(day / 2 - 1) == pytest.approx(day)
    assert timing.net(day / 2) == timing.net(30 * day) == pytest.approx(7 * day)


@pytest.mark.parametrize(
    ("scale", "stood", "again"),
    [
        (1, 0, 150),
        (1, 150, 150),
        (1, 5000, 5000),
        (1, 10**6, 86_400),
        (0.01, 0, 10),
        (0.01, 10**6, 864),
    ],
)
def test_a_turn_is_waited_for_as_long_again_up_to_a_day(
    scale: float, stood: float, again: float
) -> None:
    assert Timing(scale).turn(stood) == again


def test_a_claim_holds_until_the_longest_answer_has_settled() -> None:
    assert Timing().claim() == Timing().claim(0) == Timing().claim(70) == 75
    assert Timing().claim(71) == 76
    assert Timing(0.01).claim(0) == 5
    assert Timing(0.01).claim(1) == 6
