"""The functions of 0.1.0 and of today, over one table, the same queues and the same secrets.

Each function is a process under Lambda's own runtime client, with its version's sources. Nothing
runs by itself: a test receives, carries what stands in the queues, and sweeps, by either version.
"""

from __future__ import annotations

import base64
import contextlib
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import boto3
from spectrum_cli.local.consumer import Consumer, Received
from spectrum_cli.local.deployment import ANYBODY, FunctionSpec
from spectrum_cli.local.functions import FunctionPool
from spectrum_cli.local.moto_server import MotoServer
from spectrum_cli.local.sqs_event import to_event_record

from tests.support import vendor_signing
from tests.support.aws import create_queue, create_table, create_waiting_table
from tests.support.make import WEBHOOK

CHECKOUT: Final = Path(__file__).resolve().parents[2]
SECRET: Final = "d5" * 32
ARN: Final = "arn:aws:sqs:us-east-1:123456789012:events"
DAY: Final = 86_400.0
Item = dict[str, Any]


class Version:
    """One version's functions; each starts when it is first called."""

    def __init__(self, tree: Path, environment: Mapping[str, str]) -> None:
        self._tree = tree
        self._environment = environment
        self._pools = contextlib.ExitStack()
        self._started: dict[str, FunctionPool] = {}
        self.lines: list[str] = []

    def call(self, function: str, event: Mapping[str, Any], **settings: str) -> Any:
        """What the function answers, in an instance that has these settings."""
        name = f"{function} {settings}"
        if name not in self._started:
            self._started[name] = self._start(function, settings)
        result = self._started[name].invoke(json.dumps(event).encode())
        assert not result.failed, result.payload
        return json.loads(result.payload)

    def stop(self) -> None:
        self._pools.close()
        self._started = {}

    def _start(self, function: str, settings: Mapping[str, str]) -> FunctionPool:
        installed = (Path(entry) for entry in sys.path if entry.endswith("-packages"))
        spec = FunctionSpec(
            logical_id=function,
            code_dir=self._tree / "functions" / function,
            layer_dirs=(self._tree / "layers" / "core", *installed),
            handler="app.handler",
            environment={**self._environment, **settings},
            timeout_seconds=60,
            memory_mb=512,
            role_name="role",
        )
        pool = FunctionPool(spec, max_workers=1, log=lambda _, line: self.lines.append(line))
        self._pools.callback(pool.stop)
        return pool


