"""Samples: synthetic requests as Spectrum sends them, signed, and those that must be refused.

Owns headers and signatures; the bodies are in `bodies`, whose names are also found here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from spectrum_cli.samples.bodies import (
    CONTENT_KINDS,
    CONTENT_TYPES,
    KINDS,
    ODD_KINDS,
    PLATFORMS,
    SENT_AT,
    SITUATION_KINDS,
    USUAL,
    make_body,
)
from spectrum_cli.samples.keys import (
    SIGNATURE,
    TEST_SECRET,
    TEST_WEBHOOK_ID,
    TIMESTAMP,
    Keys,
)

__all__ = [
    "CONTENT_KINDS",
    "CONTENT_TYPES",
    "FLAWS",
    "KINDS",
    "ODD_KINDS",
    "PLATFORMS",
    "SENT_AT",
    "SIGNATURE",
    "SITUATION_KINDS",
    "TEST_SECRET",
    "TEST_WEBHOOK_ID",
    "TIMESTAMP",
    "USUAL",
    "Flaw",
    "SampleRequest",
    "flawed",
    "make_body",
    "signed",
]

USER_AGENT = "spectrum-webhook/0.1.0"
FORGERS_SECRET = "f" * 64
FORGERS_STANDARD_SECRET = "whsec_" + "f" * 43 + "="
STANDARD_ID, STANDARD_TIMESTAMP, STANDARD_SIGNATURE = (
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
)
UNKNOWN_WEBHOOK_ID = "00000000-0000-4000-8000-00000000dead"

WEBHOOK_ID = "X-Spectrum-Webhook-Id"
EVENT = "X-Spectrum-Event"
# Far outside of any window that a clock could excuse, and still ten digits.
LONG_AGO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """One POST, ready to be sent: headers as Spectrum spells them, and the exact body."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def signed(
    body: bytes,
    *,
    webhook_id: str,
    secret: str | None,
    timestamp: int,
    content_type: str | None = None,
    standard_secrets: tuple[str, ...] = (),
) -> SampleRequest:
    """Return the request that Spectrum would send with this body at `timestamp` (Unix seconds).

    It is signed in each scheme that a secret is given of.
    """
    headers = {
        "Content-Type": content_type or "application/json",
        "User-Agent": USER_AGENT,
        WEBHOOK_ID: webhook_id,
        **Keys(webhook_id, secret, standard_secrets).headers(body, timestamp),
    }
    event = _event_of(body)
    return SampleRequest(headers | ({EVENT: event} if event else {}), body)


def _event_of(body: bytes) -> str | None:
    """The body's `event`, which Spectrum mirrors in a header, if it has a plain one."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    event = content.get("event") if isinstance(content, dict) else None
    return event if isinstance(event, str) and event.isascii() and event.isprintable() else None


# ---- What must be refused ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flaw:
    """One way to be refused: how a good request is spoilt, and the answer it gets."""

    status: int
    code: str
    spoil: Callable[[SampleRequest], SampleRequest] = field(repr=False)


def flawed(
    flaw: str,
    body: bytes,
    *,
    webhook_id: str,
    secret: str | None,
    timestamp: int,
    standard_secrets: tuple[str, ...] = (),
) -> SampleRequest:
    """Return a request with one of `FLAWS`; apart from that it is right. Raises KeyError.

    It is spoilt in each scheme that a secret is given of; those of V0_ALONE only in v0.
    """
    if flaw in WRONGLY_SIGNED_AT:
        timestamp = WRONGLY_SIGNED_AT[flaw](timestamp)
    if flaw == "forged":
        if secret is not None:
            secret = FORGERS_SECRET if secret != FORGERS_SECRET else TEST_SECRET
        standard_secrets = (FORGERS_STANDARD_SECRET,) * len(standard_secrets)
    good = signed(
        body,
        webhook_id=webhook_id,
        secret=secret,
        standard_secrets=standard_secrets,
        timestamp=timestamp,
    )
    return FLAWS[flaw].spoil(good)


WRONGLY_SIGNED_AT: Mapping[str, Callable[[int], int]] = {
    "stale": lambda _: LONG_AGO,
    "from_the_future": lambda timestamp: timestamp + 3600,
}


def _as_it_is(request: SampleRequest) -> SampleRequest:
    return request


def _without(*names: str) -> Callable[[SampleRequest], SampleRequest]:
    def spoil(request: SampleRequest) -> SampleRequest:
        kept = {key: value for key, value in request.headers.items() if key not in names}
        return replace(request, headers=kept)

    return spoil


def _headers(*names: str, change: Callable[[str], str]) -> Callable[[SampleRequest], SampleRequest]:
    """Spoil each value of those of these headers that are there: a signature may have several."""

    def spoil(request: SampleRequest) -> SampleRequest:
        changed = {
            name: " ".join(map(change, request.headers[name].split()))
            for name in names
            if name in request.headers
        }
        return replace(request, headers=dict(request.headers) | changed)

    return spoil


def _body(change: Callable[[bytes], bytes]) -> Callable[[SampleRequest], SampleRequest]:
    return lambda request: replace(request, body=change(request.body))


def _written_again(body: bytes) -> bytes:
    """What a proxy that parses JSON and writes it again makes of the body."""
    return json.dumps(json.loads(body)).encode()


SIGNATURES, TIMESTAMPS = (SIGNATURE, STANDARD_SIGNATURE), (TIMESTAMP, STANDARD_TIMESTAMP)
FLAWS: Mapping[str, Flaw] = {
    "forged": Flaw(401, "signature_mismatch", _as_it_is),
    "changed_body": Flaw(401, "signature_mismatch", _body(lambda body: body + b" ")),
    "rewritten_body": Flaw(401, "signature_mismatch", _body(_written_again)),
    "stale": Flaw(401, "stale_timestamp", _as_it_is),
    "from_the_future": Flaw(401, "stale_timestamp", _as_it_is),
    "without_signature": Flaw(401, "missing_signature", _without(*SIGNATURES)),
    "without_timestamp": Flaw(401, "missing_timestamp", _without(*TIMESTAMPS)),
    "without_headers": Flaw(
        400,
        "missing_headers",
        _without(WEBHOOK_ID, *SIGNATURES, *TIMESTAMPS, EVENT, STANDARD_ID),
    ),
    "truncated_signature": Flaw(
        401, "malformed_signature", _headers(*SIGNATURES, change=lambda value: value[:-3])
    ),
    "upper_case_signature": Flaw(
        401,
        "malformed_signature",
        _headers(SIGNATURE, change=lambda value: "v0=" + value[3:].upper()),
    ),
    "doubled_signature": Flaw(
        401, "malformed_signature", _headers(*SIGNATURES, change=lambda value: f"{value},{value}")
    ),
    "underscored_timestamp": Flaw(
        401,
        "malformed_timestamp",
        _headers(*TIMESTAMPS, change=lambda value: f"{value[:3]}_{value[4:]}"),
    ),
    # In Standard Webhooks alone it is `stale_timestamp`: the length of a time is not told there.
    "milliseconds": Flaw(
        401, "malformed_timestamp", _headers(*TIMESTAMPS, change=lambda value: value + "000")
    ),
    "unknown_webhook": Flaw(
        503, "unknown_webhook", _headers(WEBHOOK_ID, change=lambda _: UNKNOWN_WEBHOOK_ID)
    ),
}
# What has no meaning in Standard Webhooks, and why.
V0_ALONE: Mapping[str, str] = {
    "upper_case_signature": "the base64 of Standard Webhooks has both cases, and v0's hex one",
}
