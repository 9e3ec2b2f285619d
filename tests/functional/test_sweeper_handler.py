"""The sweeper's handler on moto."""

import importlib
import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from spectrum_forwarder.adapters.event_queue import encode_hint
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.worker_ports import Record
from spectrum_forwarder.observability import InvocationFailed

from functions.sweeper import app
from tests.support.deployed import REGION, Context, Deployed
from tests.support.make import stored_of


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    importlib.reload(app)  # as a cold start does
    with mock_aws():
        yield Deployed(monkeypatch)


def put(deployed: Deployed, count: int, *, due_at: float = 1.0) -> None:
    """Store events that have been overdue for a long time."""
    table = DynamoEventTable(boto3.client("dynamodb", region_name=REGION), deployed.table)
    for number in range(count):
        table.put(stored_of(f"m{number}"), receipt="test", now=1.0, due_at=due_at)


def broken(deployed: Deployed) -> None:
    """Let a configured destination have failed for long."""
    entry = {"name": "crm", "url": "https://crm.example/", "signing_secret": "whsec_" + "c0" * 22}
    deployed.store_secret("destinations", [entry])
    client = boto3.client("dynamodb", region_name=REGION)
    board = DynamoHealthBoard(client, deployed.table, clock=time.time)
    board.save("crm", Health(failing_since=1.0, open_until=time.time() + 60, trips=1))


def mistaken(*_: object, **__: object) -> Any:
    """A method with a mistake in it."""
    raise KeyError("due_at")


def test_overdue_events_are_hinted_at_once(deployed: Deployed) -> None:
    put(deployed, 5)
    assert app.handler({}, Context())["hints"] == 5
    hinted = {json.loads(record["body"])["event_key"] for record in deployed.take()}
    assert hinted == {f"main:m{number}" for number in range(5)}
    assert app.handler({}, Context())["hints"] == 0


def test_nothing_overdue_is_fine(deployed: Deployed) -> None:
    assert app.handler({}, Context()) == {"hints": 0, "oldest_seconds": 0.0, "failed_shards": 0}


def test_without_the_table_every_shard_is_told(
    deployed: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.dynamodb.delete_table(TableName=deployed.table)
    # So little time that it is not tried again.
    assert app.handler({}, Context(milliseconds=20_000))["failed_shards"] == 8
    assert capsys.readouterr().out.count("sweep.cut_short") == 8


def test_open_breakers_are_told_although_the_sweep_raises(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(deployed)
    monkeypatch.setattr(DynamoEventTable, "overdue", mistaken)
    with pytest.raises(InvocationFailed):
        app.handler({}, Context())
    told = capsys.readouterr().out
    assert "BreakerOpen" in told
    assert "sweep.done" in told


def test_hints_are_sent_although_the_watch_raises(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(deployed, 5)
    monkeypatch.setattr(DynamoHealthBoard, "load", mistaken)
    with pytest.raises(InvocationFailed):
        app.handler({}, Context())
    assert len(deployed.take()) == 5
    assert '"OldestOverdue"' in capsys.readouterr().out


def test_what_has_its_hint_in_either_queue_gets_no_other(deployed: Deployed) -> None:
    at = time.time() - 60
    put(deployed, 2, due_at=at)
    # What waits in the slow lane has been recorded by a worker of the main one.
    table = DynamoEventTable(boto3.client("dynamodb", region_name=REGION), deployed.table)
    assert table.claim("main:m1", owner="a", now=at, until=at + 1) is not None
    assert table.record("main:m1", owner="a", record=Record(None, at, None, slow_lane=True))
    for number, url in enumerate((deployed.main_url, deployed.slow_url)):
        deployed.sqs.send_message(QueueUrl=url, MessageBody=encode_hint(f"main:m{number}"))
    assert app.handler({}, Context())["hints"] == 0


def test_the_last_call_ends_before_lambda_ends_the_function() -> None:
    """Each try connects and reads; botocore pauses for less than a second before the second."""
    pauses = sum(2**number for number in range(app.TRIES - 1))
    assert app.TRIES * (app.CONNECT + app.READ) + pauses < app.MARGIN
