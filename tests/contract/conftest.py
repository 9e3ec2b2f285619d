"""Each port's implementations: the real adapters on each store, and the stand-ins in memory."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from spectrum_cli.local.moto_repairs import repair
from spectrum_forwarder.adapters.aws import Clients
from spectrum_forwarder.adapters.direct import DirectClient
from spectrum_forwarder.adapters.event_queue import SqsEventQueue
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
from spectrum_forwarder.adapters.payloads import S3Payloads
from spectrum_forwarder.adapters.waiting_table import DynamoLines
from spectrum_forwarder.domain.line_ports import HealthBoard, Lines
from spectrum_forwarder.domain.ports import Payloads
from spectrum_forwarder.domain.worker_ports import EventTable

from tests.contract import stores, table_of_stores
from tests.contract.stores import MEMORY, MINISTACK, MOTO, STORES
from tests.support.aws import create_queue, create_table, create_waiting_table, shared_client
from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.lines import MemoryHealthBoard, MemoryLines
from tests.support.in_memory.objects import MemoryPayloads
from tests.support.in_memory.table import MemoryTable

REGION = "us-east-1"
# moto again, by those clients that make the functions' calls.
DIRECT = "direct"
IMPLEMENTATIONS = (MEMORY, *STORES, DIRECT)
_OUTCOMES = pytest.StashKey[Counter[tuple[str, str, str]]]()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def ministack() -> Iterator[str]:
    with stores.ministack() as url:
        yield url


@pytest.fixture
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """What clients that are made now ask, by its name."""
    name = str(request.param)
    if name != MEMORY:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    if name == MINISTACK:
        url = request.getfixturevalue("ministack")
        stores.empty(url)
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    if name not in (MOTO, DIRECT):
        yield name
        return
    repair()
    with mock_aws():
        yield name


@pytest.fixture
def aws(store: str) -> str:
    """AWS, empty, as each store takes it."""
    return store


@pytest.fixture
def table(store: str) -> EventTable:
    if store == MEMORY:
        return MemoryTable()
    name = create_table(set_up_by("dynamodb"))
    return DynamoEventTable(table_client(store), name)


@pytest.fixture
def board(store: str, clock: ManualClock) -> HealthBoard:
    if store == MEMORY:
        return MemoryHealthBoard()
    name = create_table(set_up_by("dynamodb"))
    return DynamoHealthBoard(table_client(store), name, clock=clock)


@pytest.fixture
def lines(store: str) -> Lines:
    if store == MEMORY:
        return MemoryLines()
    name = create_waiting_table(set_up_by("dynamodb"))
    return DynamoLines(table_client(store), name)


@pytest.fixture
def payloads(store: str) -> Payloads:
    if store == MEMORY:
        return MemoryPayloads()
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket="payloads")
    return S3Payloads(client, "payloads")


@pytest.fixture
def sqs_queue(aws: str) -> tuple[SqsEventQueue, str, str]:
    client = boto3.client("sqs", region_name=REGION)
    main_url, slow_url = create_queue(client, "main"), create_queue(client, "slow")
    return SqsEventQueue(client, main_url=main_url, slow_url=slow_url), main_url, slow_url


def set_up_by(service: str) -> Any:
    return shared_client(service, os.environ.get("AWS_ENDPOINT_URL"))


def table_client(store: str) -> Any:
    """A client to call a table by."""
    if store != DIRECT:
        return boto3.client("dynamodb", region_name=REGION)
    client = Clients(connect_seconds=1.0, read_seconds=5.0, tries=1).make("dynamodb")
    assert isinstance(client, DirectClient)
    return client


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What asks for AWS runs on each store; what asks for a port, on the stand-in too."""
    if "store" in metafunc.fixturenames:
        wanted = STORES if "aws" in metafunc.fixturenames else IMPLEMENTATIONS
        metafunc.parametrize("store", wanted, indirect=True)


# ---- The table of tests and stores ---------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_OUTCOMES] = Counter()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[assignment]
    callspec = getattr(item, "callspec", None)
    params = callspec.params if callspec else {}
    bench = params.get("bench")
    store = bench[1] if isinstance(bench, tuple) else params.get("store")
    if store is not None and (report.when == "call" or report.failed):
        test = f"{item.path.stem}::{getattr(item, 'originalname', item.name)}"
        item.config.stash[_OUTCOMES][test, store, report.outcome] += 1
    return report  # type: ignore[return-value]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    outcomes = terminalreporter.config.stash[_OUTCOMES]
    if stores.PYTHON and outcomes:
        terminalreporter.section("tests and stores")
        for line in table_of_stores.lines(outcomes):
            terminalreporter.write_line(line)
