"""Polling by direct calls, against botocore's client at the same queue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from spectrum_cli.local.moto_server import MotoServer
from spectrum_cli.local.queue_calls import polling_clients

from tests.support.aws import client_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ROLE = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "t"}


@pytest.fixture(scope="module")
def usual() -> Iterator[SQSClient]:
    with MotoServer() as server:
        client = cast("SQSClient", client_of("sqs", server.url))
        yield client
        client.close()


@pytest.fixture
def direct(usual: SQSClient) -> SQSClient:
    made = polling_clients(usual.meta.endpoint_url, {"Fanout": ROLE}, usual=lambda *_: usual)
    return made("Fanout")


def send(client: SQSClient, name: str) -> str:
    queue = client.create_queue(QueueName=name)["QueueUrl"]
    attributes: Any = {
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        "text": {"DataType": "String", "StringValue": "é"},
    }
    client.send_message(QueueUrl=queue, MessageBody="hint é", MessageAttributes=attributes)
    client.send_message(QueueUrl=queue, MessageBody="plain")
    return queue


def test_records_are_those_that_botocore_receives(usual: SQSClient, direct: SQSClient) -> None:
    """Bytes of an attribute, too, which botocore has decoded."""
    queue = send(usual, "received")
    received: list[Any] = []
    for client in (usual, direct):
        found = client.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )["Messages"]
        for message in found:
            del message["ReceiptHandle"], message["Attributes"]["ApproximateReceiveCount"]
            message["Attributes"].pop("ApproximateFirstReceiveTimestamp")
        received.append(found)
    assert received[1] == received[0]
    assert received[1][0]["MessageAttributes"]["bytes"]["BinaryValue"] == b"\x00\xff"


def test_what_is_deleted_is_gone_and_what_is_not_is_named(
    usual: SQSClient, direct: SQSClient
) -> None:
    queue = send(usual, "deleted")
    receipts = [
        message["ReceiptHandle"]
        for message in direct.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    ]
    entries: Any = [{"Id": "0", "ReceiptHandle": receipts[0]}, {"Id": "1", "ReceiptHandle": "no"}]
    answers = [c.delete_message_batch(QueueUrl=queue, Entries=entries) for c in (direct, usual)]
    failed = [[(f["Id"], f["Code"]) for f in answer["Failed"]] for answer in answers]
    assert failed[0] == failed[1] == [("1", "ReceiptHandleIsInvalid")]
    usual.change_message_visibility(QueueUrl=queue, ReceiptHandle=receipts[1], VisibilityTimeout=0)
    (left,) = direct.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert left["Body"] == "plain"
    assert "Messages" not in direct.receive_message(QueueUrl=queue)


def test_a_refusal_is_botocores_and_so_is_every_other_operation(
    usual: SQSClient, direct: SQSClient
) -> None:
    queue = f"{usual.meta.endpoint_url}/123456789012/none"
    refused = []
    for client in (usual, direct):
        with pytest.raises(ClientError) as caught:
            client.receive_message(QueueUrl=queue)
        refused.append(caught.value.response["Error"]["Code"])
    assert refused[0] == refused[1]
    assert direct.list_queues == usual.list_queues


def test_a_service_that_is_gone_is_told_as_botocore_tells_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The poller goes on trying at these errors, and ends at others."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with MotoServer() as server:
        url = server.url
    gone = polling_clients(url, {"Fanout": ROLE}, usual=lambda *_: None)("Fanout")
    with pytest.raises(EndpointConnectionError):
        gone.receive_message(QueueUrl=f"{url}/1/none")
