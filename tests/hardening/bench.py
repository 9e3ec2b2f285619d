"""The real handlers with their real adapters on moto, in this process: fast enough to be fuzzed.

Owns the services they need, what they are asked, and what they wrote to their log meanwhile.
"""

import contextlib
import io
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from spectrum_forwarder.adapters.event_log import DynamoEventLog
from spectrum_forwarder.adapters.payloads import S3Payloads
from spectrum_forwarder.domain.errors import refusals

from functions.fanout import app as fanout_app
from functions.receiver import app as receiver_app
from tests.support.aws import create_queue, create_table, create_waiting_table
from tests.support.make import WEBHOOK

BUCKET = "payloads"
# Every answer there is: its word, and its status.
ANSWERS: Mapping[str, int] = {
    "accepted": 200,
    "duplicate": 200,
    "internal_error": 503,
    **{refusal.code: refusal.status for refusal in refusals()},
}


@dataclass(frozen=True)
class Context:
    """What handlers look at of Lambda's context."""

    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass(frozen=True)
class Answered:
    """An HTTP answer in short, and the lines that were logged for it."""

    status: int
    word: str
    event_key: str | None
    lines: list[str]


class Bench:
    """Needs moto's `mock_aws` around it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._dynamodb = boto3.client("dynamodb")
        sqs, s3 = boto3.client("sqs"), boto3.client("s3")
        self._secrets = boto3.client("secretsmanager")
        s3.create_bucket(Bucket=BUCKET)
        self._table = create_table(self._dynamodb)
        environment = {
            "EVENTS_TABLE": self._table,
            "EVENTS_QUEUE_URL": create_queue(sqs, "main"),
            "SLOW_QUEUE_URL": create_queue(sqs, "slow"),
            "WAITING_TABLE": create_waiting_table(self._dynamodb),
            "PAYLOADS_BUCKET": BUCKET,
            "WEBHOOKS_SECRET": self._secret("webhooks", [_entry()]),
            "DESTINATIONS_SECRET": self._secret("destinations", []),
            "ALLOW_LOOPBACK": "1",
        }
        receiver = receiver_app.build(environment)
        monkeypatch.setattr(receiver_app, "receiver", lambda: receiver)
        self._environment, self._monkeypatch = environment, monkeypatch
        self.log = DynamoEventLog(self._dynamodb, self._table, S3Payloads(s3, BUCKET))

    def set_destinations(self, *entries: Mapping[str, Any]) -> None:
        """Configure destinations, and build a fan-out that knows them."""
        text = json.dumps({"destinations": entries})
        self._secrets.put_secret_value(SecretId="destinations", SecretString=text)
        fan_out = fanout_app.build(self._environment)
        self._monkeypatch.setattr(fanout_app, "fan_out", lambda: fan_out)

    def receive(self, event: Any) -> Answered:
        """Give the receiver a gateway's event."""
        with logged() as lines:
            answer = receiver_app.handler(event, Context())
        assert set(answer) == {"statusCode", "headers", "body"}
        assert answer["headers"] == {"content-type": "application/json"}
        body = json.loads(answer["body"])
        word = body["status"] if "status" in body else body["error"]["code"]
        return Answered(answer["statusCode"], word, body.get("event_key"), lines)

    def fan_out(self, records: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
        """Give the fan-out a batch; the ids of the records that it keeps, and what it logged."""
        with logged() as lines:
            answer = fanout_app.handler({"Records": records}, Context())
        return [kept["itemIdentifier"] for kept in answer["batchItemFailures"]], lines

    def count(self) -> int:
        """How many events the table holds, beside the notes of the stack."""
        found = self._dynamodb.scan(
            TableName=self._table,
            Select="COUNT",
            FilterExpression="attribute_exists(received_at)",
        )
        return found["Count"]

    def _secret(self, top: str, entries: list[Any]) -> str:
        self._secrets.create_secret(Name=top, SecretString=json.dumps({top: entries}))
        return top


@contextlib.contextmanager
def logged() -> Iterator[list[str]]:
    """What functions write to standard output, line by line as CloudWatch cuts it."""
    written, lines = io.StringIO(), list[str]()
    try:
        with contextlib.redirect_stdout(written):
            yield lines
    finally:
        lines += written.getvalue().split("\n")[:-1]


def check_lines(lines: list[str], *secrets: str) -> None:
    """Each line is one JSON object wherever it is cut, and holds none of `secrets`."""
    for line in lines:
        # Terminals and log viewers break lines and act at more characters than CloudWatch does.
        assert line.isprintable(), line
        assert isinstance(json.loads(line), dict), line
        assert not any(secret in line for secret in secrets), line


def _entry() -> dict[str, str]:
    return {"id": WEBHOOK.id, "signing_secret": WEBHOOK.signing_secret, "source": WEBHOOK.source}
