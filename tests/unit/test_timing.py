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
