"""Between SQS and functions: the event's shape, cutting of batches, and what an answer settles."""

from __future__ import annotations

import json
from typing import Any

import pytest
from spectrum_cli.local.sqs_event import batches, settled, to_event_record

ARN = "arn:aws:sqs:us-east-1:123456789012:events"


def record(identifier: str, body: str = "{}", **more: Any) -> dict[str, Any]:
    return {
        "MessageId": identifier,
        "ReceiptHandle": f"handle-{identifier}",
        "Body": body,
        "MD5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
        **more,
    }


def test_record_has_the_shape_of_lambdas_event() -> None:
    received = record(
        "1",
        Attributes={"ApproximateReceiveCount": "2", "SentTimestamp": "1700000000000"},
        MessageAttributes={
            "kind": {"DataType": "String", "StringValue": "x"},
            "blob": {"DataType": "Binary", "BinaryValue": b"\xff"},
        },
    )
    assert to_event_record(received, ARN) == {
        "messageId": "1",
        "receiptHandle": "handle-1",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1700000000000"},
        "messageAttributes": {
            "kind": {
                "stringValue": "x",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            },
            "blob": {
                "binaryValue": "/w==",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "Binary",
            },
        },
        "md5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
        "awsRegion": "us-east-1",
    }


def test_small_records_are_one_batch() -> None:
    ((batch, payload),) = batches([record(str(n)) for n in range(10)], ARN)
    assert len(batch) == 10
    assert [entry["messageId"] for entry in json.loads(payload)["Records"]] == list("0123456789")


def test_batch_is_cut_where_lambdas_limit_would_be_passed() -> None:
    cut = list(batches([record(str(n), "x" * (1 << 20)) for n in range(10)], ARN))
    assert [len(batch) for batch, _ in cut] == [5, 5]
    assert all(len(payload) < 6 << 20 for _, payload in cut)


@pytest.mark.parametrize(
    ("answer", "deleted"),
    [
        (b"null", "abc"),
        (b"{}", "abc"),
        (b'{"batchItemFailures": null}', "abc"),
        (b'{"batchItemFailures": []}', "abc"),
        (b'{"batchItemFailures": [{"itemIdentifier": "b"}]}', "ac"),
        (b'{"batchItemFailures": [{"itemIdentifier": "unknown"}]}', ""),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', ""),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', ""),
        (b'{"batchItemFailures": [{"wrongKey": "b"}]}', ""),
        (b'{"batchItemFailures": ["b"]}', ""),
        (b'{"batchItemFailures": 3}', ""),
        (b'"text"', ""),
        (b"not json", ""),
    ],
)
def test_reported_answer_settles_what_it_does_not_name_and_nothing_when_unclear(
    answer: bytes, deleted: str
) -> None:
    batch = [record(identifier) for identifier in "abc"]
    done = settled(batch, answer, report_failures=True)
    assert "".join(entry["MessageId"] for entry in done) == deleted


def test_without_reporting_an_answer_settles_the_batch() -> None:
    batch = [record("a"), record("b")]
    answer = b'{"batchItemFailures": [{"itemIdentifier": "a"}]}'
    assert settled(batch, answer, report_failures=False) == batch
