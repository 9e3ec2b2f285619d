"""The kind `sqs`: an attempt as one message in a queue, with the headers as its attributes.

The text is the body where SQS can hold it, else its base64 (attribute `Body-Encoding`). The headers
that a receiver verifies with are attributes of the same names; SQS takes ten attributes, so all
other headers share one, `Other-Headers`, as JSON. `read` undoes it.

A FIFO queue is told the conversation besides, and what an attempt's copy is known by.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spectrum_forwarder.adapters.kinds.kind import Clients, Grant, TooLarge, at_service
from spectrum_forwarder.domain import bundle
from spectrum_forwarder.domain.order import conversation_of
from spectrum_forwarder.domain.outbound import REPLAY_HEADER, Attempt

LARGEST = 1_048_576
FIFO = ".fifo"
NAMED = (
    *("Content-Type", "X-Spectrum-Event", "X-Spectrum-Webhook-Id"),
    *("X-Spectrum-Timestamp", "X-Spectrum-Signature"),
    *("webhook-id", "webhook-timestamp", "webhook-signature"),
)
BODY_ENCODING, OTHER_HEADERS = "Body-Encoding", "Other-Headers"
# A queue holds no empty text.
EMPTY = "(empty)"
# What XML 1.0 cannot hold, SQS does not take.
_NOT_TEXT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class SqsCourier:
    """Sends to queues in any account and region that the role may send to."""

    def carry(self, attempt: Attempt, clients: Clients) -> int:
        """See the protocol."""
        text, attributes = write(attempt.headers, attempt.body)
        if _size(text, attributes) > LARGEST:
            raise TooLarge
        client = clients.get("sqs", attempt.url, attempt.timeout_seconds)
        account, name = attempt.url.split(":")[4:]
        answer = client.send_message(
            # The URL of a queue is its region's endpoint, its account and its name.
            QueueUrl=f"{client.meta.endpoint_url}/{account}/{name}",
            MessageBody=text,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
            **(fifo_fields(attempt) if attempt.url.endswith(FIFO) else {}),
        )
        return int(answer["ResponseMetadata"]["HTTPStatusCode"])


@dataclass(frozen=True, slots=True)
class Read:
    """What was sent, as it would have come over HTTP."""

    headers: dict[str, str]
    body: bytes


def write(headers: Mapping[str, str], body: bytes) -> tuple[str, dict[str, str]]:
    """The text and the attributes that stand for a request."""
    # SQS takes no attribute whose value is empty.
    attributes = {name: headers[name] for name in NAMED if headers.get(name)}
    others = {name: value for name, value in headers.items() if name not in attributes}
    if others:
        attributes[OTHER_HEADERS] = json.dumps(others, separators=(",", ":"))
    text, encoding = _as_text(body)
    if encoding:
        attributes[BODY_ENCODING] = encoding
    return text, attributes


def fifo_fields(attempt: Attempt) -> dict[str, str]:
    """What a FIFO queue wants to know of an attempt: its group, and what its copies are known by.

    Both as hashes: ids of chats may hold phone numbers, and more than SQS takes here. The group is
    the conversation; an event without one is its own. A retry is a copy of the attempt before it,
    which SQS drops where that has arrived all the same. A replay is none, or it would be dropped
    too, nor is what another destination sends to the same queue.
    """
    is_batch = attempt.event_kind == bundle.KIND
    body = bundle.first_in(attempt.body) if is_batch else attempt.body
    conversation = conversation_of(body)
    group = ["conversation", conversation] if conversation else [attempt.event_key]
    copy = [attempt.event_key, attempt.destination, attempt.headers.get(REPLAY_HEADER, "")]
    return {"MessageGroupId": _hash(group), "MessageDeduplicationId": _hash(copy)}


def _hash(parts: list[str]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def read(record: Mapping[str, Any]) -> Read:
    """Undo `write`, given an SQS record as `receive_message` returns it; raise ValueError."""
    attributes = {
        name: str(value.get("StringValue", ""))
        for name, value in record.get("MessageAttributes", {}).items()
    }
    encoding = attributes.pop(BODY_ENCODING, None)
    others = json.loads(attributes.pop(OTHER_HEADERS, "{}"))
    if not isinstance(others, dict):
        raise ValueError(f"{OTHER_HEADERS} is no object")
    text = str(record["Body"])
    if encoding == "base64":
        body = base64.b64decode(text, validate=True)
    else:
        body = b"" if encoding == "empty" else text.encode()
    return Read({name: str(value) for name, value in others.items()} | attributes, body)


def _as_text(body: bytes) -> tuple[str, str | None]:
    if not body:
        return EMPTY, "empty"
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = ""
    if not text or _NOT_TEXT.search(text):
        return base64.b64encode(body).decode(), "base64"
    return text, None


def _size(text: str, attributes: Mapping[str, str]) -> int:
    """As SQS counts: text, and each attribute's name, type and value."""
    counted = (
        len(name) + len("String") + len(value.encode()) for name, value in attributes.items()
    )
    return len(text.encode()) + sum(counted)


KIND = at_service(
    "sqs",
    service="sqs",
    resource=r"([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)",
    example="orders",
    where="a queue's ARN",
    courier=SqsCourier(),
    grant=Grant("TargetQueueArns", "sqs:SendMessage"),
)
