"""A function's surroundings in moto: table, queues, bucket, secrets, and its environment."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.aws import create_queue, create_table, create_waiting_table, shared_client
from tests.support.make import WEBHOOK

REGION = "us-east-1"
BUCKET = "payloads"


@dataclass
class Context:
    """What the handlers use of Lambda's context."""

    aws_request_id: str = "request-1"
    milliseconds: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


class Deployed:
    """Needs moto's `mock_aws` around it. What handlers print goes to the captured output."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        self.dynamodb, self.sqs = shared_client("dynamodb"), shared_client("sqs")
        self.secrets = shared_client("secretsmanager")
        shared_client("s3").create_bucket(Bucket=BUCKET)
        self.table = create_table(self.dynamodb)
        self.main_url = create_queue(self.sqs, "main")
        self.slow_url = create_queue(self.sqs, "slow")
        self.store_secret(
            "webhooks", [{"id": WEBHOOK.id, "signing_secret": WEBHOOK.signing_secret}]
        )
        self.store_secret("destinations", [])
        variables = {
            "EVENTS_TABLE": self.table,
            "EVENTS_QUEUE_URL": self.main_url,
            "SLOW_QUEUE_URL": self.slow_url,
            "WAITING_TABLE": create_waiting_table(self.dynamodb),
            "PAYLOADS_BUCKET": BUCKET,
            "WEBHOOKS_SECRET": "webhooks",
            "DESTINATIONS_SECRET": "destinations",
            "ALLOW_LOOPBACK": "1",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    def store_secret(self, name: str, entries: list[dict[str, Any]]) -> None:
        """Store a registry under its own name."""
        text = json.dumps({name: entries})
        try:
            self.secrets.put_secret_value(SecretId=name, SecretString=text)
        except self.secrets.exceptions.ResourceNotFoundException:
            self.secrets.create_secret(Name=name, SecretString=text)

    def items(self) -> list[dict[str, Any]]:
        """The events in the table."""
        found = self.dynamodb.scan(TableName=self.table)["Items"]
        return [item for item in found if not item["event_key"]["S"].startswith("#")]

    def take(self, url: str | None = None) -> list[dict[str, Any]]:
        """What a queue holds, by default the main lane's, as records for a handler."""
        answer = self.sqs.receive_message(QueueUrl=url or self.main_url, MaxNumberOfMessages=10)
        return [
            {"messageId": found["MessageId"], "body": found["Body"]}
            for found in answer.get("Messages", [])
        ]
