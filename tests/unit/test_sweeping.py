"""One sweep at its borders: whom it passes over, how far it reads, and what it takes for sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.hints import Lack
from spectrum_forwarder.domain.ports import Depth
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import Overdue, Owing
from spectrum_forwarder.shards import ALL, NONE, Shard
from spectrum_forwarder.sweep import Sweep, Sweeper

from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.facts import FactList
from tests.support.make import NOW

HALF_AN_HOUR, DAY = 1800.0, 86_400.0
EMPTY = Depth(0, 0)


class Bench:
    """A table and a queue that hold what a test says, and note what is asked of them."""

    def __init__(self, *batches: Sequence[Overdue], depth: Depth = EMPTY) -> None:
        self.batches = batches
        self.standing = depth
        self.read = 0
        self.hinted: list[str] = []
        self.clock = ManualClock(NOW)

    def overdue(self, shard: int, *, now: float) -> Iterator[Sequence[Overdue]]:
        for batch in self.batches if shard == 0 else ():
            self.read += 1
            yield batch

    def owing(self, shard: int, *, now: float, soon: float, in_main: bool = False) -> Owing:
        return Owing(sum(map(len, self.batches)), 0) if shard == 0 else Owing(0, 0)

    def depth(self) -> Depth:
        return self.standing

    def postpone(self, overdue: Overdue, *, until: float) -> bool:
        return True

    def send_hints(self, event_keys: Sequence[str]) -> Sequence[str]:
        self.hinted += event_keys
        return []

    def sweep(self, *earlier: Sweep, **known: Any) -> Sweep:
        this = cast(Any, self)
        needs = Sweeper(
            this, this, self.clock, self.clock.advance, FactList(), Timing(), in_parallel=map
        )
        return Sweep(needs, NOW, NOW + 40, earlier=earlier, **known)


def overdue(name: str, seconds: float = 60.0, **more: Any) -> Overdue:
    return Overdue(f"main:{name}", NOW - seconds, **more)


def wanting(shard: Shard, *found: Overdue, surplus: bool = False) -> tuple[list[str], bool]:
    keys, goes_on = Bench().sweep(surplus=surplus)._wanting(shard, found)
    return [each.event_key.removeprefix("main:") for each in keys], goes_on


def test_in_a_surplus_those_alone_are_hinted_at_whom_no_sweep_has_sent_one() -> None:
    swept = overdue("swept", since=NOW - 600)
    found = swept, overdue("first"), swept, overdue("second")
    assert wanting(Shard(0), *found, surplus=True) == (["first", "second"], True)
    assert wanting(Shard(0), *found) == (["swept", "first", "swept", "second"], True)


def test_what_can_have_its_hint_in_the_main_lane_alone_is_not_hidden_by_others() -> None:
    shard = Shard(0, lack=NONE, lack_in_main=Lack(1, 1), in_main=Owing(1, 0))
    found = overdue("slow"), overdue("main", in_main=True), overdue("another", in_main=True)
    assert wanting(shard, *found) == (["main"], False)


@pytest.mark.parametrize(
    ("seconds", "lack", "is_wanted"),
    [
        # Half an hour makes it old, and a day has it hinted at in any case.
        (HALF_AN_HOUR - 0.5, Lack(0, 1), False),
        (HALF_AN_HOUR, Lack(0, 1), True),
        (HALF_AN_HOUR, Lack(1, 0), False),
        (HALF_AN_HOUR - 0.5, Lack(1, 0), True),
        (DAY - 0.5, NONE, False),
        (DAY, NONE, True),
    ],
)
def test_the_longer_it_is_overdue_the_less_it_counts_what_stands(
    seconds: float, lack: Lack, is_wanted: bool
) -> None:
    found, goes_on = wanting(Shard(0, lack=lack, lack_in_main=NONE), overdue("m", seconds))
    assert (found, goes_on) == ((["m"], True) if is_wanted else ([], False))


def test_where_no_hint_lacks_no_more_is_read() -> None:
    bench = Bench([overdue("a")], [overdue("b")], depth=Depth(2, 0))
    bench.sweep().run()
    assert (bench.read, bench.hinted) == (1, [])


def test_where_hints_lack_all_is_read() -> None:
    bench = Bench([overdue("a")], [overdue("b")])
    bench.sweep().run()
    assert (bench.read, bench.hinted) == (2, ["main:a", "main:b"])


@pytest.mark.parametrize(
    ("late", "read", "hinted"), [(0.0, 2, ["main:a", "main:b"]), (0.25, 1, [])]
)
def test_beyond_its_deadline_nothing_is_hinted_at(
    late: float, read: int, hinted: list[str]
) -> None:
    bench = Bench([overdue("a")], [overdue("b")])
    bench.clock.now = NOW + 40 + late
    bench.sweep().run()
    assert (bench.read, bench.hinted) == (read, hinted)


def sent(hints: int, standing: Depth | None = None) -> Sweep:
    """An earlier sweep that sent so many hints."""
    return Bench().sweep(shards=[Shard(0, hints=hints)], standing=standing)


@pytest.mark.parametrize(
    ("earlier", "standing", "owing", "lack", "lack_in_main"),
    [
        # Nothing was sent: what stands is what stands.
        ([], Depth(0, 0), Owing(20, 0), 19, 19),
        ([], Depth(4, 6), Owing(20, 0), 9, 15),
        # What was sent seconds ago stands, though the queues may not tell it yet.
        ([sent(3)], Depth(0, 0), Owing(15, 5), 16, 16),
        ([sent(3)], Depth(5, 0), Owing(15, 5), 14, 14),
        ([sent(3, Depth(4, 2))], Depth(4, 2), Owing(15, 5), 10, 12),
        # But for what is worked off, which is not due soon any more.
        ([sent(9)], Depth(0, 0), Owing(18, 2), 17, 17),
        ([sent(2), sent(3)], Depth(0, 0), Owing(10, 10), 14, 14),
    ],
)
def test_what_was_sent_just_now_stands(
    earlier: list[Sweep], standing: Depth, owing: Owing, lack: int, lack_in_main: int
) -> None:
    shards = [Shard(0, owing=owing, in_main=owing), Shard(1)]
    Bench().sweep(*earlier, shards=shards)._divide(standing)
    assert (shards[0].lack.fresh, shards[0].lack_in_main.fresh) == (lack, lack_in_main)
    assert (shards[1].lack.fresh, shards[1].lack_in_main.fresh) == (0, 0)


def test_an_age_is_nought_where_nothing_is_overdue_or_a_clock_is_slow() -> None:
    def oldest(*since: float | None) -> float:
        return Bench().sweep(shards=[Shard(0, since=each) for each in since]).oldest

    assert [oldest(), oldest(None), oldest(float("inf")), oldest(NOW + 5)] == [0.0] * 4
    assert oldest(NOW - 0.25, None, float("inf"), NOW - 7) == 7.0
    assert oldest(NOW - 0.25) == 0.25


def test_until_they_are_counted_all_shards_lack_all() -> None:
    assert [shard.lack for shard in Bench().sweep().shards] == [ALL] * 8
