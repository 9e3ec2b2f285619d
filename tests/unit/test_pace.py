"""Pace: how soon a line's next one may go, and what an answer says of going too soon."""

from dataclasses import replace

import pytest
from spectrum_forwarder.domain.delivery import Answer, Attempted, planned
from spectrum_forwarder.domain.pace import Pace, came_too_soon, rest_asked_for

from tests.support.make import NOW

TOO_MANY = Answer(429)


def test_of_a_rate_95_parts_in_a_hundred_are_used() -> None:
    pace = Pace(10.0)
    times = [pace.begin(NOW) for _ in range(3)]
    assert times == [pytest.approx(NOW - 0.02 + number / 9.5) for number in range(3)]
    assert pace.wait(NOW) == pytest.approx(3 / 9.5 - 0.02)
    assert pace.wait(NOW + 5) == 0


def test_without_a_rate_any_may_begin_unless_it_rests() -> None:
    pace = Pace(None)
    assert [pace.begin(NOW), pace.begin(NOW), pace.wait(NOW)] == [NOW - 0.02, NOW - 0.02, 0]
    pace.rest(NOW + 5)
    pace.rest(NOW + 3)
    assert pace.wait(NOW) == 5
    assert pace.begin(NOW) == NOW + 5


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (TOO_MANY, 1),
        (Answer(429, retry_after=7.0), 7),
        (Answer(429, retry_after=3601.0), 3600),
        (Answer(503, retry_after=7.0), 7),
        *((Answer(503), None), (Answer(500, retry_after=7.0), None), (Answer(200), None)),
        *((Answer(428, retry_after=7.0), None), (Answer(504, retry_after=7.0), None)),
    ],
)
def test_a_destination_asks_for_a_rest_by_429_or_by_503_with_a_time(
    answer: Answer, seconds: float | None
) -> None:
    assert rest_asked_for(answer) == seconds


@pytest.mark.parametrize(
    ("past", "too_soon"),
    [
        *(((), True), (("429",) * 2, True), (("429",) * 3, False)),
        *((("429", "500", "429", "429"), True), (("500", "429", "429", "429"), False)),
    ],
)
def test_refused_so_thrice_in_a_row_it_may_be_the_event(
    past: tuple[str, ...], too_soon: bool
) -> None:
    history = tuple(Attempted(NOW, 5, answer) for answer in past)
    delivery = replace(planned("crm", NOW), history=history)
    assert came_too_soon(TOO_MANY, delivery) is too_soon
    assert not came_too_soon(Answer(500), delivery)
