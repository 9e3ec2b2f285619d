"""What is remembered of the log: all of a stretch of time, and nothing that has gone."""

from __future__ import annotations

import pytest
from spectrum_cli.events.selection import Selection
from spectrum_cli.ui.memory import MOST_OWED, PORTION, WALK_EVERY, Memory
from spectrum_cli.ui.search import PAGE, Found, Wanted, find, matching
from spectrum_forwarder.domain.delivery import Status
from spectrum_forwarder.domain.errors import TableUnavailable

from tests.support.in_memory.clock import ManualClock
from tests.ui.short_log import NOW, ShortLog


def remembered(
    count: int, *, steps: int = 99, most: int = 200_000
) -> tuple[ShortLog, ManualClock, Memory]:
    """So many events, one a minute, each tenth from Ada; and a memory after so many steps."""
    log, clock = ShortLog(), ManualClock(NOW)
    for number in range(count):
        log.put(
            f"main:m-{number:05}",
            NOW - 60 * (number + 1),
            kind="messages",
            sender_id="+15550101234" if number % 10 == 0 else "+15550109999",
            message_type="reaction" if number % 3 == 0 else "text",
        )
    memory = Memory(log, clock, most=most)
    for _ in range(steps):
        memory.step()
        if not memory.view.reading:
            break
    return log, clock, memory


ADA = Wanted(text=matching("(555) 010-1234"))


def all_of(log: ShortLog, memory: Memory, wanted: Wanted) -> list[str]:
    """The keys on every page of a search."""
    keys: list[str] = []
    cursor = None
    while True:
        found = find(log, memory.view, wanted, cursor)
        keys += [event.event_key for event in found.events]
        cursor = found.cursor
        if cursor is None:
            return keys


@pytest.mark.parametrize("steps", [1, 2, 99])
def test_a_search_finds_all_however_much_is_remembered_yet(steps: int) -> None:
    log, _, memory = remembered(5_000, steps=steps)
    assert memory.view.whole == (steps == 99)
    wanted = [f"main:m-{number:05}" for number in range(0, 5_000, 10)]
    assert all_of(log, memory, ADA) == wanted


def test_events_of_the_moment_that_is_remembered_up_to_are_found_once() -> None:
    log, clock = ShortLog(), ManualClock(NOW)
    for number in range(300):
        log.put(f"m-{number:03}", NOW - 60, kind="k")
    memory = Memory(log, clock)
    memory.step()
    assert memory.view.rows == []
    assert all_of(log, memory, Wanted(kind="k")) == sorted(log.events)


def test_a_search_reads_nothing_but_what_it_shows() -> None:
    log, _, memory = remembered(5_000)
    log.read.clear()
    log.fails = True
    assert len(find(log, memory.view, ADA, None).events) == PAGE
    assert log.read.total() == PAGE
    assert find(log, memory.view, Wanted(text=matching("nobody")), None) == Found(
        [], None, memory.view.rows[-1].received_at
    )


def test_a_status_is_judged_by_the_event_as_it_is_now() -> None:
    log, _, memory = remembered(500)
    log.put("main:m-00490", NOW - 60 * 491, Status.DEAD_LETTERED, sender_id="+15550101234")
    dead = Wanted(Selection(status=Status.DEAD_LETTERED), text=matching("0101234"))
    assert all_of(log, memory, dead) == ["main:m-00490"]


def test_a_status_alone_is_looked_for_in_bounds() -> None:
    log, _, memory = remembered(1_000)
    log.read.clear()
    found = find(log, memory.view, Wanted(Selection(status=Status.DEAD_LETTERED)), None)
    assert (found.events, log.read.total()) == ([], 250)
    assert found.cursor is not None
    assert found.reached == NOW - 60 * 250


@pytest.mark.parametrize("kind", ["messages", "reaction"])
def test_a_kind_is_the_events_or_its_messages(kind: str) -> None:
    log, _, memory = remembered(100)
    every = range(0, 100, 1 if kind == "messages" else 3)
    assert all_of(log, memory, Wanted(kind=kind)) == [f"main:m-{n:05}" for n in every]


def test_times_bound_a_search() -> None:
    log, _, memory = remembered(200)
    bounds = Selection(since=NOW - 60 * 101, until=NOW - 60 * 11)
    assert all_of(log, memory, Wanted(bounds, text=ADA.text)) == [
        f"main:m-{number:05}" for number in range(10, 101, 10)
    ]


