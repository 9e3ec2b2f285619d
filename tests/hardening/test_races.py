"""Sixteen threads at one key: one winner, over HTTP, on two DynamoDBs without a common line.

moto stands behind the lock that makes its writes atomic; dynalite is so by itself.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import boto3
import pytest
from botocore.config import Config
from spectrum_cli.local.moto_server import MotoServer
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.items import shard
from spectrum_forwarder.domain.delivery import Status, planned, settled
from spectrum_forwarder.domain.ports import Existing
from spectrum_forwarder.domain.worker_ports import Claimed, Overdue, Record

from tests.hardening.dynalite import NoDynalite, dynalite
from tests.support.aws import create_table
from tests.support.make import NOW, stored_of
from tests.support.prove import LONG

THREADS = 16
ROUNDS = 150 if LONG else 12
Answer = TypeVar("Answer")
DONE = {"crm": settled(planned("crm", NOW), Status.DELIVERED)}


class Racers:
    """Sixteen tables of sixteen clients, and a start for all of them at once."""

    def __init__(self, url: str) -> None:
        self.client = _client(url)
        name = create_table(self.client)
        self.tables = [DynamoEventTable(_client(url), name) for _ in range(THREADS)]
        self._threads = ThreadPoolExecutor(THREADS)

    def race(self, run: Callable[..., Answer], key: str, *more: float) -> list[Answer]:
        """Have each run with its table, the key and a name of its own; the answers in order."""
        gate = threading.Barrier(THREADS)

        def runner(number: int) -> Answer:
            gate.wait()
            return run(self.tables[number], key, f"owner-{number}", *more)

        return list(self._threads.map(runner, range(THREADS)))

    def close(self) -> None:
        self._threads.shutdown()


def _client(url: str) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module", params=["moto", "dynalite"])
def racers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Racers]:
    if request.param == "moto":
        with MotoServer() as moto:
            racers = Racers(moto.url)
            yield racers
            racers.close()
        return
    if not LONG:
        pytest.skip("dynalite is fetched from npm: long runs only (make prove)")
    try:
        with dynalite(tmp_path_factory.mktemp("dynalite")) as url:
            racers = Racers(url)
            yield racers
            racers.close()
    except NoDynalite as reason:
        pytest.skip(f"no dynalite: {reason}")


def put(table: DynamoEventTable, key: str, receipt: str, now: float = NOW) -> Existing | None:
    return table.put(stored_of(key), receipt=receipt, now=now, due_at=now + 75)


def claim(table: DynamoEventTable, key: str, owner: str, now: float = NOW) -> Claimed | None:
    return table.claim(f"main:{key}", owner=owner, now=now, until=now + 75)


def postpone(table: DynamoEventTable, key: str, owner: str) -> bool:
    """Each to a time of its own, as sweepers do: the same would mean that it met its own write."""
    seen = Overdue(f"main:{key}", NOW + 75)
    return table.postpone(seen, until=NOW + 700 + int(owner.partition("-")[2]))


def record(table: DynamoEventTable, key: str, owner: str) -> bool:
    outcome = Record(DONE, None, NOW + 10**6)
    return table.record(f"main:{key}", owner=owner, record=outcome)


class Count:
    """How many won in each round."""

    def __init__(self, record: Callable[[str, object], None]) -> None:
        self._record = record
        self._winners: list[int] = []

    def append(self, winners: int) -> None:
        self._winners.append(winners)

    def check(self) -> None:
        odd = [winners for winners in self._winners if winners != 1]
        figures = f"{len(self._winners)}, without exactly one winner {len(odd)}"
        self._record(f"races of {THREADS}", figures)
        assert odd == []


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Count:
    return Count(record_property)


def test_of_many_puts_one_is_new(racers: Racers, count: Count) -> None:
    for number in range(ROUNDS):
        key = f"put-{number}"
        answers = racers.race(put, key)
        count.append(answers.count(None))
    count.check()


def test_of_many_puts_over_an_expired_event_one_is_new(racers: Racers, count: Count) -> None:
    for number in range(ROUNDS):
        key, later = f"expired-{number}", NOW + 2 * 10**6
        put(racers.tables[0], key, "first")
        assert claim(racers.tables[0], key, "a")
        assert record(racers.tables[0], key, "a")
        answers = racers.race(put, key, later)
        count.append(answers.count(None))
    count.check()


def test_of_many_claims_one_holds(racers: Racers, count: Count) -> None:
    for number in range(ROUNDS):
        key = f"claim-{number}"
        put(racers.tables[0], key, "first")
        claims = racers.race(claim, key)
        count.append(sum(claimed is not None for claimed in claims))
        [winner] = [claimed for claimed in claims if claimed is not None]
        # The winner alone can record, and nobody can claim what is settled.
        written = racers.race(record, key)
        assert [f"owner-{i}" for i, done in enumerate(written) if done] == [winner.owner]
        assert claim(racers.tables[0], key, "late", NOW + 1000) is None
    count.check()


def test_a_claim_that_was_lost_records_nothing(racers: Racers, count: Count) -> None:
    for number in range(ROUNDS):
        key = f"fence-{number}"
        put(racers.tables[0], key, "first")
        assert claim(racers.tables[0], key, "owner-0")
        takeover = NOW + 76
        assert claim(racers.tables[1], key, "owner-1", takeover)
        written = racers.race(record, key)
        assert written[1]
        count.append(written.count(True))
    count.check()


def test_of_many_sweepers_one_moves_the_due_time(racers: Racers, count: Count) -> None:
    for number in range(ROUNDS):
        key = f"due-{number}"
        put(racers.tables[0], key, "first")
        moved = racers.race(postpone, key)
        count.append(moved.count(True))
    count.check()


def test_a_repeat_is_never_taken_for_a_new_event_or_a_free_claim(racers: Racers) -> None:
    """What a client library's own repeat gets: its own back, or where the table does not tell who
    stands there, a safe no. Nothing raises.
    """
    table = racers.tables[0]
    assert put(table, "again", "mine") is None
    repeat = put(table, "again", "mine")
    assert repeat is None or repeat == Existing(due_at=None, claimed_until=0, received_at=0)
    other = put(table, "again", "other")
    assert other is not None
    assert other.due_at in (None, NOW + 75)

    assert claim(table, "again", "a")
    mine = claim(table, "again", "a")
    assert mine is None or mine.owner == "a"
    assert claim(table, "again", "b") is None
    assert record(table, "again", "a")
    assert record(table, "again", "a")
    assert not record(table, "again", "b")
    due = [
        event.event_key
        for batch in table.overdue(shard("main:again"), now=NOW + 10**9)
        for event in batch
    ]
    assert "main:again" not in due
