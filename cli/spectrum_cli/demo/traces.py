"""What the demo leaves in the stack, looked at from outside."""

from __future__ import annotations

import time
from collections.abc import Collection

from spectrum_forwarder.adapters.delivery_items import read_deliveries
from spectrum_forwarder.adapters.payloads import PREFIX
from spectrum_forwarder.adapters.quarantine_shelf import S3QuarantineShelf

from spectrum_cli.local.stack import LocalStack

READ_TABLE_SECONDS = 1.5


class Table:
    """The events table, looked at from outside now and then."""

    def __init__(self, stack: LocalStack) -> None:
        self._client = stack.client("dynamodb")
        self._name = stack.deployment.physical_ids["EventsTable"]
        self._read_at = 0.0

    def paused(self, names: Collection[str]) -> int:
        """How many deliveries, of events that owe no other, wait for these to be resumed.

        One that is sent somewhere else just when its batch goes out would have to follow that.
        """
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._name,
            ProjectionExpression="deliveries",
            FilterExpression="attribute_exists(deliveries)",
        )
        events = [read_deliveries(item["deliveries"]) for page in pages for item in page["Items"]]
        owed = [[each for each in event.values() if not each.settled] for event in events]
        return sum(
            delivery.waiting_for == "paused" and delivery.destination in names
            for deliveries in owed
            if len(deliveries) == 1
            for delivery in deliveries
        )

    def read(self) -> tuple[set[str], set[str]] | None:
        """The keys of all events and of those that owe nothing; None if it was read just now."""
        if time.monotonic() - self._read_at < READ_TABLE_SECONDS:
            return None
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._name,
            ProjectionExpression="event_key, due_at",
            # What is no event has no place in the log.
            FilterExpression="attribute_exists(received_at)",
        )
        items = [item for page in pages for item in page["Items"]]
        self._read_at = time.monotonic()
        stored = {item["event_key"]["S"] for item in items}
        return stored, {item["event_key"]["S"] for item in items if "due_at" not in item}


def in_bucket(stack: LocalStack) -> tuple[int, set[bytes]]:
    """How many events' bodies lie in the bucket, and the bodies that are in quarantine."""
    client, bucket = stack.client("s3"), stack.deployment.physical_ids["PayloadsBucket"]
    shelf = S3QuarantineShelf(client, bucket)
    kept = [found.id for page in shelf.pages() for found in page]
    suspects = [suspect.body for _, suspect in shelf.get_all(kept) if suspect is not None]
    bodies = client.list_objects_v2(Bucket=bucket, Prefix=PREFIX)
    return bodies["KeyCount"], set(suspects)
