"""A stand-in for the events table, for sizes at which moto is slow whatever is asked of it.

It answers what the delivery log reads, as DynamoDB does: a query costs the same at any size. Calls
are counted by their name.
"""

from __future__ import annotations

import bisect
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import boto3
from spectrum_cli.stack.target import Target
from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.due_index import DUE_INDEX
from spectrum_forwarder.domain.ports import SHARDS

from tests.ui import seeding

KINDS_OF_EVENTS = 50
EVENTS_A_PERSON = 10
DESTINATIONS = {
    "destinations": [
        {"name": name, "url": f"https://{name}.example.com/", "signing_secret": "ab" * 32}
        for name in ("crm", "archive", "bot")
    ]
}


class BigTable:
    """A DynamoDB client with one table of `count` events, evenly over the time before `now`."""

    def __init__(self, count: int, now: float, *, days: float = 10) -> None:
        self.calls: Counter[str] = Counter()
        # What reads the table's time registers there; nothing here says what time it is.
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))
        self.keys = [f"main:spc-msg-{number:08d}" for number in range(count)]
        step = days * 86_400 / max(count, 1)
        self._times = {key: now - 30 - n * step for n, key in enumerate(self.keys)}
        self._shards: list[list[tuple[float, str]]] = [[] for _ in range(SHARDS)]
        for key, at in self._times.items():
            self._shards[items.shard(key)].append((at, key))
        for shard in self._shards:
            shard.sort()
        rng = random.Random(7)
        self.models = [
            seeding.item_of(
                seeding.text_event(number, rng), now, seeding.deliveries_of(now, now, rng)
            )
            for number in range(KINDS_OF_EVENTS)
        ]

        self._owing: list[list[items.Item]] = [[] for _ in range(SHARDS)]
        for key in self.keys:
            if "due_at" in self._model(key):
                self._owing[items.shard(key)].append(items.key(key))

    def query(self, **asked: Any) -> dict[str, Any]:
        """A page of the log index, newest first, or all that a shard of the due index has."""
        self.calls["query"] += 1
        values = asked["ExpressionAttributeValues"]
        if asked["IndexName"] == DUE_INDEX:
            return {"Items": self._owing[int(values[":shard"]["N"])]}
        shard = self._shards[int(values[":shard"]["N"])]
        since, until = float(values[":since"]["N"]), float(values[":until"]["N"])
        begin = bisect.bisect_left(shard, (since, ""))
        end = bisect.bisect_right(shard, (until, "\U0010ffff"))
        if "ExclusiveStartKey" in asked:
            start = asked["ExclusiveStartKey"]
            place = (self._times[start["event_key"]["S"]], start["event_key"]["S"])
            end = min(end, bisect.bisect_left(shard, place))
        first = max(begin, end - asked["Limit"])
        found = [
            {**items.key(key), "shard": values[":shard"], "received_at": items.number(at)}
            for at, key in reversed(shard[first:end])
        ]
        return {"Items": found, **({"LastEvaluatedKey": found[-1]} if first > begin else {})}

    def batch_get_item(self, **asked: Any) -> dict[str, Any]:
        """Whole items by their keys."""
        self.calls["batch_get_item"] += 1
        [(table, wanted)] = asked["RequestItems"].items()
        return {"Responses": {table: [self._item(key["event_key"]["S"]) for key in wanted["Keys"]]}}

    def get_item(self, **asked: Any) -> dict[str, Any]:
        """One whole item."""
        self.calls["get_item"] += 1
        key = asked["Key"]["event_key"]["S"]
        return {"Item": self._item(key)} if key in self._times else {}

    def whole_items(self) -> Iterator[items.Item]:
        """Each event whole, the newest first."""
        return map(self._item, self.keys)

    def _item(self, key: str) -> items.Item:
        phone = f"+1555{int(key[-8:]) // EVENTS_A_PERSON:07d}"
        return {
            **self._model(key),
            **items.key(key),
            "shard": items.number(items.shard(key)),
            "received_at": items.number(self._times[key]),
            "sender_id": items.string(phone),
            "space_id": items.string(f"any;-;{phone}"),
        }

    def _model(self, key: str) -> items.Item:
        return self.models[int(key[-2:]) % KINDS_OF_EVENTS]


class OneSecret:
    """A Secrets Manager client that knows the destinations."""

    def get_secret_value(self, **_: Any) -> Mapping[str, str]:
        return {"SecretString": json.dumps(DESTINATIONS), "VersionId": "1"}


def target_of(table: BigTable) -> Target:
    """A stack around the table; nothing else of it is there."""

    def make(service: str) -> Any:
        if service == "dynamodb":
            return table
        if service == "secretsmanager":
            return OneSecret()
        return boto3.client(
            service,  # type: ignore[call-overload]
            region_name="us-east-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )

    names = (
        *("EndpointUrl", "EventsTableName", "EventsQueueUrl", "SlowQueueUrl"),
        *("EventsDeadLetterQueueUrl", "PayloadsBucketName", "WebhooksSecretId"),
        "DestinationsSecretId",
    )
    return Target("a big stack", "big", {name: name for name in names}, False, 1.0, make)
