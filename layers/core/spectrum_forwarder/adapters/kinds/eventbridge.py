"""The kind `eventbridge`: an attempt as one event on a bus.

`source` is `spectrum-forwarder`, `detail-type` the body's own event (`messages`), and `detail`

    {"headers": {…}, "body": "<the text that is signed>", "content": <the same, as JSON>}

so that rules can match on `detail.content`, which is what filters see, and receivers can still
verify. A body that is not UTF-8 stands in base64, with `"isBase64Encoded": true`; one that is not
JSON has no `content`.
"""

import base64
import json

from spectrum_forwarder.adapters.kinds.kind import (
    Clients,
    Grant,
    Refused,
    TooLarge,
    at_service,
)
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.outbound import Attempt

LARGEST = 1_048_576
SOURCE = "spectrum-forwarder"
UNKNOWN_TYPE = "unknown"
LONGEST_TYPE = 128


class EventBridgeCourier:
    """Puts events on buses in any account and region that the role may put them on."""

    def carry(self, attempt: Attempt, clients: Clients) -> int:
        """See the protocol."""
        detail_type = (attempt.event_kind or UNKNOWN_TYPE)[:LONGEST_TYPE]
        detail = write_detail(attempt)
        if len(SOURCE) + len(detail_type.encode()) + len(detail.encode()) > LARGEST:
            raise TooLarge
        client = clients.get("events", attempt.url, attempt.timeout_seconds)
        entry = {
            "EventBusName": attempt.url,
            "Source": SOURCE,
            "DetailType": detail_type,
            "Detail": detail,
        }
        answer = client.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            # The call as a whole is a success even then.
            raise Refused(answer["Entries"][0].get("ErrorCode", ""))
        return int(answer["ResponseMetadata"]["HTTPStatusCode"])


def write_detail(attempt: Attempt) -> str:
    """The event's detail, a JSON object."""
    parts = {"headers": json.dumps(dict(attempt.headers), separators=(",", ":"))}
    try:
        parts["body"] = json.dumps(attempt.body.decode(), ensure_ascii=False)
    except UnicodeDecodeError:
        parts["body"] = json.dumps(base64.b64encode(attempt.body).decode())
        parts["isBase64Encoded"] = "true"
    if (content := _as_json(attempt.body)) is not None:
        parts["content"] = content
    return "{" + ",".join(f'"{name}":{value}' for name, value in parts.items()) + "}"


def _as_json(body: bytes) -> str | None:
    """The body's text where it is strict JSON, with lone surrogates replaced; else None.

    What encodings count is what filters take for JSON: UTF-8 with a byte order mark or without,
    UTF-16 and UTF-32. Numbers stay as they were written: parsing and writing them again could
    change them.
    """
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        parsed = json.loads(text, parse_constant=_refuse)
        written = json.dumps(parsed, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    try:
        written.encode()
    except UnicodeEncodeError:
        return written.encode("utf-8", "replace").decode()
    return text.strip()


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _refuse_newer(arn: str) -> None:
    if ":event-busv2/" in arn:
        raise InvalidEntry(
            "target: event-busv2 is a bus of EventBridge's newer API, with FIFO subscribers, which "
            "is not spoken here: name a classic bus (event-bus/NAME) with a rule that leads to it, "
            "or, for the sake of order, a FIFO queue"
        )


KIND = at_service(
    "eventbridge",
    service="events",
    resource=r"event-bus/[A-Za-z0-9._/-]{1,256}",
    example="event-bus/default",
    where="an event bus's ARN",
    courier=EventBridgeCourier(),
    grant=Grant("TargetEventBusArns", "events:PutEvents"),
    refuse=_refuse_newer,
)
