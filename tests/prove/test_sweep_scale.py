"""A large backlog is queued about once, however slowly it drains: hints are not multiplied."""

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence

import boto3
import pytest
from moto import mock_aws
from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.domain.ports import SHARDS, StoredEvent
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import EventTable, Overdue, Record
from spectrum_forwarder.sweep import Sweeper

from tests.prove.conftest import Figures
from tests.prove.stack import no_facts
from tests.support.aws import create_table
from tests.support.make import NOW, event_of
from tests.support.memory import ManualClock, MemoryQueue, MemoryTable
from tests.support.prove import LONG

MINUTE = 60.0
MOST_AMPLIFICATION = 1.2


class IndexedTable(MemoryTable):
    """A memory table that finds what is due without looking at every row, as an index does."""

    def __init__(self) -> None:
        super().__init__()
        self._due: dict[int, list[tuple[float, str]]] = {shard: [] for shard in range(SHARDS)}

    def put_due(self, stored: StoredEvent, due_at: float) -> None:
        """Store an event that is due then."""
        self.put(stored, receipt="r", now=due_at, due_at=due_at)
        self._note(stored.event.key)

    def _note(self, key: str) -> None:
        due_at = self.rows[key].due_at
        if due_at is not None:
            heapq.heappush(self._due[items.shard(key)], (due_at, key))

    def overdue(self, shard: int, *, now: float) -> Iterator[Sequence[Overdue]]:
        heap, found = self._due[shard], []
        while heap and heap[0][0] <= now:
            due_at, key = heapq.heappop(heap)
            if self.rows[key].due_at == due_at:
                found.append(Overdue(key, due_at))
        for start in range(0, len(found), 100):
            yield found[start : start + 100]

    def postpone(self, overdue: Overdue, *, until: float) -> bool:
        done = super().postpone(overdue, until=until)
        self._note(overdue.event_key)
        return done


class CountingQueue(MemoryQueue):
    """Hints in the order they came, and how many there were for each event."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.hints: Counter[str] = Counter()
        self.waiting: list[str] = []

    def send_hints(self, event_keys: Sequence[str]) -> None:
        self.hints.update(event_keys)
        self.waiting += event_keys


def drain(table: EventTable, queue: CountingQueue, clock: ManualClock, rate: int) -> int:
    """Sweep every minute while a minute's worth of hints is worked off; return the minutes."""
    sweeper = Sweeper(table, queue, clock, no_facts, Timing(), in_parallel=map)
    for minute in range(24 * 60):
        sweeper.sweep(deadline=clock() + 47.0)
        taken, queue.waiting = queue.waiting[:rate], queue.waiting[rate:]
        for key in taken:
            owner = f"owner-{minute}"
            if table.claim(key, owner=owner, now=clock(), until=clock() + 75.0):
                table.record(key, owner=owner, record=Record({}, None, clock() + 1e6))
        if not queue.waiting:
            return minute + 1
        clock.advance(MINUTE)
    raise AssertionError("the backlog did not drain within a day")


def amplification(queue: CountingQueue, events: int) -> float:
    """Hints sent for each event."""
    assert len(queue.hints) == events
    return queue.hints.total() / events


# How long the backlog takes at that rate. Up to ten minutes no hint is repeated; from then on the
# sweeper can't tell a hint that waits from one that is lost.
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("minutes", "most"), [(5, 1.2), (10, 1.2), (30, 4.0)])
def test_a_large_backlog_is_queued_about_once(minutes: int, most: float, figures: Figures) -> None:
    events = 100_000 if LONG else 10_000
    clock, table = ManualClock(), IndexedTable()
    queue = CountingQueue(clock)
    for number in range(events):
        table.put_due(StoredEvent(event_of(f"m{number}"), b""), NOW - 1)
    taken = drain(table, queue, clock, rate=-(-events // minutes))
    found = amplification(queue, events)
    assert found < most
    figures("amplification", f"{found:.3f} ({events:,} events, drained in {taken} minutes)")


@pytest.mark.timeout(600)
def test_a_backlog_in_dynamodb_is_queued_about_once(
    figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = 500 if LONG else 30
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        table, clock = DynamoEventTable(client, create_table(client)), ManualClock()
        queue = CountingQueue(clock)
        for number in range(events):
            stored = StoredEvent(event_of(f"m{number}"), b"x")
            table.put(stored, receipt="r", now=NOW, due_at=NOW - 1)
        drain(table, queue, clock, rate=events // 5)
    found = amplification(queue, events)
    assert found < MOST_AMPLIFICATION
    figures("amplification", f"{found:.3f} ({events:,} events in DynamoDB's imitation, moto)")
