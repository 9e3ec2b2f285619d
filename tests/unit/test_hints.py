"""How many hints a backlog lacks, and which of its parts gets how many of them."""

import pytest
from spectrum_forwarder.domain.hints import Lack, is_surplus, lack, shared


@pytest.mark.parametrize(
    ("owing", "standing", "fresh", "old"),
    [
        (1, 0, 1, 9),
        (1, 1, 0, 8),
        (1, 8, 0, 1),
        (10, 4, 6, 14),
        (100, 100, 0, 8),
        (100, 95, 0, 13),
        (3200, 3200, 0, 100),
        # Of a surplus nobody knows whose hints stand in it: as many as are spared, in every sweep.
        (1, 9, 0, 8),
        (2943, 21_363, 0, 91),
    ],
)
def test_what_lacks_is_owed_and_does_not_stand(
    owing: int, standing: int, fresh: int, old: int
) -> None:
    assert lack(owing, standing) == Lack(fresh, old)


@pytest.mark.parametrize("owing", [*range(300), 99_999])
def test_a_backlog_with_all_its_hints_gets_a_twentieth_more_at_most_or_eight(owing: int) -> None:
    assert lack(owing, owing).fresh == 0
    assert lack(owing, owing).old <= max(8, owing / 20)


@pytest.mark.parametrize("junk", [*range(30), 1_000])
def test_records_that_nobody_can_take_hide_no_few_that_lack_hints(junk: int) -> None:
    assert all(lack(lost, junk).old > 0 for lost in range(1, 9))


def test_parts_make_up_the_whole_and_follow_the_sizes() -> None:
    weights = [7, 0, 93, 50, 50, 1, 2, 3]
    for total in (0, 1, 2, 17, 206, 1000):
        parts = [part.fresh for part in shared(Lack(total, total), weights)]
        assert sum(parts) == total
        assert all(abs(p - total * w / 206) < 1 for p, w in zip(parts, weights, strict=True))


def test_nothing_falls_to_parts_of_nothing() -> None:
    assert shared(Lack(5, 5), [0, 0]) == [Lack(0, 0), Lack(0, 0)]


@pytest.mark.parametrize(
    ("owing", "standing", "lacks"),
    [
        # A sixteenth of what is owed may be a mistake of the depth.
        *((32, 30, Lack(0, 10)), (32, 29, Lack(1, 11)), (31, 29, Lack(1, 10))),
        # A thirty-second more of old ones, and eight in any case.
        *((287, 287, Lack(0, 8)), (288, 288, Lack(0, 9)), (100, 107, Lack(0, 1))),
        *((100, 108, Lack(0, 0)), (100, 199, Lack(0, 0)), (100, 200, Lack(0, 8))),
    ],
)
def test_what_lacks_at_the_borders(owing: int, standing: int, lacks: Lack) -> None:
    assert lack(owing, standing) == lacks


@pytest.mark.parametrize(("standing", "old"), [(99, 1), (100, 0), (101, 0), (200, 0)])
def test_within_the_minute_nothing_is_spared_a_second_time(standing: int, old: int) -> None:
    assert lack(100, standing, again=True) == Lack(0, old)


@pytest.mark.parametrize(
    ("owing", "standing", "surplus"),
    [(0, 7, False), (0, 8, True), (1, 9, True), (1, 8, False), (9, 17, False), (9, 18, True)],
)
def test_a_surplus_is_as_much_again_as_is_owed_or_eight(
    owing: int, standing: int, surplus: bool
) -> None:
    assert is_surplus(owing, standing) is surplus


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [(1, [1, 3], [0, 1]), (5, [1, 2, 4], [1, 1, 3]), (2, [3, 3, 2], [1, 1, 0])],
)
def test_what_rounding_leaves_goes_to_the_largest_remainders(
    total: int, weights: list[int], parts: list[int]
) -> None:
    assert [part.fresh for part in shared(Lack(total, 0), weights)] == parts
