"""A deployed stack's table filled with events as the functions would have left them."""

import time
from dataclasses import replace
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from spectrum_cli.local.intrinsics import ACCOUNT, REGION
from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.delivery_items import write_deliveries
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.domain.delivery import Attempted, Delivery, Status, planned, settled
from spectrum_forwarder.domain.event import make_event, pack
from spectrum_forwarder.domain.ports import StoredEvent
from spectrum_forwarder.domain.worker_ports import Record

from tests.support.make import WEBHOOK, body_of, stored_of
from tests.support.stacks import Deployed

DAY = 86_400.0


def delivered(name: str, at: float) -> Delivery:
    """A delivery that was taken at the first attempt."""
    done = settled(planned(name, at), Status.DELIVERED)
    return replace(done, attempts=1, history=(Attempted(at, 12, "200"),))


def dead(name: str, at: float) -> Delivery:
    """A delivery that was given up after twelve attempts."""
    given_up = settled(planned(name, at), Status.DEAD_LETTERED, "exhausted: 500")
    past = tuple(Attempted(at + n, 8, "500") for n in range(12))
    return replace(given_up, attempts=12, history=past)


def put(
    stack: Deployed, message_id: str, *deliveries: Delivery, received_at: float | None = None
) -> str:
    """Store an event, settled with these deliveries, or new without any; return its key."""
    at = time.time() if received_at is None else received_at
    table = DynamoEventTable(stack.client("dynamodb"), stack.outputs["EventsTableName"])
    stored = stored_of(message_id, received_at=at)
    table.put(stored, receipt=message_id, now=at, due_at=at + 75)
    if deliveries:
        table.claim(stored.event.key, owner="w", now=at, until=at + 75)
        due = None if all(d.settled for d in deliveries) else at + 1000
        record = Record({d.destination: d for d in deliveries}, due, None if due else at + 14 * DAY)
        table.record(stored.event.key, owner="w", record=record)
    return stored.event.key


def put_many(stack: Deployed, number: int, *, received_at: float) -> None:
    """Store many delivered events, one a second; behind moto's back, which takes seconds still."""
    table = dynamodb_backends[ACCOUNT][REGION].tables[stack.outputs["EventsTableName"]]
    for n in range(number):
        table.put_item(_item(n, received_at + n))


def _item(number: int, at: float) -> dict[str, Any]:
    body = body_of(f"many-{number}")
    event = make_event(
        source="main", webhook_id=WEBHOOK.id, received_at=at, signed_at=int(at), body=body
    )
    item = items.new_item(StoredEvent(event, pack(body)), receipt="r", due_at=at)
    del item["due_at"]
    return item | {"deliveries": write_deliveries({"crm": delivered("crm", at)})}
