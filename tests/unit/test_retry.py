"""The retry schedule: its delays, its jitter, and what a destination may ask for."""

import random

import pytest
from spectrum_forwarder.domain.retry import DEFAULT_MAX_ATTEMPTS, DELAYS, retry_delay
from spectrum_forwarder.domain.timing import Timing

NORMAL = Timing()


def delays(attempts: int, retry_after: float | None = None, timing: Timing = NORMAL) -> list[float]:
    return [retry_delay(attempts, retry_after, timing, random.Random(seed)) for seed in range(300)]


def test_the_schedule_is_the_documented_one() -> None:
    hours = 3600
    documented = [5, 30, 120, 600, 1800, hours, 3 * hours, 6 * hours, 12 * hours, 24 * hours]
    assert list(DELAYS) == [*documented, 24 * hours]
    assert DEFAULT_MAX_ATTEMPTS == 12


@pytest.mark.parametrize(("attempts", "delay"), list(enumerate(DELAYS, start=1)))
def test_each_delay_is_spread_by_a_fifth(attempts: int, delay: float) -> None:
    found = delays(attempts)
    assert all(0.8 * delay <= wait <= 1.2 * delay for wait in found)
    assert min(found) < 0.85 * delay
    assert max(found) > 1.15 * delay


def test_the_last_delay_repeats() -> None:
    assert all(0.8 * DELAYS[-1] <= wait <= 1.2 * DELAYS[-1] for wait in delays(50))


def test_retry_after_is_honoured_where_it_asks_for_more() -> None:
    assert set(delays(1, 90.0)) == {90.0}
    assert max(delays(3, 90.0)) > 90


def test_retry_after_is_honoured_up_to_an_hour() -> None:
    assert set(delays(1, 10**9)) == {3600.0}


@pytest.mark.parametrize("retry_after", [None, 0.0, -5.0])
def test_without_a_retry_after_the_schedule_holds(retry_after: float | None) -> None:
    assert delays(1, retry_after) == delays(1)


def test_the_scale_shortens_both() -> None:
    fast = Timing(0.01)
    assert max(delays(1, timing=fast)) <= 0.06
    assert set(delays(1, 90.0, fast)) == {0.9}
