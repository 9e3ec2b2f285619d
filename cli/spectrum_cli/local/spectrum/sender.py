"""Spectrum's deliveries: both signatures from their published rules, and the sender's retries.

Nothing of the forwarder's own signing is used here: what one gets wrong the other would not notice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from spectrum_cli.local.spectrum.registered import Registered

# Seconds between the six attempts.
PAUSES = (0.2, 1.0, 5.0, 10.0, 10.0)
TIMEOUT = 10.0


@dataclass(frozen=True)
class Delivered:
    """What came of one event at one registration; `status` is the last attempt's, None for none."""

    body: bytes = field(repr=False)
    webhook_id: str
    status: int | None
    attempts: int

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def deliver(
    registered: Registered,
    body: bytes,
    *,
    pace: float = 1.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Delivered:
    """Send an event, and again as long as it may be worth it. `pace` scales the pauses."""
    event_id, status, attempts = f"evt_{uuid.uuid4().hex}", None, 0
    for pause in (*PAUSES, None):
        status, attempts = post(registered, body, event_id), attempts + 1
        again = status is None or status in (408, 429) or status >= 500
        if not again or pause is None:
            break
        sleep(pause * pace)
    return Delivered(body, registered.id, status, attempts)


def post(registered: Registered, body: bytes, event_id: str) -> int | None:
    """One attempt, signed anew; None where no answer came."""
    parts = urlsplit(registered.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=TIMEOUT)
    try:
        headers = signed_headers(registered, body, event_id, int(time.time()))
        connection.request("POST", parts.path or "/", body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def signed_headers(
    registered: Registered, body: bytes, event_id: str, timestamp: int
) -> dict[str, str]:
    """v0 always; Standard Webhooks' with a token for each secret that signs at the time."""
    digest = _hmac(registered.secret.encode(), f"v0:{timestamp}:".encode() + body).hex()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "spectrum-webhook/0.1.0",
        "X-Spectrum-Event": "messages",
        "X-Spectrum-Webhook-Id": registered.id,
        "X-Spectrum-Timestamp": str(timestamp),
        "X-Spectrum-Signature": f"v0={digest}",
    }
    secrets = registered.signing(timestamp)
    if secrets:
        signed = f"{event_id}.{timestamp}.".encode() + body
        headers |= {
            "webhook-id": event_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(_token(secret, signed) for secret in secrets),
        }
    return headers


def _token(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(_hmac(key, signed)).decode()


def _hmac(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()
