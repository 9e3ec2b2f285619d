"""Messages and headers as the vendor signs them, by the published rules alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

Headers = dict[str, str]


def whsec(length: int, seed: int) -> str:
    """A Standard secret of so many bytes."""
    return "whsec_" + base64.b64encode(bytes((seed * n) % 251 for n in range(length))).decode()


def v0(webhook: str, secret: str, body: bytes, at: int | str) -> Headers:
    """Spectrum's own scheme."""
    digest = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "x-spectrum-event": "messages",
        "x-spectrum-webhook-id": webhook,
        "x-spectrum-timestamp": str(at),
        "x-spectrum-signature": f"v0={digest}",
    }


def standard(webhook: str, body: bytes, at: int | str, event_id: str, *secrets: str) -> Headers:
    """Standard Webhooks, a token for each secret."""
    signed = f"{event_id}.{at}.".encode() + body
    tokens = [
        base64.b64encode(
            hmac.new(base64.b64decode(secret[6:]), signed, hashlib.sha256).digest()
        ).decode()
        for secret in secrets
    ]
    return {
        "x-spectrum-event": "messages",
        "x-spectrum-webhook-id": webhook,
        "webhook-id": event_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{token}" for token in tokens),
    }


def message(message_id: str, **more: object) -> bytes:
    """A message of a platform whose ids repeat."""
    space = {"id": "C0SYNTH", "platform": "slack"}
    content = {
        "id": message_id,
        "direction": "inbound",
        "timestamp": "2026-11-27T10:00:00.000Z",
        "sender": {"id": "U0SYNTH"},
        "space": space,
        "content": {"type": "text", "text": "hello"},
    }
    return json.dumps({"event": "messages", "space": space, "message": content | more}).encode()
