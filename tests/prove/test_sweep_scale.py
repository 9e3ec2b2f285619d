"""A backlog heals itself: hints are not multiplied, and fresh events wait for what is owed alone.

Every case counts all hints, the receiver's and the sweeper's, and events come in all the while.
"""

import math

import boto3
import pytest
from moto import mock_aws
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.domain.ports import Depth
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.sweep import Sweep

from tests.prove.backlog import Backlog
from tests.prove.conftest import Figures
from tests.support.aws import create_table
from tests.support.prove import LONG

MINUTE, HALF_AN_HOUR, HOUR, DAY = 60.0, 1800.0, 3600.0, 86_400.0
MOST = 1.05
# An event is handled at once that is handled within so many seconds.
SOON = 15.0
# Seconds between events: some 8,600 a day, or ten times as many.
EVERY = 1.0 if LONG else 10.0

pytestmark = pytest.mark.timeout(900)


def hinted_at_whether_or_not_the_first_still_stands(patch: pytest.MonkeyPatch) -> None:
    """The mutant: version 0.1.0's sweep. What is overdue gets a hint every ten minutes."""

    def run(self: Sweep) -> None:
        timing, queue = self.needs.timing, self.needs.queue
        until = self.now + max(600.0 * timing.scale, 10.0)
        for shard in self.shards:
            for batch in self.needs.table.overdue(shard.number, now=self.now):
                for overdue in batch:
                    if self.needs.table.postpone(overdue, until=until):
                        queue.send_hints([overdue.event_key])

    patch.setattr(Sweep, "run", run)


def outage(hours: float, *, late: float = 0.0, every: float = EVERY) -> tuple[Backlog, float]:
    """The fan-out is away for so long, and back for some hours; returns when it came back."""
    backlog = Backlog(every=every, capacity=20)
    backlog.queue.late = late
    backlog.working = False
    backlog.live(hours * HOUR)
    back = backlog.clock()
    backlog.working = True
    backlog.live(hours * HOUR / 8)
    return backlog, back


@pytest.mark.parametrize(("hours", "most"), [(6, 0.5), (12, 1.0), (24, 2.0)])
def test_after_an_outage_fresh_events_wait_for_what_is_owed_alone(
    hours: float, most: float, figures: Figures
) -> None:
    backlog, back = outage(hours)
    waited = backlog.late(SOON, since=back) / HOUR
    assert backlog.amplification <= MOST
    assert waited <= most
    # Oldest first; and the last ones have only just come.
    assert list(backlog.handled) == [key for key in backlog.arrived if key in backlog.handled]
    assert len(backlog.owed) <= 2
    figures(
        "outage of the fan-out",
        f"{hours} h: {backlog.amplification:.3f} hints an event, fresh ones late for {waited:.2f} h"
        f" ({len(backlog.arrived):,} events)",
    )


# SQS tells a depth approximately, and up to a minute late.
@pytest.mark.parametrize("hours", [1, 6, 24])
def test_a_depth_that_is_told_late_hardly_multiplies_hints(hours: float) -> None:
    backlog, _ = outage(hours, late=MINUTE)
    assert backlog.amplification <= MOST


def always_made_again(patch: pytest.MonkeyPatch) -> None:
    """Something fails in each sweep, so that it is made again seconds later."""
    patch.setattr(Sweep, "has_failed", property(lambda self: True))


def again_as_if_nothing_had_been_sent(patch: pytest.MonkeyPatch) -> None:
    """The mutant: what was sent seconds ago, and no queue tells yet, is sent once more."""
    divide_of = Sweep._divide

    def divide(self: Sweep, standing: Depth) -> None:
        self.earlier = ()
        divide_of(self, standing)

    patch.setattr(Sweep, "_divide", divide)


