"""The two queues to the fan-out: hints, and whole events while the table is down."""

import base64
import functools
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spectrum_forwarder.adapters.failures import FAILURES, failure_code
from spectrum_forwarder.domain.errors import InvalidEntry, QueueUnavailable
from spectrum_forwarder.domain.event import USUAL_SCHEME, Event, unpack
from spectrum_forwarder.domain.identity import hashed, parse
from spectrum_forwarder.domain.ports import Depth, StoredEvent
from spectrum_forwarder.domain.sources import identify

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

    from spectrum_forwarder.domain.worker_ports import QueueRecord

LONGEST_DELAY = 900
IDENTITY = ("fingerprint", "lasting")
BESIDE = ("via", "scheme", "signed_id", "also", "content_encoding", "first_id", "message_type")
# What waits for a poller, and what one has taken and not deleted.
DEPTH: "tuple[QueueAttributeNameType, ...]" = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
)


class SqsEventQueue:
    """The `EventQueue` port; `main_url` and `slow_url` are the lanes' queues."""

    def __init__(self, client: "SQSClient", *, main_url: str, slow_url: str) -> None:
        self._client = client
        self._main_url = main_url
        self._slow_url = slow_url

    def send_hint(self, event_key: str, *, delay: float = 0.0, slow: bool = False) -> None:
        """See the port. SQS delays by whole seconds, rounded up here: never too early."""
        self._send(
            self._slow_url if slow else self._main_url,
            MessageBody=encode_hint(event_key, slow=slow),
            DelaySeconds=min(math.ceil(delay), LONGEST_DELAY),
        )

    def send_hints(self, event_keys: Sequence[str]) -> Sequence[str]:
        """See the port."""
        entries = [
            {"Id": str(number), "MessageBody": encode_hint(event_key)}
            for number, event_key in enumerate(event_keys)
        ]
        try:
            answer = self._client.send_message_batch(QueueUrl=self._main_url, Entries=entries)  # type: ignore[arg-type]
        except FAILURES as error:
            raise QueueUnavailable(f"send_message_batch: {failure_code(error)}") from error
        return [event_keys[int(failed["Id"])] for failed in answer.get("Failed", [])]

    def show_again(self, records: "Sequence[tuple[QueueRecord, float]]") -> None:
        """See the port. What SQS refuses comes again after the queue's visibility timeout."""
        for slow, url in ((False, self._main_url), (True, self._slow_url)):
            entries = [
                {
                    "Id": str(number),
                    "ReceiptHandle": record.receipt,
                    "VisibilityTimeout": math.ceil(seconds),
                }
                for number, (record, seconds) in enumerate(records)
                if record.slow_lane is slow and record.receipt
            ]
            if not entries:
                continue
            try:
                self._client.change_message_visibility_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]
            except FAILURES as error:
                raise QueueUnavailable(
                    f"change_message_visibility_batch: {failure_code(error)}"
                ) from error

    def depth(self) -> Depth:
        """See the port. SQS tells it approximately, and some seconds late."""
        return Depth(self._depth(self._main_url), self._depth(self._slow_url))

    def _depth(self, url: str) -> int:
        try:
            answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=list(DEPTH))
            return sum(int(answer["Attributes"][name]) for name in DEPTH)
        except FAILURES as error:
            raise QueueUnavailable(f"get_queue_attributes: {failure_code(error)}") from error

    def send_event(self, stored: StoredEvent) -> None:
        """See the port."""
        self._send(self._main_url, MessageBody=encode_event(stored))

    def _send(self, url: str, **arguments: Any) -> None:
        try:
            self._client.send_message(QueueUrl=url, **arguments)
        except FAILURES as error:
            raise QueueUnavailable(f"send_message: {failure_code(error)}") from error


def encode_hint(event_key: str, *, slow: bool = False) -> str:
    """The text of a hint: the event's key, and whether it is for the slow lane."""
    return json.dumps({"event_key": event_key} | ({"slow": True} if slow else {}))


def encode_event(stored: StoredEvent) -> str:
    """The text of a whole event; its body is base64 of the packed bytes."""
    event = {name: value for name, value in stored.event._asdict().items() if name != "body"}
    # Beside the rest, where 0.1.0 does not look: it would refuse a field that it does not know.
    identity = {name: event.pop(name) for name in IDENTITY}
    beside = {name: event.pop(name) for name in BESIDE}
    packed = base64.b64encode(stored.packed).decode() if stored.packed is not None else None
    whole = {"event": event, "packed": packed, "payload": stored.payload, "identity": identity}
    usual = (None, USUAL_SCHEME)
    return json.dumps(whole | {name: said for name, said in beside.items() if said not in usual})


def read_record(record: Mapping[str, Any]) -> "QueueRecord":
    """Read one SQS record as Lambda passes it; raise InvalidEntry if it is none of ours."""
    from spectrum_forwarder.domain.worker_ports import QueueRecord  # noqa: PLC0415 (of workers)

    try:
        content = json.loads(record["body"])
        read = functools.partial(
            QueueRecord,
            record["messageId"],
            receipt=record.get("receiptHandle", ""),
            receives=int(record.get("attributes", {}).get("ApproximateReceiveCount", 1)),
        )
        if "event" not in content:
            return read(str(content["event_key"]), slow_lane=bool(content.get("slow")))
        stored = _read_event(content)
        return read(stored.event.key, whole=stored)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, zlib.error) as error:
        raise InvalidEntry("an SQS record is neither a hint nor an event") from error


def _read_event(content: Mapping[str, Any]) -> StoredEvent:
    packed = base64.b64decode(content["packed"], validate=True) if content["packed"] else None
    # The body travels packed, and is stored so: nobody needs it plain on this way.
    identity = content.get("identity") or _identity(packed, content["payload"])
    beside = {name: identity[name] for name in IDENTITY}
    beside |= {name: content[name] for name in BESIDE if name in content}
    event = Event(**content["event"], **beside, body=b"")
    return StoredEvent(event, packed, content["payload"])


def _identity(packed: bytes | None, payload: str | None) -> dict[str, Any]:
    """What 0.1.0 did not send along. Where the body is elsewhere, its name there must do."""
    if packed is None:
        return {"fingerprint": hashed(str(payload).encode()), "lasting": True}
    body = unpack(packed)
    identity = identify(body, parse(body))
    return {name: getattr(identity, name) for name in IDENTITY}
