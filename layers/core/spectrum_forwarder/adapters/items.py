"""How an event stands in the table: DynamoDB's typed items to domain values and back."""

import zlib
from typing import Any

from spectrum_forwarder.domain.delivery import Attempted, Deliveries, Delivery, Status
from spectrum_forwarder.domain.ports import SHARDS, Claimed, Existing, StoredEvent

Item = dict[str, Any]


def number(value: float) -> dict[str, str]:
    """A number, to the millisecond."""
    return {"N": f"{value:.3f}".rstrip("0").rstrip(".")}


def string(value: str) -> dict[str, str]:
    """A string."""
    return {"S": value}


def key(event_key: str) -> Item:
    """The primary key."""
    return {"event_key": string(event_key)}


def shard(event_key: str) -> int:
    """Which partition of the indexes the event is in."""
    return zlib.crc32(event_key.encode()) % SHARDS


def new_item(stored: StoredEvent, *, receipt: str, due_at: float) -> Item:
    """The item of an event that nobody has looked at yet."""
    event = stored.event
    item: Item = {
        **key(event.key),
        "shard": number(shard(event.key)),
        "received_at": number(event.received_at),
        "signed_at": number(event.signed_at),
        "webhook_id": string(event.webhook_id),
        "receipt": string(receipt),
        "due_at": number(due_at),
    }
    optional = {
        "kind": event.kind,
        "space_id": event.space_id,
        "sender_id": event.sender_id,
        "content_type": event.content_type,
        "payload": stored.payload,
    }
    item |= {name: string(value) for name, value in optional.items() if value}
    if stored.packed is not None:
        item["body"] = {"B": stored.packed}
    return item


def read_existing(item: Item) -> Existing:
    """What the receiver wants to know of an event that was there already."""
    return Existing(due_at=_number(item, "due_at"), claimed_until=_number(item, "claim_until") or 0)


def read_claimed(item: Item) -> Claimed:
    """An event as it is after a claim."""
    return Claimed(
        event_key=item["event_key"]["S"],
        owner=item["claim_owner"]["S"],
        until=float(item["claim_until"]["N"]),
        claims=int(item["claims"]["N"]),
        webhook_id=item["webhook_id"]["S"],
        received_at=float(item["received_at"]["N"]),
        kind=_string(item, "kind"),
        content_type=_string(item, "content_type"),
        packed=_bytes(item),
        payload=_string(item, "payload"),
        deliveries=read_deliveries(item["deliveries"]) if "deliveries" in item else None,
    )


def write_deliveries(deliveries: Deliveries) -> Item:
    """The map attribute of all deliveries."""
    return {"M": {name: {"M": _write_delivery(d)} for name, d in deliveries.items()}}


def read_deliveries(attribute: Item) -> dict[str, Delivery]:
    """Undo `write_deliveries`."""
    return {name: _read_delivery(name, value["M"]) for name, value in attribute["M"].items()}


def _write_delivery(delivery: Delivery) -> Item:
    item: Item = {
        "status": string(delivery.status.value),
        "attempts": number(delivery.attempts),
        "planned_at": number(delivery.planned_at),
        "next_attempt_at": number(delivery.next_attempt_at),
    }
    if delivery.reason:
        item["reason"] = string(delivery.reason)
    if delivery.waiting_for:
        item["waiting_for"] = string(delivery.waiting_for)
    if delivery.replays:
        item["replays"] = number(delivery.replays)
    if delivery.history:
        lines = (
            f"{entry.at:.3f} {entry.milliseconds} {entry.answer}" for entry in delivery.history
        )
        item["history"] = {"L": [string(line) for line in lines]}
    return item


def _read_delivery(name: str, item: Item) -> Delivery:
    return Delivery(
        destination=name,
        planned_at=float(item["planned_at"]["N"]),
        next_attempt_at=float(item["next_attempt_at"]["N"]),
        status=Status(item["status"]["S"]),
        attempts=int(item["attempts"]["N"]),
        reason=_string(item, "reason"),
        waiting_for=_string(item, "waiting_for"),
        history=tuple(_read_attempted(line["S"]) for line in item.get("history", {"L": []})["L"]),
        replays=int(_number(item, "replays") or 0),
    )


def _read_attempted(line: str) -> Attempted:
    at, milliseconds, answer = line.split(" ", 2)
    return Attempted(float(at), int(milliseconds), answer)


def _number(item: Item, name: str) -> float | None:
    return float(item[name]["N"]) if name in item else None


def _string(item: Item, name: str) -> str | None:
    return str(item[name]["S"]) if name in item else None


def _bytes(item: Item) -> bytes | None:
    return bytes(item["body"]["B"]) if "body" in item else None