class Stage:
    """A context manager. `taken` counts deliveries that verified, by key and body."""

    def __init__(self, released: Path) -> None:
        self._trees = {"0.1.0": released, "today": CHECKOUT}
        self._end = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._versions: dict[str, Version] = {}
        self.taken: Counter[tuple[str, bytes]] = Counter()
        self.answers = 200

    def __enter__(self) -> Self:
        moto = self._end.enter_context(MotoServer())
        self._session = boto3.Session("local", "local", region_name="us-east-1")
        self._url = moto.url
        self.dynamodb, self.sqs = self._client("dynamodb"), self._client("sqs")
        self._client("s3").create_bucket(Bucket="payloads")
        for name in ("webhooks", "destinations"):
            self._client("secretsmanager").create_secret(Name=name, SecretString="{}")
        webhook = {"id": WEBHOOK.id, "signing_secret": WEBHOOK.signing_secret}
        self._store("webhooks", [webhook | {"source": WEBHOOK.source}])
        self.queues = {name: create_queue(self.sqs, name) for name in ("main", "slow")}
        self._environment = {
            **ANYBODY,
            "AWS_ENDPOINT_URL": moto.url,
            "EVENTS_TABLE": create_table(self.dynamodb),
            "WAITING_TABLE": create_waiting_table(self.dynamodb),
            "EVENTS_QUEUE_URL": self.queues["main"],
            "SLOW_QUEUE_URL": self.queues["slow"],
            "PAYLOADS_BUCKET": "payloads",
            "WEBHOOKS_SECRET": "webhooks",
            "DESTINATIONS_SECRET": "destinations",
            "ALLOW_LOOPBACK": "1",
        }
        consumer = Consumer(SECRET, self._take)
        consumer.start()
        self._end.callback(consumer.stop)
        self._end.callback(self.deploy)
        self.entry = {"name": "crm", "url": consumer.url, "signing_secret": SECRET}
        self.destine(self.entry)
        return self

    def __exit__(self, *_: object) -> None:
        self._end.close()

    def destine(self, entry: Mapping[str, object]) -> None:
        """Store this destination alone, and let all functions start anew: they have copies."""
        self._store("destinations", [entry])
        self.deploy()

    def deploy(self) -> None:
        """End all functions; whichever is called next is a new instance."""
        for version in self._versions.values():
            version.stop()
        self._versions = {
            name: Version(tree, self._environment) for name, tree in self._trees.items()
        }

    def receive(self, version: str, body: bytes, **settings: str) -> tuple[str, str]:
        """Send a request; the answer's word and the event's key."""
        headers = vendor_signing.v0(WEBHOOK.id, WEBHOOK.signing_secret, body, int(time.time()))
        event = {
            "version": "2.0",
            "rawPath": "/spectrum-webhook",
            "headers": {"content-type": "application/json"}
            | {name.lower(): value for name, value in headers.items()},
            "requestContext": {"http": {"method": "POST", "path": "/spectrum-webhook"}},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
        answer = self._versions[version].call("receiver", event, **settings)
        said = json.loads(answer["body"])
        assert answer["statusCode"] == 200, (said, self._versions[version].lines)
        return said["status"], said["event_key"]

    def carry(self, version: str, *, patience: int = 0) -> None:
        """Give the fan-out whatever stands in both lanes; it may keep nothing.

        With `patience`, so many seconds for a hint in the slow lane that is delayed.
        """
        for name, url in self.queues.items():
            while found := self._received(url, patience if name == "slow" else 0):
                patience = 0
                records = [to_event_record(record, ARN) for record in found]
                answer = self._versions[version].call("fanout", {"Records": records})
                assert answer == {"batchItemFailures": []}, self._versions[version].lines
                for record in found:
                    self.sqs.delete_message(QueueUrl=url, ReceiptHandle=record["ReceiptHandle"])

    def sweep(self, version: str) -> None:
        """Sweep once, and carry the hints."""
        self._versions[version].call("sweeper", {})
        self.carry(version)

    def item(self, key: str) -> Item:
        found: Item = self.dynamodb.get_item(TableName="events", Key={"event_key": {"S": key}})
        return dict(found["Item"])

    def delivery(self, key: str, identity: str = "crm") -> Item:
        """An event's one delivery, as it stands in the item."""
        deliveries = self.item(key)["deliveries"]["M"]
        assert list(deliveries) == [identity]
        return dict(deliveries[identity]["M"])

    def status(self, key: str, identity: str = "crm") -> str:
        return str(self.delivery(key, identity)["status"]["S"])

    def let_pass(self, key: str, seconds: float) -> None:
        """Let so much time have passed for what the event waits for."""
        item = self.item(key)
        times = [item, *(each["M"] for each in item["deliveries"]["M"].values())]
        for attributes in times:
            for name in ("due_at", "next_attempt_at"):
                if name in attributes:
                    earlier = float(attributes[name]["N"]) - seconds
                    attributes[name] = {"N": f"{earlier:.3f}"}
        self.dynamodb.put_item(TableName="events", Item=item)

    def places(self) -> int:
        """How many stand in lines."""
        return int(self.dynamodb.scan(TableName="waiting")["Count"])

    def _take(self, received: Received) -> int:
        if not received.verified:
            return 401
        with self._lock:
            if self.answers == 200:
                self.taken[received.event_key, received.body] += 1
            return self.answers

    def _received(self, url: str, patience: int) -> list[Any]:
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], WaitTimeSeconds=patience
        )
        return list(answer.get("Messages", []))

    def _store(self, name: str, entries: list[Mapping[str, object]]) -> None:
        text = json.dumps({name: entries})
        self._client("secretsmanager").put_secret_value(SecretId=name, SecretString=text)

    def _client(self, service: str) -> Any:
        client = self._session.client(service, endpoint_url=self._url)  # type: ignore[call-overload]
        self._end.callback(client.close)
        return client
