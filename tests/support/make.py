"""Factories for test data."""

import hashlib
import json
import time
from collections.abc import Mapping

from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.event import Event, make_event, pack
from spectrum_forwarder.domain.ports import Secret, StoredEvent, Webhook
from spectrum_forwarder.domain.schemes import standard
from spectrum_forwarder.domain.signature import sign

WEBHOOK = Webhook(
    id="3f1c2b7e-0000-4000-8000-000000000001", signing_secret="5e" * 32, source="main"
)
# Of Standard Webhooks: those of CONTRACT's known answers.
WHSEC = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OTHER_WHSEC = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
NOW = 1_800_000_000.0
# A body of raw-inbound.v1, which wraps what the platform posted.
RAW_INBOUND = (
    b'{"type":"message.received","schemaVersion":1,"eventId":"evt_synth_0001",'
    b'"projectId":"prj-synth","platform":"telegram","prevSubjectSeq":16,'
    b'"receivedAt":"2026-11-27T09:08:00.000Z","request":{"method":"POST","path":"/telegram",'
    b'"headers":{"content-type":"application/json"},"bodyEncoding":"json",'
    b'"body":{"update_id":9},"rawBodyBase64":"eyJ1cGRhdGVfaWQiOjl9"}}'
)


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


def webhook_of(*secrets: str, v0: str = "", until: float | None = None) -> Webhook:
    """WEBHOOK with these Standard secrets, accepted `until` then, and this one of v0 or none."""
    standard_secrets = tuple(Secret(standard.NAME, text, until) for text in secrets)
    return WEBHOOK._replace(signing_secret=v0, secrets=standard_secrets)


def signed_headers(
    body: bytes,
    *,
    now: float | None = None,
    webhook: Webhook = WEBHOOK,
    scheme: str = "v0",
    event_id: str = "evt_0001",
) -> dict[str, str]:
    """The headers of a request as Spectrum signs it, by `v0`, `standard` or `both`.

    There is a Standard token for each of the webhook's secrets, as while one is replaced.
    """
    timestamp = int(time.time() if now is None else now)
    headers = {
        "content-type": "application/json",
        "x-spectrum-event": "messages",
        "x-spectrum-webhook-id": webhook.id,
    }
    if scheme != "standard":
        headers |= {
            "x-spectrum-timestamp": str(timestamp),
            "x-spectrum-signature": sign(webhook.signing_secret, timestamp, body),
        }
    if scheme != "v0":
        tokens = [
            standard.sign(secret, event_id, timestamp, body) for secret in standard.secrets(webhook)
        ]
        headers |= {
            "webhook-id": event_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(tokens),
        }
    return headers
