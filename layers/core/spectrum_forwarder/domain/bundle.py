"""A batch as it is sent: several events of a conversation in one body, in their order.

    {"events": [{"webhook-id": "…", "headers": {…}, "body": "<the exact text>"}, …]}

A body that is not UTF-8 stands in base64, with `"isBase64Encoded": true` beside it.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# What the body of a batch says that it is: nothing that Spectrum sends.
KIND = "batch"
CONTENT_TYPE = "application/json"
# Bytes that a batch may have. One event goes out whatever its size.
LARGEST = 1_048_576


@dataclass(frozen=True, slots=True)
class Bundled:
    """One event in a batch, under the id that it would have had by itself."""

    outgoing_id: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def document(self) -> dict[str, Any]:
        """As it stands in the batch."""
        said: dict[str, Any] = {"webhook-id": self.outgoing_id, "headers": dict(self.headers)}
        try:
            return said | {"body": self.body.decode()}
        except UnicodeDecodeError:
            text = base64.b64encode(self.body).decode()
            return said | {"body": text, "isBase64Encoded": True}


def bundled(events: Sequence[Bundled]) -> tuple[bytes, int]:
    """The body of a batch, and how many of the events, from the first one on, are in it."""
    texts, size = list[bytes](), 0
    for event in events:
        text = json.dumps(event.document(), ensure_ascii=False, separators=(",", ":")).encode()
        size += len(text) + 1
        if texts and size > LARGEST:
            break
        texts.append(text)
    return b'{"events":[' + b",".join(texts) + b"]}", len(texts)


def first_in(body: bytes) -> bytes:
    """The first event's body in that of a batch; the body itself where it is none of a batch."""
    try:
        first = json.loads(body)["events"][0]
        text = str(first["body"])
        return base64.b64decode(text) if first.get("isBase64Encoded") else text.encode()
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return body


def batch_id(events: Sequence[Bundled]) -> str:
    """The `webhook-id` of a batch: the same for the same set of events, and for no other."""
    ids = "\n".join(sorted(event.outgoing_id for event in events))
    return "batch_" + hashlib.sha256(ids.encode()).hexdigest()[:32]
