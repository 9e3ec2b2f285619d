"""One event on its way to the developer's machine: signed anew, POSTed, answered."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spectrum_cli.stack.http_client import HttpClient, NotAnswered

ATTEMPT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it was taken from the queue."""

    record_id: str
    receipt: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def key(self) -> str:
        return self.sent_id.replace("~", ".") or "?"

    @property
    def sent_id(self) -> str:
        """What it came under, and is signed under again."""
        return self.headers.get("webhook-id", "")

    @property
    def what(self) -> str:
        """What a developer wants to see of it: the event, and the content's type."""
        try:
            content_type = json.loads(self.body)["message"]["content"]["type"]
        except (ValueError, KeyError, TypeError, RecursionError):
            content_type = ""
        kind = self.headers.get("X-Spectrum-Event", "")
        return f"{kind} {content_type}".strip() if isinstance(content_type, str) else kind


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of one attempt; `status` is None where no answer came, and `problem` says why.

    `reached` is false where nobody was there to take it.
    """

    event: Event
    at: float
    seconds: float
    status: int | None
    problem: str = ""
    reached: bool = True

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def read_event(record: Mapping[str, Any]) -> Event:
    """Read an SQS record; raise ValueError where it is none of the forwarder's."""
    from spectrum_forwarder.adapters.kinds.sqs import read  # noqa: PLC0415 (boto3)

    sent = read(record)
    return Event(record["MessageId"], record["ReceiptHandle"], sent.headers, sent.body)


class Poster:
    """POSTs events to a URL, as a destination would get them; safe to use from threads."""

    def __init__(
        self, client: HttpClient, url: str, secret: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._url = url
        self._secret = secret
        self._clock = clock

    def post(self, event: Event) -> Posted:
        """Make one attempt."""
        began, at = time.monotonic(), self._clock()
        headers = signed_now(event, self._secret, int(at))
        status, problem, reached = None, "", True
        try:
            answer = self._client.request(
                "POST", self._url, headers=headers, body=event.body, timeout=ATTEMPT_SECONDS
            )
            status = answer.status
        except NotAnswered as error:
            problem, reached = str(error), error.sent
        return Posted(event, at, time.monotonic() - began, status, problem, reached)


def signed_now(event: Event, secret: str, timestamp: int) -> dict[str, str]:
    """The event's headers, signed anew: it may have waited longer than a signature is good for."""
    from spectrum_forwarder.domain.signature import sign, sign_standard  # noqa: PLC0415

    fresh = {
        "X-Spectrum-Timestamp": str(timestamp),
        "X-Spectrum-Signature": sign(secret, timestamp, event.body),
    }
    standard = sign_standard(secret, event.sent_id, timestamp, event.body)
    if "webhook-id" in event.headers and standard is not None:
        fresh |= {"webhook-timestamp": str(timestamp), "webhook-signature": standard}
    return dict(event.headers) | fresh
