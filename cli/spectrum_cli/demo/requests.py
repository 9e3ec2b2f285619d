"""What the demo sends: bodies, and how each is signed."""

from __future__ import annotations

import base64
import os
import time
import uuid
import zlib

from spectrum_cli.local.registry_files import MadeUpWebhook
from spectrum_cli.samples.bodies import SENT_AT, compact, delivery
from spectrum_cli.samples.keys import Keys
from spectrum_cli.samples.requests import SampleRequest, signed

TAKEN_IN_TURN = ("v0", "standard", "both")
# Only the bucket can hold such a body, however it is packed.
LARGE_BYTES = 600_000


def large_body() -> bytes:
    """A text message that cannot be packed into much less."""
    noise = base64.b64encode(os.urandom(LARGE_BYTES * 3 // 4)).decode()
    return compact(delivery({"type": "text", "text": noise}, f"spc-msg-{uuid.uuid4()}", SENT_AT))


def signed_now(body: bytes, webhook: MadeUpWebhook, scheme: str | None = None) -> SampleRequest:
    """The request with this body, signed at this moment; a body's scheme is always the same."""
    keys = Keys(webhook.id, webhook.signing_secret, (webhook.standard_secret,))
    found = keys.by(scheme or TAKEN_IN_TURN[zlib.crc32(body) % len(TAKEN_IN_TURN)])
    assert found is not None, "it has a secret of each scheme"
    return signed(
        body,
        webhook_id=found.webhook_id,
        secret=found.secret,
        standard_secrets=found.standard_secrets,
        timestamp=int(time.time()),
    )
