"""The fan-out's handler on moto: real records in, real deliveries out, and what it prints."""

import importlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from moto import mock_aws
from spectrum_cli.demo.consumer import Consumer
from spectrum_cli.local.consumer import Consumer as PlainConsumer
from spectrum_cli.local.consumer import Received, accept_verified
from spectrum_forwarder.adapters.event_queue import encode_event, encode_hint
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.notes import DynamoNotes
from spectrum_forwarder.domain.via import VIA_HEADER, mark_of

from functions.fanout import app
from tests.support.deployed import REGION, Context, Deployed
from tests.support.make import NOW, body_of, stored_of

SECRET = "0123456789abcdef" * 4
KEY = "main:spc-msg-1"


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    consumer = Consumer("crm", SECRET)
    consumer.start()
    yield consumer
    consumer.stop()


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, consumer: Consumer) -> Iterator[Deployed]:
    importlib.reload(app)  # as a cold start does
    with mock_aws():
        deployed = Deployed(monkeypatch)
        entry = {"name": "crm", "url": consumer.url, "signing_secret": SECRET}
        deployed.store_secret("destinations", [entry])
        yield deployed


def put(deployed: Deployed) -> None:
    table = DynamoEventTable(boto3.client("dynamodb", region_name=REGION), deployed.table)
    table.put(stored_of(), receipt="test", now=NOW, due_at=NOW)


def kept(*bodies: str) -> list[str]:
    """Handle records with these bodies; return the ids of those that are kept."""
    records = [{"messageId": f"record-{n}", "body": body} for n, body in enumerate(bodies)]
    answer: dict[str, Any] = app.handler({"Records": records}, Context())
    assert set(answer) == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_an_entry_that_leads_back_to_the_endpoint_is_never_attempted(
    deployed: Deployed,
    consumer: Consumer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ENDPOINT_HOST", urlsplit(consumer.url).netloc)
    put(deployed)
    assert kept(encode_hint(KEY, slow=True)) == []
    assert consumer.arrivals() == []
    assert "own endpoint" in capsys.readouterr().out


def test_what_goes_out_carries_the_stacks_mark(deployed: Deployed) -> None:
    received: list[Received] = []

    def answer(one: Received) -> int:
        received.append(one)
        return accept_verified(one)

    plain = PlainConsumer(SECRET, answer)
    plain.start()
    entry = {"name": "crm", "url": plain.url, "signing_secret": SECRET}
    deployed.store_secret("destinations", [entry])
    put(deployed)
    kept(encode_hint(KEY, slow=True))
    plain.stop()
    notes = DynamoNotes(boto3.client("dynamodb", region_name=REGION), deployed.table).read()
    (one,) = received
    assert one.headers[VIA_HEADER.lower()] == mark_of(notes.loop_key, body_of())


def test_a_hint_in_the_slow_lane_is_delivered(deployed: Deployed, consumer: Consumer) -> None:
    put(deployed)
    assert kept(encode_hint(KEY, slow=True)) == []
    (arrival,) = consumer.arrivals()
    assert (arrival.body, arrival.event_key) == (body_of(), KEY)
    assert arrival.v0_verifies
    assert arrival.standard_verifies
    (item,) = deployed.items()
    assert "due_at" not in item


def test_an_unproven_destination_is_handed_to_the_slow_lane(
    deployed: Deployed, consumer: Consumer
) -> None:
    put(deployed)
    assert kept(encode_hint(KEY)) == []
    assert consumer.arrivals() == []
    (record,) = deployed.take(deployed.slow_url)
    assert kept(record["body"]) == []
    assert len(consumer.arrivals()) == 1


def test_a_whole_event_is_stored_and_delivered(deployed: Deployed, consumer: Consumer) -> None:
    assert kept(encode_event(stored_of())) == []
    (record,) = deployed.take(deployed.slow_url)
    kept(record["body"])
    assert [arrival.body for arrival in consumer.arrivals()] == [body_of()]


def test_two_hints_deliver_once(deployed: Deployed, consumer: Consumer) -> None:
    put(deployed)
    kept(encode_hint(KEY, slow=True))
    kept(encode_hint(KEY, slow=True))
    assert len(consumer.arrivals()) == 1


def test_a_record_that_nobody_can_read_is_kept_and_the_others_are_handled(
    deployed: Deployed, consumer: Consumer
) -> None:
    put(deployed)
    assert kept("canary", encode_hint(KEY, slow=True), "{}") == ["record-0", "record-2"]
    assert len(consumer.arrivals()) == 1


@pytest.mark.parametrize("gone", ["table", "destinations"])
def test_a_failure_of_ours_keeps_every_record(deployed: Deployed, gone: str) -> None:
    if gone == "table":
        deployed.dynamodb.delete_table(TableName=deployed.table)
    else:
        deployed.secrets.delete_secret(SecretId=gone, ForceDeleteWithoutRecovery=True)
    assert kept(encode_hint(KEY), encode_hint("main:2")) == ["record-0", "record-1"]


def test_without_time_nothing_is_begun_but_hinted_at(
    deployed: Deployed, consumer: Consumer
) -> None:
    put(deployed)
    records = [{"messageId": "record-0", "body": encode_hint(KEY, slow=True)}]
    answer = app.handler({"Records": records}, Context(milliseconds=8_000))
    assert answer == {"batchItemFailures": []}
    assert consumer.arrivals() == []
    assert len(deployed.take(deployed.slow_url)) == 1


def test_nothing_that_is_printed_holds_content(
    deployed: Deployed, capsys: pytest.CaptureFixture[str], consumer: Consumer
) -> None:
    put(deployed)
    consumer.refusals = 1
    kept(encode_hint(KEY, slow=True), "canary", json.dumps({"event": "canary"}))
    printed = "".join(capsys.readouterr())
    assert "Traceback" not in printed
    assert "delivery.attempted" in printed
    assert "record.unreadable" in printed
    for secret in ("canary", "hello", "+15550100", SECRET, "v0=", "v1,", consumer.url):
        assert secret not in printed
