"""The overview's numbers, read bit by bit, and kept up with what happens."""

from __future__ import annotations

import time
from dataclasses import replace

from spectrum_cli.ui.chart import accepted_chart, destination_chart
from spectrum_cli.ui.day import DAY, Day, KeptFresh, Spread, Summary, Times, sum_up
from spectrum_cli.ui.memory import MOST_CHANGED, Memory
from spectrum_forwarder.domain.delivery import Status

from tests.support.in_memory.clock import ManualClock
from tests.support.waiting import wait_until
from tests.ui.short_log import NOW, ShortLog


def stepped(day: Day, steps: int = 1) -> Summary:
    for _ in range(steps):
        day.step()
    assert day.summary is not None
    return day.summary


def make(count: int = 0) -> tuple[ShortLog, ManualClock, Day]:
    log, clock = ShortLog(), ManualClock(NOW)
    for number in range(count):
        log.put(f"old-{number}", NOW - 60 * (number + 1))
    return log, clock, Day(Memory(log, clock))


def test_the_whole_day_is_counted_step_by_step() -> None:
    log, _, day = make(1_000)
    log.put("older", NOW - DAY - 10)
    first = stepped(day)
    # Of the moment that was read up to there might be others.
    assert (sum(first.accepted), first.reading) == (99, True)
    whole = stepped(day, 6)
    assert (sum(whole.accepted), whole.reading, whole.full) == (1_000, False, False)
    assert whole.total("crm", Status.DELIVERED) == 1_000


def test_what_comes_and_what_changes_is_noticed() -> None:
    log, clock, day = make(10)
    stepped(day, 2)
    clock.advance(5)
    log.put("new", clock(), Status.PENDING)
    assert stepped(day).total("crm", Status.PENDING) == 1
    clock.advance(3600)
    log.put("new", NOW + 5, Status.DEAD_LETTERED)
    assert stepped(day).total("crm", Status.DEAD_LETTERED) == 1
    log.put("new", NOW + 5, Status.DELIVERED)
    summary = stepped(day)
    assert summary.total("crm", Status.DEAD_LETTERED) == 0
    assert summary.total("crm", Status.DELIVERED) == 11


def test_numbers_are_current_in_the_step_after_an_outage_has_ended() -> None:
    log, _, day = make()
    for number in range(297):
        log.put(f"late-{number}", NOW - 100 - number, Status.PENDING)
    assert stepped(day, 4).total("crm", Status.PENDING) == 297
    for number in range(297):
        log.put(f"late-{number}", NOW - 100 - number)
    summary = stepped(day)
    assert summary.total("crm", Status.PENDING) == 0
    assert summary.total("crm", Status.DELIVERED) == 297


def test_ten_thousand_that_waited_are_counted_anew_within_six_steps() -> None:
    """Three hundred were looked at again each four seconds: 2 minutes after all had gone out, the
    overview still had most of them waiting.
    """
    log, _, day = make()
    for number in range(10_000):
        log.put(f"late-{number}", NOW - 100 - number / 10, Status.PENDING)
    assert stepped(day, 8).total("crm", Status.PENDING) == 10_000
    for number in range(10_000):
        log.put(f"late-{number}", NOW - 100 - number / 10)
    first = stepped(day)
    assert first.behind == 10_000 - MOST_CHANGED
    assert day.reading  # so that the next step comes at once
    last = stepped(day, 5)
    assert (last.total("crm", Status.PENDING), last.behind) == (0, 0)
    assert last.total("crm", Status.DELIVERED) == 10_000


def test_how_long_deliveries_took_is_told_of_those_that_were_not_replayed() -> None:
    log, _, day = make(100)
    assert stepped(day, 2).times == {"crm": Times(Spread(80, 80), Spread(1080, 1080))}
    slow = log.events["old-7"]
    assert slow.deliveries
    delivery = slow.deliveries["crm"]
    [last] = delivery.history
    again = replace(delivery, replays=1, history=(replace(last, at=NOW, milliseconds=900),))
    log.events["old-7"] = replace(slow, deliveries={"crm": again}, due_at=NOW)
    stepped(day)
    log.events["old-7"] = replace(slow, deliveries={"crm": again})
    found = stepped(day).times["crm"]
    assert found.after == Spread(1080, 1080)
    for number in range(0, 12):
        key = f"late-{number}"
        log.put(key, NOW)
        late = log.events[key]
        assert late.deliveries
        slowly = replace(last, at=NOW + 60, milliseconds=2_000)
        done = replace(late.deliveries["crm"], history=(slowly,))
        log.events[key] = replace(late, deliveries={"crm": done})
    found = stepped(day).times["crm"]
    assert found == Times(Spread(80, 2_000), Spread(1080, 62_000))


def test_a_burst_between_two_steps_is_caught_up_with() -> None:
    log, clock, day = make(10)
    stepped(day, 2)
    clock.advance(60)
    for number in range(5_000):
        log.put(f"burst-{number}", NOW + number / 100)
    summary = stepped(day)
    assert summary.reading
    assert summary.since > NOW
    summary = stepped(day, 3)
    assert (sum(summary.accepted), summary.reading) == (5_010, False)


def test_a_day_that_has_passed_is_forgotten() -> None:
    _, clock, day = make(10)
    stepped(day, 2)
    clock.advance(DAY + 3600)
    assert sum(stepped(day).accepted) == 0


def test_more_events_than_are_counted_are_said_to_be_more() -> None:
    day = make(1_000)[2]
    stepped(day, 6)
    summary = sum_up(day.memory.view, NOW, most=250)
    assert (summary.full, summary.reading) == (True, False)
    assert sum(summary.accepted) == 250
    assert summary.since == NOW - 60 * 250


def test_more_events_than_are_remembered_are_said_to_be_more() -> None:
    log, clock = make(1_000)[:2]
    summary = stepped(Day(Memory(log, clock, most=250)), 6)
    assert (summary.full, summary.reading) == (True, False)
    # Of the moment that the room ends at nothing is counted: there might be others.
    assert sum(summary.accepted) == 249
    assert summary.since == NOW - 60 * 250


def test_bars_stand_for_their_numbers() -> None:
    log, _, day = make(30)
    log.put("dead", NOW - 60, Status.DEAD_LETTERED)
    summary = stepped(day)
    chart = accepted_chart(summary, height=100)
    assert chart.top == max(summary.accepted)
    tallest = max(block.height for bar in chart.bars for block in bar.blocks)
    assert tallest == 100
    small = destination_chart(summary, "crm", height=48)
    for bar in small.bars:
        assert sum(block.height for block in bar.blocks) <= 50
    assert any(block.tone == "dead-lettered" for bar in small.bars for block in bar.blocks)
    assert all(not bar.blocks for bar in destination_chart(summary, "unknown").bars)


def test_it_is_read_only_while_somebody_looks_and_a_failure_is_told() -> None:
    log, _, day = make(10)
    overview = KeptFresh(day, lambda error: f"told: {error}")
    overview.EVERY = 0.01
    overview.start()
    try:
        time.sleep(0.1)
        assert day.summary is None
        overview.look()
        wait_until(lambda: day.summary is not None)
        log.fails = True
        wait_until(lambda: overview.trouble == "told: query: Throttled")
        log.fails = False
        wait_until(lambda: overview.trouble == "")
    finally:
        overview.stop()
