"""Where the stores differ, the contract says what AWS does: what it refuses is never sent to it.

Each refusal has its source, and the stores that refuse too. That one of them takes more than AWS is
known here; that it begins to refuse, or ends to, is told by a test that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from spectrum_cli.local.sqs_event import to_event_record
from spectrum_forwarder.adapters.event_queue import SqsEventQueue, read_record
from spectrum_forwarder.domain.event import pack
from spectrum_forwarder.domain.ports import StoredEvent

from tests.contract.conftest import REGION
from tests.contract.stores import MINISTACK, MOTO
from tests.support.aws import create_queue
from tests.support.make import event_of

KEY = [{"AttributeName": "k", "KeyType": "HASH"}]
BOTH, NEITHER = {MOTO, MINISTACK}, set[str]()


def make_table(name: str) -> Callable[[], object]:
    return lambda: _client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=KEY,
    )


def send(body: str = "x", attributes: Mapping[str, str] | None = None) -> Callable[[], object]:
    def call() -> object:
        client = _client("sqs")
        return client.send_message(
            QueueUrl=create_queue(client, "q"),
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in (attributes or {}).items()
            },
        )

    return call


def hide_for(seconds: int) -> Callable[[], object]:
    def call() -> object:
        client = _client("sqs")
        url = create_queue(client, "q")
        client.send_message(QueueUrl=url, MessageBody="x")
        receipt = client.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
        return client.change_message_visibility(
            QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=seconds
        )

    return call


def put(item: Mapping[str, Any]) -> Callable[[], object]:
    def call() -> object:
        make_table("events")()
        return _client("dynamodb").put_item(TableName="events", Item={"k": {"S": "a"}, **item})

    return call


def make_bucket() -> object:
    return _client("s3").create_bucket(Bucket="Capital")


def twice_with_one_token() -> object:
    """Another value under the token of the first."""
    client = _client("secretsmanager")
    client.create_secret(Name="s", SecretString="0")
    token = {"SecretId": "s", "ClientRequestToken": "t" * 32}
    client.put_secret_value(SecretString="1", **token)
    return client.put_secret_value(SecretString="2", **token)


@dataclass(frozen=True)
class Refusal:
    """What AWS refuses by `source`; `stores` are those that refuse it too."""

    what: str
    call: Callable[[], object]
    source: str
    stores: set[str]


REFUSALS = [
    Refusal("a NUL in a message", send("\0"), "SQS API Reference, SendMessage", {MINISTACK}),
    Refusal(
        "a noncharacter in a message", send("\ufffe"), "SQS API Reference, SendMessage", {MINISTACK}
    ),
    Refusal("an empty message", send(""), "SQS API Reference, SendMessage", {MINISTACK}),
    Refusal("an empty attribute", send("x", {"a": ""}), "SQS Developer Guide, attributes", NEITHER),
    Refusal(
        "an eleventh attribute",
        send("x", {f"a{n}": "v" for n in range(11)}),
        "SQS Developer Guide, quotas",
        NEITHER,
    ),
    Refusal("a message of 1 MiB and a byte", send("x" * 1_048_577), "SQS quotas", BOTH),
    Refusal("hidden for 12 hours and a second", hide_for(43_201), "SQS quotas", {MOTO}),
    Refusal("a table's name of one letter", make_table("t"), "DynamoDB quotas", {MINISTACK}),
    Refusal("a table's name with a blank", make_table("a b c"), "DynamoDB quotas", {MINISTACK}),
    Refusal("an empty set", put({"s": {"SS": []}}), "DynamoDB Developer Guide, data types", BOTH),
    Refusal("an item of 401 KB", put({"b": {"B": bytes(410_700)}}), "DynamoDB quotas", BOTH),
    Refusal("a number of 39 digits", put({"n": {"N": "1" * 39}}), "DynamoDB quotas", {MINISTACK}),
    Refusal(
        "a bucket's name with a capital", make_bucket, "S3 User Guide, naming rules", {MINISTACK}
    ),
    Refusal(
        "another secret under a token that was used",
        twice_with_one_token,
        "Secrets Manager API Reference, PutSecretValue",
        {MOTO},
    ),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.what)
def test_what_aws_refuses_is_refused_by_the_stores_that_are_known_for_it(
    aws: str, refusal: Refusal
) -> None:
    assert is_refused(refusal.call) == (aws in refusal.stores)


def is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except ClientError:
        return True
    return False


@pytest.mark.parametrize("body", [b"\0", b"a\0b", b"\x1b", "\ufffe".encode(), b"\xff", b""])
def test_a_whole_event_goes_through_the_queue_whatever_its_body_is(aws: str, body: bytes) -> None:
    """In the characters that SQS takes, by whatever a stranger has signed."""
    client = _client("sqs")
    url = create_queue(client, "main")
    queue = SqsEventQueue(client, main_url=url, slow_url=url)
    queue.send_event(StoredEvent(event_of(), pack(body), None))
    (message,) = client.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])[
        "Messages"
    ]
    assert message["Body"].isprintable()
    found = read_record(to_event_record(message, "arn:aws:sqs:us-east-1:123456789012:main"))
    assert found.whole is not None
    assert found.whole.packed == pack(body)


def _client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]
