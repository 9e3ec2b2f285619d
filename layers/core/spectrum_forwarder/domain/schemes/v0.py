"""Spectrum's own scheme: X-Spectrum-Signature, over X-Spectrum-Timestamp and the body."""

import re
from collections.abc import Iterator
from itertools import product

from spectrum_forwarder.domain.errors import MissingSignature, MissingTimestamp
from spectrum_forwarder.domain.inbound import SIGNATURE_HEADER, TIMESTAMP_HEADER, InboundRequest
from spectrum_forwarder.domain.ports import Webhook
from spectrum_forwarder.domain.signature import (
    SPECTRUM_SECRET,
    TIMESTAMP,
    SignedBytes,
    parse_signature,
    parse_timestamp,
)

NAME = "v0"
HEADERS = (SIGNATURE_HEADER, TIMESTAMP_HEADER)
FIELD = "signing_secret"
# What may stand around and between the parts of a header that was quoted, or sent twice. Compiled
# when a request is looked at again, not at every cold start.
AROUND = r"[,;\s\"']+"
DIGITS = r"(?:v0=)?([0-9a-f]{64})"
# More signatures and times in one header were not put there by a proxy.
MOST_PARTS = 8


def check(secret: str) -> str | None:
    """See `Scheme`."""
    if SPECTRUM_SECRET.fullmatch(secret):
        return None
    return f"must be 64 lowercase hex digits; this one has {len(secret)} characters"


def secrets(webhook: Webhook) -> tuple[str, ...]:
    """See `Scheme`."""
    further = [secret.text for secret in webhook.secrets if secret.scheme == NAME]
    return (webhook.signing_secret, *further) if webhook.signing_secret else tuple(further)


def read(request: InboundRequest) -> SignedBytes:
    """See `Scheme`."""
    signature, timestamp = request.header(SIGNATURE_HEADER), request.header(TIMESTAMP_HEADER)
    if not signature:
        raise MissingSignature
    if not timestamp:
        raise MissingTimestamp
    return SignedBytes(parse_signature(signature), parse_timestamp(timestamp), request.body)


def readings(request: InboundRequest) -> Iterator[SignedBytes]:
    """See `Scheme`. Headers may be quoted, joined, in upper case, or without their prefix."""
    signatures = [
        f"v0={found[1]}".encode()
        for part in _parts(request.header(SIGNATURE_HEADER).lower())
        if (found := re.fullmatch(DIGITS, part))
    ]
    timestamps = [
        int(part) for part in _parts(request.header(TIMESTAMP_HEADER)) if TIMESTAMP.fullmatch(part)
    ]
    for signature, timestamp in product(signatures, timestamps):
        yield SignedBytes(signature, timestamp, request.body)


def _parts(text: str) -> list[str]:
    return list(dict.fromkeys(re.split(AROUND, text)))[:MOST_PARTS]
