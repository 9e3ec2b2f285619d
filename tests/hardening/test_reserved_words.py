"""No expression that leaves the adapters holds a word that DynamoDB has reserved.

moto knows the list and does not look at key conditions; DynamoDB refuses the whole request.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import moto.dynamodb
import pytest
from moto import mock_aws
from spectrum_forwarder.adapters.event_log import DynamoEventLog
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
from spectrum_forwarder.adapters.payloads import S3Payloads
from spectrum_forwarder.domain.delivery import Status, planned, settled
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.ports import SHARDS
from spectrum_forwarder.domain.worker_ports import Record

from tests.support.aws import create_table
from tests.support.make import NOW, stored_of

LIST = Path(moto.dynamodb.__file__).parent / "parsing" / "reserved_keywords.txt"
# The words of the expressions' own language.
GRAMMAR = {"SET", "ADD", "REMOVE", "AND", "OR", "NOT", "BETWEEN", "IN"}
KEY = "main:spc-msg-1"


@pytest.fixture
def expressions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every expression of every request that is made meanwhile."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield []


def test_no_attribute_in_an_expression_is_a_reserved_word(expressions: list[str]) -> None:
    client = boto3.client("dynamodb")
    create_table(client)

    def look(params: dict[str, Any], **_: Any) -> None:
        expressions.extend(text for name, text in params.items() if name.endswith("Expression"))

    client.meta.events.register("provide-client-params.dynamodb.*", look)
    use_everything(client)

    operations = [re.split(r"[^#:A-Za-z0-9_]+", expression) for expression in expressions]
    words = {word for words in operations for word in words if word and word[0] not in "#:"}
    reserved = set(LIST.read_text().split())
    assert {"SHARD", "STATUS", "DATA"} <= reserved
    assert {word for word in words if word.upper() in reserved} <= GRAMMAR
    assert {"due_at", "expires_at", "claim_owner"} <= words


def use_everything(client: Any) -> None:
    """Have each adapter of the table make every request that it can."""
    table = DynamoEventTable(client, "events")
    log = DynamoEventLog(client, "events", S3Payloads(boto3.client("s3"), "payloads"))
    board = DynamoHealthBoard(client, "events", clock=lambda: NOW)
    table.put(stored_of(), receipt="a", now=NOW, due_at=NOW)
    found = [overdue for shard in range(SHARDS) for overdue in table.overdue(shard, now=NOW)]
    assert table.postpone(found[0][0], until=NOW)
    assert table.claim(KEY, owner="a", now=NOW, until=NOW + 1)
    assert table.strike(KEY, owner="a") == 1
    assert list(log.owing())
    done = {"crm": settled(planned("crm", NOW), Status.DELIVERED)}
    assert table.record(KEY, owner="a", record=Record(done, None, NOW + 10))
    assert table.record(KEY, owner="a", record=Record(done, NOW + 5, None))
    assert log.newest(limit=5, since=1.0, until=NOW + 1).events
    logged = log.get(KEY)
    assert logged is not None
    assert log.body(KEY)
    assert table.reopen(logged, owner="b", now=NOW, deliveries=done, due_at=NOW)
    board.save("crm", Health())
    board.save("crm", Health(), seen=Health())
    assert board.load()
