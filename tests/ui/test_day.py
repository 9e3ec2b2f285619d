"""The overview's numbers, read bit by bit, and kept up with what happens."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from spectrum_cli.ui.chart import accepted_chart, destination_chart
from spectrum_cli.ui.day import DAY, Day, KeptFresh, Summary
from spectrum_forwarder.domain.delivery import Delivery, Status, planned
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.log import LoggedEvent, Page

from tests.support.memory import ManualClock

NOW = 1_800_000_000.0


class ShortLog:
    """The newest events, from a list."""

    def __init__(self) -> None:
        self.events: dict[str, LoggedEvent] = {}
        self.fails = False

    def put(self, key: str, at: float, status: Status = Status.DELIVERED) -> None:
        delivery = replace(planned("crm", at), status=status)
        due_at = at if status is Status.PENDING else None
        self.events[key] = _event(key, at, {"crm": delivery}, due_at)

    def newest(
        self,
        *,
        limit: int,
        cursor: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> Page:
        if self.fails:
            raise TableUnavailable("query: Throttled")
        events = sorted(self.events.values(), key=lambda event: -event.received_at)
        found = [event for event in events if event.received_at >= (since or 0)]
        start = int(cursor or 0)
        more = start + limit < len(found)
        return Page(found[start : start + limit], str(start + limit) if more else None)

    def get(self, event_key: str) -> LoggedEvent | None:
        return self.events.get(event_key)

    def get_all(self, event_keys: Sequence[str]) -> Iterator[LoggedEvent]:
        return (self.events[key] for key in event_keys if key in self.events)

    def owing(self) -> None:
        raise NotImplementedError

    def body(self, event_key: str) -> bytes | None:
        raise NotImplementedError


def _event(
    key: str, at: float, deliveries: dict[str, Delivery], due_at: float | None
) -> LoggedEvent:
    return LoggedEvent(key, at, at, "webhook", deliveries=deliveries, due_at=due_at)


def stepped(day: Day, steps: int = 1) -> Summary:
    for _ in range(steps):
        day.step()
    assert day.summary is not None
    return day.summary


def make(count: int = 0) -> tuple[ShortLog, ManualClock, Day]:
    log, clock = ShortLog(), ManualClock(NOW)
    for number in range(count):
        log.put(f"old-{number}", NOW - 60 * (number + 1))
    return log, clock, Day(log, clock)  # type: ignore[arg-type]


def test_the_whole_day_is_counted_step_by_step() -> None:
    log, _, day = make(1_000)
    log.put("older", NOW - DAY - 10)
    first = stepped(day)
    assert (sum(first.accepted), first.reading) == (100, True)
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


def test_numbers_that_cannot_be_current_are_said_to_be_old() -> None:
    log, _, day = make()
    for number in range(1_000):
        log.put(f"late-{number}", NOW - 100 - number, Status.PENDING)
    assert stepped(day, 12).steps_behind == 3


def test_a_burst_between_two_steps_is_caught_up_with() -> None:
    log, clock, day = make(10)
    stepped(day, 2)
    clock.advance(60)
    for number in range(1_000):
        log.put(f"burst-{number}", NOW + number / 100)
    assert stepped(day).reading
    summary = stepped(day, 6)
    assert (sum(summary.accepted), summary.reading) == (1_010, False)


def test_a_day_that_has_passed_is_forgotten() -> None:
    _, clock, day = make(10)
    stepped(day, 2)
    clock.advance(DAY + 3600)
    assert sum(stepped(day).accepted) == 0


def test_more_events_than_are_kept_are_said_to_be_more() -> None:
    log, clock = make(1_000)[:2]
    day = Day(log, clock, most=250)  # type: ignore[arg-type]
    summary = stepped(day, 6)
    assert summary.full
    assert not summary.reading
    assert sum(summary.accepted) == 250
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
        _wait(lambda: day.summary is not None)
        log.fails = True
        _wait(lambda: overview.trouble == "told: query: Throttled")
        log.fails = False
        _wait(lambda: overview.trouble == "")
    finally:
        overview.stop()


def _wait(condition: object) -> None:
    deadline = time.monotonic() + 10
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)
