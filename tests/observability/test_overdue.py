"""How late events are, and which breakers are open: what two of the alarms wait for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto import mock_aws
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
from spectrum_forwarder.domain.destination import Destinations
from spectrum_forwarder.domain.errors import RegistryUnavailable
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.ports import SHARDS
from spectrum_forwarder.domain.worker_ports import DestinationRegistry, Overdue, Record
from spectrum_forwarder.watch import watch

from tests.support.aws import TABLE, create_table
from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.queue import MemoryQueue
from tests.support.in_memory.registries import MemoryDestinations
from tests.support.make import NOW, destination_of, stored_of

KEY = "main:spc-msg-1"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client)
        yield client


def overdue(table: DynamoEventTable, now: float) -> Overdue:
    batches = [batch for shard in range(SHARDS) for batch in table.overdue(shard, now=now)]
    ((found,),) = batches
    return found


def test_sweeps_move_the_due_time_and_not_since_when_it_is_overdue(client: Any) -> None:
    table = DynamoEventTable(client, TABLE)
    table.put(stored_of(), receipt="r", now=NOW, due_at=NOW + 75)
    for late in (100.0, 700.0, 1300.0):
        found = overdue(table, NOW + late)
        assert found.since == NOW + 75
        assert table.postpone(found, until=NOW + late + 600)


def test_an_event_that_was_looked_at_is_late_anew(client: Any) -> None:
    table = DynamoEventTable(client, TABLE)
    table.put(stored_of(), receipt="r", now=NOW, due_at=NOW + 75)
    table.postpone(overdue(table, NOW + 100), until=NOW + 700)
    table.claim(KEY, owner="a", now=NOW + 101, until=NOW + 160)
    assert table.record(KEY, owner="a", record=Record(None, NOW + 1000, None))
    assert overdue(table, NOW + 1001).since == NOW + 1000


def watched(client: Any, destinations: DestinationRegistry) -> list[tuple[str, dict[str, object]]]:
    """What is told where two destinations fail, and a third one answers."""
    board = DynamoHealthBoard(client, TABLE, clock=lambda: NOW)
    down = Health(failing_since=NOW - 900, open_until=NOW + 30, trips=2)
    board.save("down", down)
    board.save("other", down)
    board.save("well", Health(quick=True))
    told: list[tuple[str, dict[str, object]]] = []
    watch(
        board,
        destinations,
        MemoryQueue(ManualClock(NOW)),
        clock=lambda: NOW,
        facts=lambda name, /, **fields: told.append((name, fields)),
    )
    return told


class Unreadable:
    """A registry whose reading ends with an error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def load(self, *, max_age: float | None = None) -> Destinations:
        raise self._error


DOWN = ("breaker.open", {"destination": "down", "seconds": 900})
OTHER = ("breaker.open", {"destination": "other", "seconds": 900})


def test_open_breakers_are_told_with_how_long_they_have_failed(client: Any) -> None:
    usable = {name: destination_of(name) for name in ("down", "other", "well")}
    assert watched(client, MemoryDestinations(usable)) == [DOWN, OTHER]


def test_an_open_breaker_is_told_by_the_name_of_today(client: Any) -> None:
    renamed = replace(destination_of("down"), name="sales")
    assert watched(client, MemoryDestinations({"down": renamed})) == [
        ("breaker.open", {"destination": "sales", "seconds": 900})
    ]


def test_the_breaker_of_a_removed_destination_is_told_no_more(client: Any) -> None:
    assert watched(client, MemoryDestinations({"down": destination_of("down")})) == [DOWN]


def test_the_breaker_of_a_paused_destination_is_told_no_more(client: Any) -> None:
    paused = replace(destination_of("other"), enabled=False)
    usable = {"down": destination_of("down"), "other": paused}
    assert watched(client, MemoryDestinations(usable)) == [DOWN]


def test_where_the_destinations_cannot_be_read_every_breaker_is_told(client: Any) -> None:
    assert watched(client, Unreadable(RegistryUnavailable("down"))) == [DOWN, OTHER]


def test_in_calm_weather_the_destinations_are_not_read(client: Any) -> None:
    board = DynamoHealthBoard(client, TABLE, clock=lambda: NOW)
    board.save("well", Health(quick=True))
    unreadable, queue = Unreadable(AssertionError("read")), MemoryQueue(ManualClock(NOW))
    watch(board, unreadable, queue, clock=lambda: NOW, facts=lambda *_, **__: None)


def test_without_the_table_the_breakers_are_told_as_unread(client: Any) -> None:
    client.delete_table(TableName=TABLE)
    told: list[str] = []
    board = DynamoHealthBoard(client, TABLE, clock=lambda: NOW)
    watch(
        board,
        MemoryDestinations({}),
        MemoryQueue(ManualClock(NOW)),
        clock=lambda: NOW,
        facts=lambda name, /, **_: told.append(name),
    )
    assert told == ["breakers.unread"]
