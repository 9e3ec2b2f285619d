"""Whose samples are: a webhook's id and the secrets that sign them, scheme by scheme."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace

from spectrum_forwarder.domain.ports import Webhook
from spectrum_forwarder.domain.schemes import standard, v0
from spectrum_forwarder.domain.schemes.standard import PREFIX
from spectrum_forwarder.domain.signature import sign

__all__ = ["PREFIX", "SCHEMES", "TEST_KEYS", "Keys", "event_id_of"]

# Known to everybody who can read this: for files and tests, never for a registration.
TEST_WEBHOOK_ID = "00000000-0000-4000-8000-00000000c0de"
TEST_SECRET = "0123456789abcdef" * 4
# The second one replaced the first, which is valid for a while yet.
TEST_STANDARD_SECRETS = (
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=",
)
SIGNATURE, TIMESTAMP = "X-Spectrum-Signature", "X-Spectrum-Timestamp"
# `rotated` is `standard` while one secret replaces another: two tokens.
SCHEMES = ("v0", "standard", "both", "rotated")


@dataclass(frozen=True, slots=True)
class Keys:
    """A webhook's secrets: at most one of v0, and any number of Standard Webhooks'."""

    webhook_id: str
    secret: str | None = field(repr=False)
    standard_secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, webhook: Webhook) -> Keys:
        """What is stored for a webhook."""
        return cls(
            webhook.id, next(iter(v0.secrets(webhook)), None), tuple(standard.secrets(webhook))
        )

    def by(self, scheme: str) -> Keys | None:
        """Those that a scheme of SCHEMES signs with; None where they are not stored."""
        if scheme == "v0":
            found, wanted = replace(self, standard_secrets=()), bool(self.secret)
        elif scheme == "rotated":
            # Where the other secret is not stored, nobody can tell its token from any other.
            further = [one for one in TEST_STANDARD_SECRETS if one not in self.standard_secrets]
            both = (*further[:1], *self.standard_secrets)[-2:]
            found, wanted = replace(self, secret=None, standard_secrets=both), self._has_standard
        else:
            newest = self.standard_secrets[-1:]
            found, wanted = replace(self, standard_secrets=newest), self._has_standard
            if scheme == "standard":
                found = replace(found, secret=None)
            else:
                wanted = wanted and bool(self.secret)
        return found if wanted else None

    @property
    def _has_standard(self) -> bool:
        return bool(self.standard_secrets)

    def headers(self, body: bytes, timestamp: int) -> dict[str, str]:
        """The headers that prove a body, of each scheme that there is a secret of."""
        headers: dict[str, str] = {}
        if self.secret is not None:
            headers |= {
                TIMESTAMP: str(timestamp),
                SIGNATURE: sign(self.secret, timestamp, body),
            }
        if self.standard_secrets:
            event_id = event_id_of(body)
            tokens = [
                standard.sign(secret, event_id, timestamp, body) for secret in self.standard_secrets
            ]
            headers |= {
                "webhook-id": event_id,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": " ".join(tokens),
            }
        return headers


TEST_KEYS = Keys(TEST_WEBHOOK_ID, TEST_SECRET, TEST_STANDARD_SECRETS)


def event_id_of(body: bytes) -> str:
    """The id that an event goes out under: of a raw body its own, else the same for all copies."""
    try:
        content = json.loads(body)
        event_id = content.get("eventId") if isinstance(content, dict) else None
    except (ValueError, RecursionError):
        event_id = None
    if isinstance(event_id, str) and event_id.isascii() and event_id.isprintable() and event_id:
        return event_id
    return "evt_" + hashlib.sha256(body).hexdigest()[:24]
