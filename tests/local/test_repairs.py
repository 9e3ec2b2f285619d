"""moto as the local stack needs it."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from typing import Any

import pytest
from moto.dynamodb.models.dynamo_type import Item
from moto.sqs.models import Message, sqs_backends
from spectrum_cli.local import moto_repairs
from spectrum_cli.local.intrinsics import ACCOUNT, REGION
from spectrum_cli.local.moto_repairs import COUNTS, repair
from spectrum_cli.local.moto_server import MotoServer
from spectrum_cli.local.moto_speed import SEEN, is_as_seen

from tests.support.aws import TABLE, client_of, create_table
from tests.support.waiting import PATIENCE


def test_an_index_is_read_as_before() -> None:
    """By partition, in both directions, by pages, and with the attributes it includes."""
    repair()
    with MotoServer() as server:
        client = client_of("dynamodb", server.url)
        create_table(client)
        for number in range(40):
            item = {
                "event_key": {"S": f"key-{number * 7 % 40:02}"},
                "shard": {"N": f"{number % 2}.0" if number % 3 else str(number % 2)},
                "due_at": {"N": str(number % 8)},
                "overdue_since": {"N": "1"},
                "body": {"S": "long"},
            }
            client.put_item(TableName=TABLE, Item=item)
        client.put_item(TableName=TABLE, Item={"event_key": {"S": "key-none"}})
        for forward in (True, False):
            found: list[Any] = []
            start: Any = {}
            while True:
                page = client.query(
                    TableName=TABLE,
                    IndexName="due",
                    KeyConditionExpression="shard = :shard AND due_at > :least",
                    ExpressionAttributeValues={":shard": {"N": "1"}, ":least": {"N": "1"}},
                    ScanIndexForward=forward,
                    Limit=4,
                    **start,
                )
                found += page["Items"]
                if "LastEvaluatedKey" not in page:
                    break
                start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
            times = [int(item["due_at"]["N"]) for item in found]
            assert times == sorted(
                [n % 8 for n in range(40) if n % 8 in (3, 5, 7)], reverse=not forward
            )
            assert len({item["event_key"]["S"] for item in found}) == 15
            assert set(found[0]) == {"event_key", "shard", "due_at", "overdue_since"}
        assert len(client.scan(TableName=TABLE)["Items"]) == 41
        client.close()


def test_each_service_is_still_found_once_requests_are_dispatched_from_memory() -> None:
    repair()
    with MotoServer() as server:
        sqs, dynamodb, s3 = (client_of(name, server.url) for name in ("sqs", "dynamodb", "s3"))
        for _ in range(2):
            sqs.create_queue(QueueName="events")
            assert dynamodb.list_tables()["TableNames"] == []
            assert s3.list_buckets()["Buckets"] == []
            assert len(sqs.list_queues()["QueueUrls"]) == 1
        for used in (sqs, dynamodb, s3):
            used.close()


def test_a_queue_is_counted_for_whoever_asks() -> None:
    repair()
    with MotoServer() as server:
        client = client_of("sqs", server.url)
        queue = client.create_queue(QueueName="counted")["QueueUrl"]
        for delay in (0, 0, 0, 60, 60):
            client.send_message(QueueUrl=queue, MessageBody="hint", DelaySeconds=delay)
        received = client.receive_message(QueueUrl=queue, MaxNumberOfMessages=1)["Messages"]
        assert [message["Body"] for message in received] == ["hint"]
        for names in (["All"], list(COUNTS)):
            found = client.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
            assert {name: found[name] for name in COUNTS} == {
                "ApproximateNumberOfMessages": "2",
                "ApproximateNumberOfMessagesDelayed": "2",
                "ApproximateNumberOfMessagesNotVisible": "1",
            }
        client.close()


def test_what_was_read_or_is_gone_is_not_remembered() -> None:
    repair()
    with MotoServer() as server:
        dynamodb, sqs = client_of("dynamodb", server.url), client_of("sqs", server.url)
        create_table(dynamodb)
        queue = sqs.create_queue(QueueName="events")["QueueUrl"]
        for number in range(5):
            key = {"event_key": {"S": f"key-{number % 2}"}}
            dynamodb.put_item(TableName=TABLE, Item={**key, "shard": {"N": "1"}})
            dynamodb.update_item(
                TableName=TABLE,
                Key=key,
                UpdateExpression="SET due_at = :at",
                ExpressionAttributeValues={":at": {"N": "5"}},
            )
            dynamodb.get_item(TableName=TABLE, Key=key)
            dynamodb.query(
                TableName=TABLE,
                IndexName="due",
                KeyConditionExpression="shard = :shard",
                ExpressionAttributeValues={":shard": {"N": "1"}},
            )
            sqs.send_message(QueueUrl=queue, MessageBody="hint")
            (received,) = sqs.receive_message(QueueUrl=queue)["Messages"]
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=received["ReceiptHandle"])
        gc.collect()
        left = Counter(type(each) for each in gc.get_objects())
        assert (left[Item], left[Message]) == (2, 0)
        for used in (dynamodb, sqs):
            used.close()


def test_a_queue_remembers_the_newest_receipts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    repair()
    monkeypatch.setattr(moto_repairs, "RECEIPTS", 2)
    with MotoServer() as server:
        client = client_of("sqs", server.url)
        queue = client.create_queue(QueueName="events")["QueueUrl"]
        receipts = []
        for _ in range(5):
            client.send_message(QueueUrl=queue, MessageBody="hint")
            (received,) = client.receive_message(QueueUrl=queue)["Messages"]
            receipts.append(received["ReceiptHandle"])
            client.delete_message(QueueUrl=queue, ReceiptHandle=receipts[-1])
        # Given back once more, as after an answer that was lost.
        client.delete_message(QueueUrl=queue, ReceiptHandle=receipts[-1])
        (kept,) = sqs_backends[ACCOUNT][REGION].queues.values()
        # moto counts that a message had none before among those that it had.
        assert set(kept.deleted_messages) - {None} == {receipts[-1]}
        client.close()


def test_a_mended_moto_answers_as_moto_itself() -> None:
    """Each kind of call, right and wrong ones, against moto's own server in another process."""
    asked = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.local.answers", kind], stdout=subprocess.PIPE, text=True
        )
        for kind in ("plain", "mended")
    ]
    plain, mended = (process.communicate(timeout=PATIENCE)[0].splitlines() for process in asked)
    assert [process.returncode for process in asked] == [0, 0]
    assert len(plain) > 220
    assert [theirs for theirs in plain if theirs not in mended] == []
    assert mended == plain


def test_moto_is_the_version_that_it_is_made_quicker_for() -> None:
    """A new one is read again, what is replaced of it compared, and `SEEN` moved on."""
    assert version("moto") == SEEN
    assert is_as_seen()
