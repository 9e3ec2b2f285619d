"""Factories for test data."""

import hashlib
import json
import time
from collections.abc import Mapping

from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.event import Event, make_event, pack
from spectrum_forwarder.domain.ports import StoredEvent, Webhook
from spectrum_forwarder.domain.signature import sign

WEBHOOK = Webhook(
    id="3f1c2b7e-0000-4000-8000-000000000001", signing_secret="5e" * 32, source="main"
)
NOW = 1_800_000_000.0


def body_of(message_id: str = "spc-msg-1", **content: object) -> bytes:
    """A text message as Spectrum sends it."""
    message = {
        "id": message_id,
        "platform": "iMessage",
        "direction": "inbound",
        "timestamp": "2027-01-15T08:00:00Z",
        "sender": {"id": "+15550100", "platform": "iMessage"},
        "content": {"type": "text", "text": "hello"} | content,
    }
    whole = {"event": "messages", "space": {"id": "space-1"}, "message": message}
    return json.dumps(whole, separators=(",", ":")).encode()


def changed(body: bytes, **parts: Mapping[str, object]) -> bytes:
    """The body with other values in some fields of its parts: `space`, `message`."""
    whole = json.loads(body)
    for name, values in parts.items():
        whole[name] |= values
    return json.dumps(whole, separators=(",", ":")).encode()


def event_of(message_id: str = "spc-msg-1", *, received_at: float = NOW) -> Event:
    """A verified event."""
    return make_event(
        source=WEBHOOK.source,
        webhook_id=WEBHOOK.id,
        received_at=received_at,
        signed_at=int(received_at),
        body=body_of(message_id),
        content_type="application/json",
    )


def stored_of(message_id: str = "spc-msg-1", *, received_at: float = NOW) -> StoredEvent:
    """A verified event as it is stored."""
    event = event_of(message_id, received_at=received_at)
    return StoredEvent(event, pack(event.body))


def destination_of(name: str, **changes: object) -> Destination:
    """A destination that takes everything."""
    secret = hashlib.sha256(name.encode()).hexdigest()
    values = {"name": name, "url": f"https://{name}.example.com/", "signing_secret": secret}
    return Destination(**(values | changes))  # type: ignore[arg-type]


def signed_headers(
    body: bytes, *, now: float | None = None, webhook: Webhook = WEBHOOK
) -> dict[str, str]:
    """The headers of a request as Spectrum signs it."""
    timestamp = int(time.time() if now is None else now)
    return {
        "content-type": "application/json",
        "x-spectrum-event": "messages",
        "x-spectrum-webhook-id": webhook.id,
        "x-spectrum-timestamp": str(timestamp),
        "x-spectrum-signature": sign(webhook.signing_secret, timestamp, body),
    }
