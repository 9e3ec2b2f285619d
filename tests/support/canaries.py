"""Bodies that hold what nobody may tell."""

from __future__ import annotations

from tests.support.make import WEBHOOK, body_of

CANARIES = {
    "text": "canary-of-a-text-7d1f",
    "phone": "+15550173",
    "name": "canary-of-a-name-93ab",
    "signing secret": WEBHOOK.signing_secret,
    "destination's secret": "c4" * 32,
    "header": "canary-of-a-header-51c0",
}


def telling_body(message_id: str, *, size: int = 0) -> bytes:
    """A message in which they stand; `size` more bytes of it do not compress well."""
    filler = {"filler": _noise(size)} if size else {}
    sender = {"id": CANARIES["phone"], "name": CANARIES["name"]}
    return body_of(message_id, text=CANARIES["text"], contact=sender, **filler)


def _noise(size: int) -> str:
    """Text that does not compress well, the same each time."""
    state, digits = 1, []
    for _ in range(size // 8):
        state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        digits.append(f"{state >> 16:012x}")
    return "".join(digits)
