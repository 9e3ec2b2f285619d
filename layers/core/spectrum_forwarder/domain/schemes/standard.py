"""Standard Webhooks: webhook-signature, over webhook-id, webhook-timestamp and the body.

The header holds a token for each secret that was valid when it was signed, divided by blanks; one
that matches is enough, and those of other versions are passed over. https://www.standardwebhooks.com
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from spectrum_forwarder.domain.errors import (
    MalformedId,
    MalformedSignature,
    MalformedTimestamp,
    MissingId,
    MissingSignature,
    MissingTimestamp,
)
from spectrum_forwarder.domain.inbound import STANDARD_HEADERS, InboundRequest
from spectrum_forwarder.domain.ports import Webhook

NAME = "standard"
HEADERS = STANDARD_HEADERS
FIELD = "standard_secrets"
PREFIX = "whsec_"
# Bytes that the base64 after the prefix stands for.
SHORTEST_KEY, LONGEST_KEY = 24, 64
# Patterns are compiled when a request comes that is signed so, not at every cold start.
# `v1,` and 32 bytes in canonical base64: the last digit before the `=` has two bits to spare.
TOKEN = r"v1,([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)"
# More digits than any time has that could be fresh, and few enough to be converted quickly.
TIMESTAMP = r"[0-9]{1,20}"
# What may stand around and between the parts of a header that was quoted, or sent twice.
AROUND = r"[,;\s\"']+"
MOST_PARTS = 8


class SignedEvent(NamedTuple):
    """What a request claims: one of these signatures over this event at this time."""

    signatures: tuple[bytes, ...]
    event_id: str
    signed_at: str
    body: bytes

    def __repr__(self) -> str:
        return f"SignedEvent(event_id={self.event_id!r}, signed_at={self.signed_at!r})"

    @property
    def timestamp(self) -> int:
        """When it was signed."""
        return int(self.signed_at)

    def by(self, secret: str) -> bool:
        """Whether `secret` made one of the signatures; compares in constant time."""
        expected = sign(secret, self.event_id, self.signed_at, self.body)[len("v1,") :].encode()
        return any([hmac.compare_digest(expected, signature) for signature in self.signatures])


def sign(secret: str, event_id: str, timestamp: int | str, body: bytes) -> str:
    """The token of a secret (`whsec_…`) on this event at `timestamp` (Unix seconds)."""
    signed = f"{event_id}.{timestamp}.".encode("utf-8", "surrogatepass") + body
    digest = hmac.digest(base64.b64decode(secret.removeprefix(PREFIX)), signed, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def check(secret: str) -> str | None:
    """See `Scheme`."""
    length: int | None = None
    if secret.startswith(PREFIX):
        try:
            length = len(base64.b64decode(secret.removeprefix(PREFIX), validate=True))
        except (binascii.Error, ValueError):
            length = None
    if length is not None and SHORTEST_KEY <= length <= LONGEST_KEY:
        return None
    stands_for = "" if length is None else f", {length} bytes of key"
    return (
        f"must be '{PREFIX}' and the base64 of {SHORTEST_KEY} to {LONGEST_KEY} bytes; "
        f"this one has {len(secret)} characters{stands_for}"
    )


def secrets(webhook: Webhook) -> Iterator[str]:
    """See `Scheme`."""
    return (secret.text for secret in webhook.secrets if secret.scheme == NAME)


def read(request: InboundRequest) -> SignedEvent:
    """See `Scheme`."""
    signature, timestamp, event_id = map(request.header, HEADERS)
    for value, missing in (
        (signature, MissingSignature),
        (timestamp, MissingTimestamp),
        (event_id, MissingId),
    ):
        if not value:
            raise missing
    if "." in event_id:
        raise MalformedId
    if not re.fullmatch(TIMESTAMP, timestamp):
        raise MalformedTimestamp
    tokens = (re.fullmatch(TOKEN, part) for part in signature.split())
    signatures = tuple(token[1].encode() for token in tokens if token)
    if not signatures:
        raise MalformedSignature
    return SignedEvent(signatures, event_id, timestamp, request.body)


def readings(request: InboundRequest) -> Iterator[SignedEvent]:
    """See `Scheme`. Headers may be quoted or joined."""
    signature, timestamp, event_id = map(request.header, HEADERS)
    signatures = tuple(found[1].encode() for found in re.finditer(TOKEN, signature))
    times = [part for part in _parts(timestamp) if re.fullmatch(TIMESTAMP, part)]
    ids = [part for part in dict.fromkeys([event_id, *_parts(event_id)]) if "." not in part]
    for signed_at, id_ in product(times, ids):
        if signatures and id_:
            yield SignedEvent(signatures, id_, signed_at, request.body)


def _parts(text: str) -> list[str]:
    return list(dict.fromkeys(re.split(AROUND, text)))[:MOST_PARTS]
