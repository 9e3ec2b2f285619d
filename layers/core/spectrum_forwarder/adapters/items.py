"""How an event stands in the table when it comes: DynamoDB's typed items and domain values."""

import zlib
from typing import Any

from spectrum_forwarder.domain.event import FORMAT, USUAL_SCHEME
from spectrum_forwarder.domain.ports import SHARDS, Existing, StoredEvent

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
        "v": number(FORMAT),
        # Half as long in bytes, and named in short: an item is paid by the kilobyte.
        "fp": {"B": bytes.fromhex(event.fingerprint)},
    }
    optional = {
        "kind": event.kind,
        "space_id": event.space_id,
        "sender_id": event.sender_id,
        "mt": event.message_type,
        "content_type": event.content_type,
        "content_encoding": event.content_encoding,
        "first_id": event.first_id,
        "payload": stored.payload,
        "via": event.via,
        "scheme": event.scheme if event.scheme != USUAL_SCHEME else None,
        "also": event.also,
    }
    item |= {name: string(value) for name, value in optional.items() if value}
    if event.signed_id is not None:
        item["sid"] = {"B": bytes.fromhex(event.signed_id)}
    if stored.packed is not None:
        item["body"] = {"B": stored.packed}
    return item


def read_existing(item: Item) -> Existing:
    """What the receiver wants to know of an event that was there already."""
    return Existing(
        due_at=number_in(item, "due_at"),
        claimed_until=number_in(item, "claim_until") or 0,
        received_at=number_in(item, "received_at") or 0.0,
        fingerprint=bytes(item["fp"]["B"]).hex() if "fp" in item else None,
        packed=bytes(item["body"]["B"]) if "body" in item else None,
        payload=string_in(item, "payload"),
        signed_id=bytes(item["sid"]["B"]).hex() if "sid" in item else None,
        signed_at=int(number_in(item, "signed_at") or 0) or None,
        webhook_id=string_in(item, "webhook_id"),
    )


def format_of(item: Item) -> int:
    """The form that the event is stored in; 0 on an item of 0.1.0."""
    return int(number_in(item, "v") or 0)


def number_in(item: Item, name: str) -> float | None:
    """The number of this name, if there is one."""
    return float(item[name]["N"]) if name in item else None


def string_in(item: Item, name: str) -> str | None:
    """The string of this name, if there is one."""
    return str(item[name]["S"]) if name in item else None
