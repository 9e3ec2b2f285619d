"""The sweeper's handler on moto."""

import importlib
import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from spectrum_forwarder.adapters.event_table import DynamoEventTable

from functions.sweeper import app
from tests.support.deployed import REGION, Context, Deployed
from tests.support.make import stored_of


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    importlib.reload(app)  # as a cold start does
    with mock_aws():
        yield Deployed(monkeypatch)


def put(deployed: Deployed, count: int) -> None:
    """Store events that have been overdue for a long time."""
    table = DynamoEventTable(boto3.client("dynamodb", region_name=REGION), deployed.table)
    for number in range(count):
        table.put(stored_of(f"m{number}"), receipt="test", now=1.0, due_at=1.0)


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
    assert app.handler({}, Context())["failed_shards"] == 8
    assert capsys.readouterr().out.count("sweep.cut_short") == 8