def test_what_is_newer_than_the_memory_is_read_first() -> None:
    log, clock, memory = remembered(100)
    clock.advance(30)
    log.put("new", NOW + 20, sender_id="+15550101234")
    memory.step()
    assert memory.view.rows[0].key == "new"
    assert memory.view.whole


def test_a_burst_hides_what_is_older_until_it_is_read() -> None:
    log, clock, memory = remembered(100)
    clock.advance(600)
    for number in range(4 * PORTION):
        log.put(f"burst-{number:05}", NOW + number / 10, sender_id="+15550101234")
    memory.step()
    view = memory.view
    assert not view.whole
    assert view.edge > NOW
    assert len(all_of(log, memory, ADA)) == 4 * PORTION + 10
    for _ in range(3):
        memory.step()
    assert memory.view.whole
    assert len(memory.view.rows) == 4 * PORTION + 100


def test_a_rate_that_no_step_keeps_up_with_hides_nothing_for_long() -> None:
    log, clock, memory = remembered(100)
    for number in range(3_000):
        log.put(f"begun-{number:05}", NOW + number / 1000)
    clock.advance(3)
    memory.step()
    for number in range(9_000):
        log.put(f"more-{number:05}", NOW + 3 + number / 1000)
    clock.advance(9)
    for _ in range(5):
        memory.step()
    assert memory.view.whole
    assert len(memory.view.rows) == 12_100


def test_what_is_stored_late_is_found_by_the_next_walk() -> None:
    """An event that the queue carried over an outage stands at the time that it came in."""
    log, clock, memory = remembered(100)
    log.put("late", NOW - 3_000, sender_id="+15550101234")
    memory.step()
    assert "late" not in all_of(log, memory, ADA)
    clock.advance(WALK_EVERY + 1)
    memory.step()
    assert "late" in all_of(log, memory, ADA)


def test_what_is_stored_late_and_owes_work_is_found_at_once() -> None:
    log, _, memory = remembered(100)
    log.put("late", NOW - 3_000, Status.PENDING, sender_id="+15550101234")
    memory.step()
    assert "late" in all_of(log, memory, ADA)


def test_what_was_erased_is_not_shown_and_is_forgotten() -> None:
    log, clock, memory = remembered(100)
    del log.events["main:m-00050"]
    assert "main:m-00050" not in all_of(log, memory, ADA)
    clock.advance(WALK_EVERY + 1)
    memory.step()
    assert all(row.key != "main:m-00050" for row in memory.view.rows)
    assert len(memory.view.rows) == 99


def test_a_second_walk_reads_no_event_again() -> None:
    log, clock, memory = remembered(2_500)
    log.read.clear()
    clock.advance(WALK_EVERY + 1)
    for _ in range(5):
        memory.step()
        assert memory.view.whole
    assert log.read.total() == 0


def test_a_failed_step_loses_nothing() -> None:
    log, clock, memory = remembered(100)
    clock.advance(60)
    log.put("new", NOW + 30, sender_id="+15550101234")
    log.fails = True
    for _ in range(3):
        with pytest.raises(TableUnavailable):
            memory.step()
    log.fails = False
    for _ in range(4):
        memory.step()
    assert len(memory.view.rows) == 101
    assert memory.view.whole


def test_only_the_newest_are_remembered_and_the_rest_is_read() -> None:
    log, _, memory = remembered(3_000, most=1_000)
    assert memory.view.full
    assert not memory.view.whole
    assert len(memory.view.rows) <= 1_000
    assert len(all_of(log, memory, ADA)) == 300
    log.read.clear()
    for _ in range(3):
        memory.step()
    assert log.read.total() == 0


def test_more_than_can_be_compared_is_looked_at_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spectrum_cli.ui.memory.MOST_OWED", 100)
    assert MOST_OWED > 100
    log, clock = ShortLog(), ManualClock(NOW)
    for number in range(200):
        log.put(f"m-{number}", NOW - 60, Status.PENDING)
    memory = Memory(log, clock)
    for _ in range(3):
        memory.step()
    for number in range(50):
        log.put(f"m-{number}", NOW - 60)
    memory.step()
    assert sum(row.owes for row in memory.view.rows) == 150
