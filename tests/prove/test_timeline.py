"""The timeline of the proofs: whose turn it is, what ends it, and what is told of it."""

import pytest

from tests.prove.timeline import Timeline


def test_time_passes_only_while_all_wait_and_in_one_order() -> None:
    timeline = Timeline(now=100.0)
    seen: list[tuple[str, float]] = []

    def live(name: str, seconds: float) -> None:
        for _ in range(2):
            timeline.sleep(seconds)
            seen.append((name, timeline()))

    timeline.begin(lambda: live("slow", 2.0))
    timeline.begin(lambda: live("quick", 1.0))
    timeline.run(10.0)
    # At the same moment in the order in which they were put off.
    assert seen == [("quick", 101.0), ("slow", 102.0), ("quick", 102.0), ("slow", 104.0)]


def test_what_is_under_way_at_the_end_is_ended_and_cleans_up() -> None:
    timeline = Timeline()
    ended: list[str] = []

    def live() -> None:
        try:
            list(timeline.in_parallel(timeline.sleep, [1.0, 50.0]))
        finally:
            ended.append("waited for")

    timeline.begin(live)
    timeline.run(10.0)
    assert ended == ["waited for"]


def test_what_a_task_raises_is_raised_where_it_is_run_and_nothing_follows() -> None:
    timeline = Timeline()
    seen: list[float] = []

    def fail() -> None:
        timeline.sleep(1.0)
        raise ValueError("of a task")

    def live() -> None:
        timeline.sleep(2.0)
        seen.append(timeline())

    timeline.begin(fail)
    timeline.begin(live)
    with pytest.raises(ValueError, match="of a task"):
        timeline.run(10.0)
    assert not seen


def test_what_is_made_in_parallel_takes_as_long_as_its_longest_and_comes_in_order() -> None:
    timeline = Timeline(now=0.0)
    made: list[tuple[float, float]] = []

    def slept(seconds: float) -> float:
        timeline.sleep(seconds)
        return seconds

    def live() -> None:
        for seconds in timeline.in_parallel(slept, iter([1.0, 3.0, 2.0])):
            made.append((seconds, timeline()))

    timeline.begin(live)
    timeline.run(10.0)
    assert made == [(1.0, 1.0), (3.0, 3.0), (2.0, 3.0)]
