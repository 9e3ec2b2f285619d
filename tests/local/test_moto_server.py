"""moto in this process: atomic conditional writes, and a clean end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, cast
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from spectrum_cli.local.moto_server import MotoServer

from tests.support.aws import client_of
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

WORKERS = 16
KEYS = 10
# moto looks for the old item, reads the new one, then writes: a wide item keeps that gap open.
WIDE: dict[str, AttributeValueTypeDef] = {f"a{n}": {"S": "x"} for n in range(100)}


def make_client(url: str) -> DynamoDBClient:
    once = Config(retries={"total_max_attempts": 1})
    return cast("DynamoDBClient", client_of("dynamodb", url, config=once))


def make_table(client: DynamoDBClient) -> None:
    client.create_table(
        TableName="races",
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.fixture
def server() -> Iterator[MotoServer]:
    # Threads that change places at nearly every step: without the lock, one race in ten then has
    # two winners, instead of one in a thousand.
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with MotoServer() as running:
            yield running
    finally:
        sys.setswitchinterval(usual)


def test_of_many_conditional_puts_exactly_one_wins(server: MotoServer) -> None:
    make_table(make_client(server.url))
    together = Barrier(WORKERS)

    def put_all(_: int) -> list[int]:
        client = make_client(server.url)
        won = []
        for key in range(KEYS):
            together.wait(timeout=PATIENCE)
            try:
                client.put_item(
                    TableName="races",
                    Item={"key": {"S": str(key)}, **WIDE},
                    ConditionExpression="attribute_not_exists(#key)",
                    ExpressionAttributeNames={"#key": "key"},
                )
            except client.exceptions.ConditionalCheckFailedException:
                continue
            won.append(key)
        return won

    with ThreadPoolExecutor(WORKERS) as pool:
        wins = Counter(key for won in pool.map(put_all, range(WORKERS)) for key in won)
    assert wins == Counter(range(KEYS))


def test_of_many_updates_none_is_lost(server: MotoServer) -> None:
    make_table(make_client(server.url))

    def count_up(_: int) -> int:
        client = make_client(server.url)
        for _attempt in range(10):
            client.update_item(
                TableName="races",
                Key={"key": {"S": "counter"}},
                UpdateExpression="ADD #count :one",
                ExpressionAttributeNames={"#count": "count"},
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
        return 10

    with ThreadPoolExecutor(WORKERS) as pool:
        total = sum(pool.map(count_up, range(WORKERS)))
    item = make_client(server.url).get_item(TableName="races", Key={"key": {"S": "counter"}})
    assert item["Item"]["count"] == {"N": str(total)}


def test_stopped_server_has_closed_its_port_and_forgotten_everything() -> None:
    with MotoServer() as first:
        url = first.url
        make_table(make_client(url))
    first.stop()
    with pytest.raises(URLError):
        urlopen(url, timeout=2)
    with MotoServer() as second, pytest.raises(ClientError, match="ResourceNotFound"):
        make_client(second.url).describe_table(TableName="races")
