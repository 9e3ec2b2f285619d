"""docs/consumers.md on queues and buses: the listings read what arrives there, every body."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from spectrum_cli.local.moto_server import MotoServer

from tests.consumers.bodies import BODIES, PLAIN, Body
from tests.consumers.conftest import SECRET, SENDER, delivery
from tests.consumers.recipes import modules

PLACE = "us-east-1:123456789012"
# What neither takes of a body that is twice as large as they are.
FITTING = [body for body in BODIES if body.name != "2 MB"]


@pytest.fixture(scope="module")
def sqs() -> Iterator[Any]:
    with MotoServer() as server, pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_ENDPOINT_URL", server.url)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield boto3.client("sqs")


@pytest.fixture
def listing(tmp_path: Path) -> Iterator[dict[str, ModuleType]]:
    """The listings as modules."""
    with modules(tmp_path, "verify", "queue_reader", "bus_reader", secret=SECRET) as listing:
        yield listing


def sent(kind: str, arn: str, body: Body, secret: str = SECRET) -> str:
    """What the forwarder makes of the attempt."""
    attempt = replace(delivery(arn, body, secret=secret), kind=kind)
    [(_, answer)] = SENDER.send([attempt])
    return str(answer)


def received(sqs: Any, queue: str, **options: Any) -> Any:
    [record] = sqs.receive_message(QueueUrl=queue, **options)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=record["ReceiptHandle"])
    return record


def test_the_listing_reads_every_body_out_of_a_queue(
    sqs: Any, listing: dict[str, ModuleType]
) -> None:
    queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
    arn = f"arn:aws:sqs:{PLACE}:orders"
    read = listing["queue_reader"].read
    for body in FITTING:
        assert sent("sqs", arn, body) == "200"
        assert read(received(sqs, queue, MessageAttributeNames=["All"])) == body.content
    assert sent("sqs", arn, Body("forged", PLAIN), secret="0a" * 32) == "200"
    with pytest.raises(ValueError, match="not signed"):
        read(received(sqs, queue, MessageAttributeNames=["All"]))


def test_a_receiver_that_does_not_ask_for_attributes_gets_none(sqs: Any) -> None:
    queue = sqs.create_queue(QueueName="unasked")["QueueUrl"]
    assert sent("sqs", f"arn:aws:sqs:{PLACE}:unasked", BODIES[0]) == "200"
    assert "MessageAttributes" not in received(sqs, queue)


def test_the_listing_reads_every_body_off_a_bus(sqs: Any, listing: dict[str, ModuleType]) -> None:
    events, arn = boto3.client("events"), f"arn:aws:events:{PLACE}:event-bus/orders"
    queue = sqs.create_queue(QueueName="bus")["QueueUrl"]
    events.create_event_bus(Name="orders")
    pattern = json.dumps({"source": ["spectrum-forwarder"]})
    events.put_rule(Name="all", EventBusName="orders", EventPattern=pattern)
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:{PLACE}:bus"}
    events.put_targets(Rule="all", EventBusName="orders", Targets=[target])
    read = listing["bus_reader"].handler
    for body in FITTING:
        assert sent("eventbridge", arn, body) == "200"
        assert read(json.loads(received(sqs, queue)["Body"]), None) == body.content
    assert sent("eventbridge", arn, Body("forged", PLAIN), secret="0a" * 32) == "200"
    with pytest.raises(ValueError, match="not signed"):
        read(json.loads(received(sqs, queue)["Body"]), None)


@pytest.mark.parametrize("kind", ["sqs", "eventbridge"])
def test_two_megabytes_fit_neither(kind: str) -> None:
    large = next(body for body in BODIES if body not in FITTING)
    assert sent(kind, f"arn:aws:{kind}:{PLACE}:orders", large) == "too_large"
