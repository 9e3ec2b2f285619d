"""The template on moto with roles enforced, for functions to be tried with their own."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from spectrum_cli.local.apply import deploy
from spectrum_cli.local.checkout import TEMPLATE, TRANSLATIONS
from spectrum_cli.local.deployment import Deployment, Endpoints
from spectrum_cli.local.iam import assume, enforce_roles
from spectrum_cli.local.intrinsics import ACCOUNT, REGION
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.ports import StoredEvent

from tests.support.make import WEBHOOK, body_of

ADMINISTRATOR = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

PREFIX = f"{REGION}:{ACCOUNT}"

LISTENER, SHORT_LISTENER = "spectrum-forwarder-listen-me", "spectrum-listen-00000000-me"

TARGETS = {
    "TargetQueueArns": f"arn:aws:sqs:{PREFIX}:orders",
    "TargetEventBusArns": f"arn:aws:events:{PREFIX}:event-bus/default",
    "TargetFunctionArns": f"arn:aws:lambda:{PREFIX}:function:orders",
}

PARAMETERS = {**TARGETS, "WatchRegistrations": "yes"}

PROJECT = ("a-project", "its-secret")

# Destinations that are reached through a right each.
SERVICES = {
    "queue": {"kind": "sqs", "target": TARGETS["TargetQueueArns"]},
    "listener": {"kind": "sqs", "target": f"arn:aws:sqs:{PREFIX}:{LISTENER}"},
    # Of a stack whose name leaves no room; the local stack's id begins with zeros.
    "shorter": {"kind": "sqs", "target": f"arn:aws:sqs:{PREFIX}:{SHORT_LISTENER}"},
    "bus": {"kind": "eventbridge", "target": TARGETS["TargetEventBusArns"]},
    "function": {"kind": "lambda", "target": TARGETS["TargetFunctionArns"]},
}

BROKEN = Health(failing_since=1.0, open_until=2.0, trips=1)

STATES = ("", "Delayed", "NotVisible")


class Stack:
    """The template on moto, and the functions' roles. `url` is where moto answers."""

    def __init__(self, url: str) -> None:
        self._numbers = itertools.count()
        self._queued: Counter[str] = Counter()
        self._url = url
        self.deployment: Deployment = deploy(
            TEMPLATE, endpoints=Endpoints(url), parameters=PARAMETERS, kept=TRANSLATIONS
        )
        enforce_roles()
        self.roles = {
            name: assume(self.client("sts"), spec.role_name)
            for name, spec in self.deployment.functions.items()
        }
        self.dynamodb, self.sqs = self.client("dynamodb"), self.client("sqs")
        self.table = self.named("EventsTable")
        for queue in ("orders", LISTENER, SHORT_LISTENER):
            self.sqs.create_queue(QueueName=queue)
        self._store_secrets()
        self.know("gone", BROKEN)

    def client(self, service: str, credentials: Mapping[str, str] = ADMINISTRATOR) -> Any:
        named = {name.lower(): value for name, value in credentials.items()}
        return boto3.client(  # type: ignore[call-overload]
            service, endpoint_url=self._url, region_name=REGION, **named
        )

    def named(self, logical_id: str) -> str:
        """A resource's physical id."""
        return self.deployment.physical_ids[logical_id]

    @contextmanager
    def acting_as(self, function: str) -> Iterator[dict[str, str]]:
        """Give the process the role of a function, and yield the function's environment."""
        before = dict(os.environ)
        os.environ |= {
            **self.roles[function],
            "AWS_ENDPOINT_URL": self._url,
            "AWS_DEFAULT_REGION": REGION,
        }
        spec = self.deployment.functions[function]
        try:
            yield {**spec.environment, "ALLOW_LOOPBACK": "1"}
        finally:
            os.environ.clear()
            os.environ.update(before)

    def know(self, destination: str, health: Health) -> None:
        """Say how a destination has been of late."""
        board = DynamoHealthBoard(self.dynamodb, self.table, clock=time.time)
        board.save(destination, health)

    def know_line(self, destination: str) -> None:
        """Say that somebody waits in a destination's line."""
        board = DynamoHealthBoard(self.dynamodb, self.table, clock=time.time)
        board.stand(destination, now=time.time())

    def new_body(self, *, size: int = 0, services: bool = False) -> bytes:
        """A body that no other has; `size` bytes of it don't compress."""
        text = os.urandom(size).hex()
        return body_of(f"role-{next(self._numbers)}", text=text, services=services)

    def item(self, event_key: str) -> dict[str, Any]:
        found = self.dynamodb.get_item(TableName=self.table, Key={"event_key": {"S": event_key}})
        return dict(found.get("Item", {}))

    def queued(self, logical_id: str) -> int:
        """How many records a queue has got since this was last asked."""
        url = self.named(logical_id)
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        count = sum(int(found[f"ApproximateNumberOfMessages{state}"]) for state in STATES)
        before, self._queued[logical_id] = self._queued[logical_id], count
        return count - before

    def store(self, stored: StoredEvent) -> str:
        """Put an event that is long overdue, as the receiver would; return its key."""
        table = DynamoEventTable(self.dynamodb, self.table)
        table.put(stored, receipt="test", now=time.time(), due_at=1.0)
        return stored.event.key

    def _store_secrets(self) -> None:
        common = {"signing_secret": "5e" * 32}
        entries: list[dict[str, Any]] = [
            {"name": name, **where, **common, "filter": "message.content.services"}
            for name, where in SERVICES.items()
        ]
        # They refuse connections, so that there is a retry to hint at in either lane.
        entries += [{"name": n, "url": "http://127.0.0.1:9", **common} for n in ("quick", "slow")]
        webhook = {"id": WEBHOOK.id, "signing_secret": WEBHOOK.signing_secret, "source": "main"}
        secrets = self.client("secretsmanager")
        project = {"project_id": PROJECT[0], "project_secret": PROJECT[1]}
        contents: tuple[tuple[str, dict[str, Any]], ...] = (
            ("WebhooksSecret", {"webhooks": [webhook]}),
            ("DestinationsSecret", {"destinations": entries}),
            ("ProjectSecret", project),
        )
        for logical_id, content in contents:
            text = json.dumps(content)
            secrets.put_secret_value(SecretId=self.named(logical_id), SecretString=text)
