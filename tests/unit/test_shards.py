"""A shard's part of the hints: who gets one, and when none is left."""

import pytest
from spectrum_forwarder.domain.hints import Lack
from spectrum_forwarder.domain.worker_ports import Overdue, Owing
from spectrum_forwarder.shards import Shard, owed_in_all, parts_of_lack

ANY, IN_MAIN = Overdue("main:1", 0.0), Overdue("main:2", 0.0, in_main=True)
NO, ONE, TWO = Lack(0, 0), Lack(1, 0), Lack(0, 2)


def test_until_it_is_counted_all_that_is_overdue_gets_its_hint() -> None:
    shard = Shard(0)
    assert all(shard.choose(ANY, old=old) for old in (True, False) * 50)
    assert (shard.chosen, shard.chosen_in_main) == (100, 0)
    assert (shard.owing, shard.in_main, shard.lack_in_main) == (Owing(0, 0), Owing(0, 0), NO)
    assert (shard.hints, shard.refused, shard.since, shard.failure) == (0, 0, None, None)


@pytest.mark.parametrize(
    ("lack", "old", "chosen"), [(ONE, False, 1), (ONE, True, 0), (TWO, True, 2), (TWO, False, 0)]
)
def test_as_many_get_one_as_lack_one(lack: Lack, old: bool, chosen: int) -> None:
    shard = Shard(0, lack=lack, lack_in_main=Lack(0, 0))
    assert [shard.choose(ANY, old=old) for _ in range(3)].count(True) == chosen
    assert shard.is_full(old)
    assert shard.is_done(old)


@pytest.mark.parametrize(
    ("lack", "overdue", "old", "chosen"),
    [
        *((ONE, 9, False, 1), (ONE, 9, True, 0), (TWO, 9, True, 2), (TWO, 1, True, 1)),
        *((TWO, 0, True, 0), (TWO, 9, False, 0)),
    ],
)
def test_those_of_the_main_lane_have_a_part_of_their_own(
    lack: Lack, overdue: int, old: bool, chosen: int
) -> None:
    shard = Shard(0, lack=NO, lack_in_main=lack, in_main=Owing(overdue, 0))
    assert shard.is_done(old) is (chosen == 0)
    assert not shard.choose(ANY, old=old)
    assert [shard.choose(IN_MAIN, old=old) for _ in range(3)].count(True) == chosen
    assert (shard.chosen, shard.chosen_in_main) == (chosen, chosen)
    assert shard.is_done(old)


def test_what_is_owed_is_overdue_or_due_soon_and_what_lacks_falls_to_what_is_overdue() -> None:
    owing = [Owing(3, 1), Owing(0, 2), Owing(6, 0)]
    assert owed_in_all(owing) == 12
    parts = parts_of_lack(owing, 3, again=True)
    assert [part.fresh for part in parts] == [3, 0, 6]
