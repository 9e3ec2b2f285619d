"""Each port's implementations: the real adapters on moto, and the stand-ins in memory."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from spectrum_cli.local.moto_repairs import repair
from spectrum_forwarder.adapters.event_queue import SqsEventQueue
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
from spectrum_forwarder.adapters.payloads import S3Payloads
from spectrum_forwarder.domain.ports import Payloads
from spectrum_forwarder.domain.worker_ports import EventTable, HealthBoard

from tests.support.aws import create_queue, create_table
from tests.support.memory import (
    ManualClock,
    MemoryHealthBoard,
    MemoryPayloads,
    MemoryTable,
)

REGION = "us-east-1"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    repair()
    with mock_aws():
        yield


@pytest.fixture(params=["dynamodb", "memory"])
def table(request: pytest.FixtureRequest) -> EventTable:
    if request.param == "memory":
        return MemoryTable()
    request.getfixturevalue("aws")
    client = boto3.client("dynamodb", region_name=REGION)
    return DynamoEventTable(client, create_table(client))


@pytest.fixture(params=["dynamodb", "memory"])
def board(request: pytest.FixtureRequest, clock: ManualClock) -> HealthBoard:
    if request.param == "memory":
        return MemoryHealthBoard()
    request.getfixturevalue("aws")
    client = boto3.client("dynamodb", region_name=REGION)
    return DynamoHealthBoard(client, create_table(client), clock=clock)


@pytest.fixture(params=["s3", "memory"])
def payloads(request: pytest.FixtureRequest) -> Payloads:
    if request.param == "memory":
        return MemoryPayloads()
    request.getfixturevalue("aws")
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket="payloads")
    return S3Payloads(client, "payloads")


@pytest.fixture
def sqs_queue(aws: None) -> tuple[SqsEventQueue, str, str]:
    client = boto3.client("sqs", region_name=REGION)
    main_url, slow_url = create_queue(client, "main"), create_queue(client, "slow")
    return SqsEventQueue(client, main_url=main_url, slow_url=slow_url), main_url, slow_url
