"""Between SQS and functions, as Lambda's event source mapping translates.

Pure functions: the event that received SQS records become, how a batch is cut to what Lambda can
carry, and which records a function's answer has settled.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Lambda's limit for an event, with room for what surrounds the records.
LARGEST_EVENT = 6 * 1024 * 1024 - 1024

Record = Mapping[str, Any]
"""One record as ReceiveMessage returns it: MessageId, ReceiptHandle, Body, Attributes ..."""


def to_event_record(received: Record, queue_arn: str) -> dict[str, Any]:
    """Return the record as it stands in the event's `Records`."""
    return {
        "messageId": received["MessageId"],
        "receiptHandle": received["ReceiptHandle"],
        "body": received["Body"],
        "attributes": dict(received.get("Attributes", {})),
        "messageAttributes": {
            name: _attribute(value) for name, value in received.get("MessageAttributes", {}).items()
        },
        "md5OfBody": received["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def trace_of(received: Record) -> str | None:
    """The trace header of the call that has sent the record, if it had one."""
    trace: str | None = received.get("Attributes", {}).get("AWSTraceHeader")
    return trace


def batches(received: Sequence[Record], queue_arn: str) -> Iterable[tuple[list[Record], bytes]]:
    """Cut what was received into batches that fit an event; yields each with its payload."""
    batch: list[Record] = []
    parts: list[bytes] = []
    for record in received:
        part = json.dumps(to_event_record(record, queue_arn), ensure_ascii=False).encode()
        if parts and sum(map(len, parts)) + len(part) > LARGEST_EVENT:
            yield batch, _payload(parts)
            batch, parts = [], []
        batch.append(record)
        parts.append(part)
    if parts:
        yield batch, _payload(parts)


def settled(batch: Sequence[Record], answer: bytes, *, report_failures: bool) -> list[Record]:
    """Return the records that an invocation without an error has settled: they are deleted.

    Without reporting that is the whole batch. With it, an answer that names no failures settles
    all; one that cannot be understood, or names a record that is not in the batch, settles none.
    """
    if not report_failures:
        return list(batch)
    failed = _failed_ids(answer)
    known = {record["MessageId"] for record in batch}
    if failed is None or not failed <= known:
        return []
    return [record for record in batch if record["MessageId"] not in failed]


def _failed_ids(answer: bytes) -> set[str] | None:
    """The ids that an answer names, or None when it cannot be understood."""
    try:
        content = json.loads(answer) or {}
        failures = content.get("batchItemFailures") or []
        identifiers = [failure["itemIdentifier"] for failure in failures]
    except (ValueError, AttributeError, TypeError, KeyError):
        return None
    if not all(isinstance(identifier, str) and identifier for identifier in identifiers):
        return None
    return set(identifiers)


def _payload(parts: Iterable[bytes]) -> bytes:
    return b'{"Records": [' + b", ".join(parts) + b"]}"


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    attribute: dict[str, Any] = {"dataType": value["DataType"]}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        # boto3 has decoded it; Lambda's event carries it as base64.
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode("ascii")
    return {"stringListValues": [], "binaryListValues": [], **attribute}
