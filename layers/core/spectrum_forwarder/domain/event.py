"""An event: a verified request, what it is deduplicated on, and what the log shows of it."""

import hashlib
import json
import re
import zlib
from dataclasses import dataclass, field
from typing import Any

# Safe in a header, a log line and a URL, and still what a person would search for.
PLAIN_ID = re.compile(r"[A-Za-z0-9:._/-]{1,200}")
SOURCE = re.compile(r"[A-Za-z0-9_-]{1,100}")
HASHED = "sha256:"
# The source of events that only prove that the way through the forwarder is open.
CANARY_SOURCE = "forwarder-canary"
LONGEST_LABEL = 200


@dataclass(frozen=True, slots=True)
class Event:
    """A verified request.

    Times are Unix seconds. `kind`, `space_id` and `sender_id` are for the log alone: cleaned,
    shortened, and None where the body does not say. `content_type` is the inbound header's.
    """

    key: str
    webhook_id: str
    received_at: float
    signed_at: int
    body: bytes = field(repr=False)
    kind: str | None = None
    space_id: str | None = None
    sender_id: str | None = field(default=None, repr=False)
    content_type: str | None = None


def make_event(
    *,
    source: str,
    webhook_id: str,
    received_at: float,
    signed_at: int,
    body: bytes,
    content_type: str | None = None,
) -> Event:
    """Make an event of an authentic body; any bytes are accepted.

    The key is `{source}:{message.id}` for a `messages` event whose id is a plain token,
    `{source}:sha256:{hex}` of the id where it is not, and of the whole body where there is none.
    """
    content = _parse(body)
    kind = content.get("event")
    message, space = _object(content.get("message")), _object(content.get("space"))
    return Event(
        key=f"{source}:{_identity(kind, message.get('id'), body)}",
        webhook_id=webhook_id,
        received_at=received_at,
        signed_at=signed_at,
        body=body,
        kind=_label(kind),
        space_id=_label(space.get("id")),
        sender_id=_label(_object(message.get("sender")).get("id")),
        # Unsigned, and only worth keeping as it is: what cannot be kept must not stop the event.
        content_type=content_type if _label(content_type) == content_type else None,
    )


def is_canary(event_key: str) -> bool:
    """Whether the event only proves that the way through the forwarder is open."""
    return event_key.startswith(f"{CANARY_SOURCE}:")


def pack(body: bytes) -> bytes:
    """Compress a body for storing."""
    return zlib.compress(body)


def unpack(packed: bytes) -> bytes:
    """Undo `pack`."""
    return zlib.decompress(packed)


def _identity(kind: object, message_id: object, body: bytes) -> str:
    # Only `messages` is known to repeat its id for the same event alone: another event about
    # the same message would be taken for a duplicate, and lost.
    if kind != "messages" or not isinstance(message_id, str) or not message_id:
        return HASHED + hashlib.sha256(body).hexdigest()
    if PLAIN_ID.fullmatch(message_id) and not message_id.startswith(HASHED):
        return message_id
    return HASHED + hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()


def _parse(body: bytes) -> dict[str, Any]:
    try:
        # Numbers are not looked at, and Python refuses to convert one of 5,000 digits.
        content = json.loads(body, parse_int=_ignore, parse_float=_ignore)
    except (ValueError, RecursionError):
        return {}
    return _object(content)


def _ignore(_: str) -> None:
    return None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _label(value: object) -> str | None:
    """A string as the log can hold it: lone surrogates replaced, shortened; else None."""
    if not isinstance(value, str) or not value:
        return None
    return value[:LONGEST_LABEL].encode("utf-8", "replace").decode()
