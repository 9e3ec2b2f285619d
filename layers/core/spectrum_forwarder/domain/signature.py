"""Signatures: proving an inbound request, and signing what is sent to destinations.

Two schemes from the same secret text:

- v0, Spectrum's own: `v0=` + hex HMAC-SHA256 over `v0:{timestamp}:{body}`, keyed with the secret's
  text as it is. https://photon.codes, "Verify webhook signatures".
- Standard Webhooks: `v1,` + base64 HMAC-SHA256 over `{id}.{timestamp}.{body}`, keyed with the
  secret's text decoded from base64. https://www.standardwebhooks.com

Bodies are bytes as they travelled: parsing JSON and writing it again changes them.
"""

import base64
import binascii
import hmac
import re
from typing import NamedTuple

from spectrum_forwarder.domain.errors import (
    MalformedSignature,
    MalformedTimestamp,
    StaleTimestamp,
)

# Stricter than int() and str.isdigit(), which also take spaces, underscores and other scripts.
SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
TIMESTAMP = re.compile(r"[0-9]{10}")
PREFIX = "whsec_"
SPECTRUM_SECRET = re.compile(r"[0-9a-f]{64}")


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Return the v0 signature (67 characters) of `body` at `timestamp` (Unix seconds)."""
    return "v0=" + hmac.digest(secret.encode(), b"v0:%d:" % timestamp + body, "sha256").hex()


def key_of(secret: str) -> bytes | None:
    """The key that Standard Webhooks reads out of a secret's text; None where that is no base64.

    Without its padding too, as the libraries read it, and in the alphabet for URLs, which they do
    not read and whoever decodes it by hand does.
    """
    text = secret.removeprefix(PREFIX).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def sign_standard(secret: str, event_key: str, timestamp: int, body: bytes) -> str | None:
    """Return the Standard Webhooks signature, or None where the secret is not base64."""
    key = key_of(secret)
    if key is None:
        return None
    signed = f"{event_key}.{timestamp}.".encode() + body
    digest = hmac.digest(key, signed, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def parse_signature(value: str) -> bytes:
    """Return the signature header's value as bytes; raise MalformedSignature."""
    if not SIGNATURE.fullmatch(value):
        raise MalformedSignature
    return value.encode()


def parse_timestamp(value: str) -> int:
    """Return the timestamp header's value in Unix seconds; raise MalformedTimestamp."""
    if not TIMESTAMP.fullmatch(value):
        raise MalformedTimestamp
    return int(value)


def check_freshness(timestamp: int, now: float, tolerance: int) -> None:
    """Raise StaleTimestamp unless `timestamp` is within `tolerance` seconds of `now`, inclusive.

    Whole seconds are compared, as the sender signs whole seconds.
    """
    if abs(int(now) - timestamp) > tolerance:
        raise StaleTimestamp


class SignedBytes(NamedTuple):
    """What a request claims: this signature over this body at this timestamp."""

    signature: bytes
    timestamp: int
    body: bytes

    def __repr__(self) -> str:
        return f"SignedBytes(timestamp={self.timestamp})"

    @property
    def event_id(self) -> None:
        """v0 signs no id of the event's."""

    def by(self, secret: str) -> bool:
        """Whether `secret` made the signature; compares in constant time."""
        expected = sign(secret, self.timestamp, self.body).encode()
        return hmac.compare_digest(expected, self.signature)