def half_purged(hours: float = 2.0) -> Backlog:
    """Of an outage's hints half are lost, and SQS tells its depth a minute late."""
    backlog = Backlog(every=5.0, capacity=20)
    backlog.queue.late = MINUTE
    backlog.working = False
    backlog.live(hours * HOUR)
    backlog.queue.take(len(backlog.queue.waiting) // 2)
    backlog.live(HALF_AN_HOUR)
    backlog.working = True
    backlog.live(HOUR)
    return backlog


def test_a_sweep_that_is_made_again_because_of_a_failure_multiplies_no_hints(
    monkeypatch: pytest.MonkeyPatch, figures: Figures
) -> None:
    once = half_purged()
    always_made_again(monkeypatch)
    again = half_purged()
    assert len(again.owed) <= 2
    assert again.amplification <= once.amplification + 0.01
    again_as_if_nothing_had_been_sent(monkeypatch)
    mutant = half_purged()
    assert mutant.amplification > once.amplification + 0.05
    figures("mutants caught", 1)
    figures(
        "mutants",
        "swept again as if nothing had been sent |"
        f" {mutant.amplification:.2f} hints an event, not {again.amplification:.2f}",
    )


@pytest.mark.parametrize("minutes", [5, 10, 30, 60, 6 * 60, 24 * 60])
def test_a_backlog_without_hints_gets_one_for_each_event(minutes: int, figures: Figures) -> None:
    events = 100_000 if LONG and minutes <= 60 else 3_000
    backlog = Backlog(every=20 * minutes * MINUTE / events, capacity=20)
    for _ in range(events):
        backlog.put(hinted=False)
    backlog.clock.advance(80.0)
    backlog.live(1.2 * minutes * MINUTE + 5 * MINUTE)
    assert len(backlog.owed) <= 2
    assert backlog.amplification <= MOST
    figures(
        "amplification",
        f"{backlog.amplification:.3f} ({events:,} events without hints, drained in {minutes} min)",
    )


def test_a_purged_queue_is_healed_within_minutes() -> None:
    backlog = Backlog(every=EVERY, capacity=20)
    backlog.working = False
    backlog.live(6 * HOUR)
    backlog.queue.purge()
    backlog.live(2 * MINUTE)
    # Nearly all: about a sixteenth is not told from what has its hint, until the queue is shorter.
    assert len(backlog.queue.waiting) >= 0.93 * len(backlog.owed)
    backlog.live(6 * HOUR)
    backlog.working = True
    backlog.live(2 * HOUR)
    assert len(backlog.owed) <= 2
    assert backlog.amplification <= 1.5 * MOST  # half of the hints were thrown away


def test_a_hint_that_is_lost_in_calm_weather_is_made_good_in_minutes() -> None:
    backlog = Backlog(every=1.0, capacity=20)
    backlog.live(MINUTE)
    lost = backlog.put(hinted=False)
    backlog.live(10 * MINUTE)
    assert backlog.handled[lost] - backlog.arrived[lost] <= 4 * MINUTE


def deep(minutes: float) -> Backlog:
    """A queue that is always so deep: as many events come as can be worked off."""
    backlog = Backlog(every=2.0, capacity=1)
    backlog.working = False
    backlog.live(minutes * MINUTE)
    backlog.working = True
    return backlog


@pytest.mark.parametrize("lost", [1, 10, 100])
@pytest.mark.parametrize("minutes", [10, 40])
def test_a_queue_that_is_always_deep_hides_no_lost_hint_for_long(lost: int, minutes: int) -> None:
    backlog = deep(minutes)
    backlog.live(HOUR)
    gone = [backlog.put(hinted=False) for _ in range(lost)]
    backlog.live(3 * HOUR)
    assert len(backlog.queue.waiting) >= 4 * MINUTE  # as deep as ever
    waited = [backlog.handled[key] - backlog.arrived[key] for key in gone]
    # The first look is after half an hour at the latest, and then the queue itself takes as long.
    assert max(waited) <= 35 * MINUTE + 2 * minutes * MINUTE
    assert backlog.amplification <= MOST


@pytest.mark.parametrize("junk", [1, 4, 8, 11, 1_000])
@pytest.mark.parametrize("lost", [1, 3, 8])
def test_what_stands_in_a_queue_for_ever_hides_a_lost_hint_for_half_an_hour(
    junk: int, lost: int
) -> None:
    backlog = Backlog(every=60.0, capacity=20)
    backlog.queue.junk = junk
    gone = [backlog.put(hinted=False) for _ in range(lost)]
    backlog.live(HOUR)
    waited = max(backlog.handled[key] - backlog.arrived[key] for key in gone)
    assert waited <= HALF_AN_HOUR + 4 * MINUTE
    assert max(backlog.queue.hints[key] for key in gone) == 1


def test_copies_that_stand_in_a_queue_are_hardly_multiplied() -> None:
    """Each event's hint is there three times, and nobody takes any for a day."""
    backlog = Backlog(every=100.0, capacity=20)
    backlog.working = False
    backlog.live(HOUR)
    for key in backlog.owed * 2:
        backlog.queue.send_hint(key)
    backlog.live(DAY)
    # They are sent again by ones and twos, and not once more what was sent so.
    assert max(backlog.queue.hints.values()) <= 5


def test_without_the_depth_an_event_is_hinted_at_after_as_long_as_it_is_overdue() -> None:
    backlog = Backlog(every=60.0, capacity=20)
    backlog.queue.silent = True
    backlog.working = False
    first = backlog.put()
    backlog.live(DAY)
    assert backlog.queue.hints[first] <= 2 + math.log2(DAY / 75.0)
    backlog.queue.purge()
    backlog.working = True
    backlog.live(2 * DAY)
    assert len(backlog.owed) <= 2


def soak() -> tuple[Backlog, float]:
    """A stack at a twentieth of its times falls behind for half a minute; returns since when.

    Twice as many hints as events come in are already more than it can work off.
    """
    backlog = Backlog(every=0.2, capacity=1.3, timing=Timing(0.05))
    backlog.live(2 * MINUTE)
    backlog.working = False
    backlog.live(30.0)
    backlog.working = True
    back = backlog.clock()
    backlog.live(10 * MINUTE)
    return backlog, back


def test_a_stack_that_fell_behind_once_recovers_within_two_minutes(figures: Figures) -> None:
    backlog, back = soak()
    waited = backlog.late(1.0, since=back)
    assert waited <= 2 * MINUTE
    assert backlog.amplification <= MOST
    figures("fell behind for 30 s", f"late for {waited:.0f} s more, {backlog.amplification:.3f}")


def test_the_mutant_is_caught_hinted_at_whether_or_not_the_first_still_stands(
    monkeypatch: pytest.MonkeyPatch, figures: Figures
) -> None:
    """What 0.1.0 did: hints of an outage by the dozen, and a stack that never recovers."""
    hinted_at_whether_or_not_the_first_still_stands(monkeypatch)
    after_outage, back = outage(12, every=100.0)
    waited = after_outage.late(SOON, since=back) / HOUR
    assert after_outage.amplification > 20 * MOST
    assert waited > 1.0
    backlog, since = soak()
    assert backlog.late(1.0, since=since) > 9 * MINUTE
    assert len(backlog.queue.waiting) > 3 * len(backlog.owed)
    figures("mutants caught", 1)
    figures(
        "mutants",
        "hinted at whether or not the first still stands |"
        f" {len(backlog.queue.waiting):,} hints for {len(backlog.owed):,} owed events,"
        f" late for ever; after 12 h {after_outage.amplification:.0f} hints an event",
    )


def test_a_backlog_in_dynamodb_gets_one_hint_for_each_event(
    figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = 500 if LONG else 30
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        table = DynamoEventTable(client, create_table(client))
        backlog = Backlog(every=5 * MINUTE / events, capacity=1, table=table)
        backlog.stop_arrivals()
        for _ in range(events):
            backlog.put(hinted=False)
        backlog.working = False
        backlog.live(6 * MINUTE)
        backlog.working = True
        backlog.live(15 * MINUTE)
    assert backlog.owed == []
    assert backlog.amplification <= MOST
    figures(
        "amplification",
        f"{backlog.amplification:.3f} ({events:,} events in DynamoDB's imitation, moto)",
    )
