"""Schemes: how a request may be signed, a module each, and the proof of a request by any of them.

A request is proved by any scheme that it carries with any secret that is stored for its webhook: a
bad signature in one scheme does not spoil a good one in another. A new scheme is a module and a
name in `SCHEMES`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from spectrum_forwarder.domain.errors import (
    MissingSignature,
    NoSecretForScheme,
    SignatureMismatch,
    StaleTimestamp,
    Unproved,
)
from spectrum_forwarder.domain.inbound import STANDARD_HEADERS, InboundRequest
from spectrum_forwarder.domain.ports import Webhook
from spectrum_forwarder.domain.schemes import v0
from spectrum_forwarder.domain.signature import check_freshness


class Claim(Protocol):
    """What a request says of itself in one scheme: it was signed at this time (Unix seconds)."""

    @property
    def timestamp(self) -> int:
        """When it was signed."""

    def by(self, secret: str) -> bool:
        """Whether this secret made the signature; compares in constant time."""


class Scheme(Protocol):
    """One way of signing; a module."""

    @property
    def HEADERS(self) -> tuple[str, ...]:
        """Those that a request of this scheme has."""

    def read(self, request: InboundRequest, /) -> Claim:
        """The claim, read strictly; raise the Unproved that says what is wrong with it."""

    def readings(self, request: InboundRequest, /) -> Iterable[Claim]:
        """Every claim that headers which were spoilt on the way may stand for."""

    def secrets(self, webhook: Webhook, /) -> Iterable[str]:
        """The secrets that are stored for this scheme."""


SCHEMES: tuple[Scheme, ...] = (v0,)
# Headers of schemes that are not checked here: what carries no other is our doubt, no forgery.
UNREAD = STANDARD_HEADERS

Proof = tuple[Webhook, Claim]


def prove(
    request: InboundRequest, webhooks: Sequence[Webhook], *, now: float, tolerance: int
) -> Proof:
    """Who signed the request, and when, by the first scheme that proves it.

    Raises Unproved: what is wrong by the first scheme that it carries. A stale request is refused
    as such whatever its signature, which `verified` then tells of.
    """
    refusal: Unproved | None = None
    for scheme in SCHEMES:
        if not _carries(request, scheme.HEADERS):
            continue
        try:
            return _prove(scheme, request, webhooks, now, tolerance)
        except Unproved as error:
            refusal = refusal or error
    if refusal is None:
        refusal = NoSecretForScheme() if _carries(request, UNREAD) else MissingSignature()
    raise refusal


def proofs(request: InboundRequest, webhooks: Sequence[Webhook]) -> Iterator[Proof]:
    """Who signed the request, however its headers were spoilt: the signature decides.

    For requests that are looked at again on an operator's word; its age is not judged.
    """
    for scheme in SCHEMES:
        for claim in scheme.readings(request):
            if (webhook := _signer(scheme, claim, webhooks)) is not None:
                yield webhook, claim


def _carries(request: InboundRequest, headers: Iterable[str]) -> bool:
    return any(request.header(name) for name in headers)


def _prove(
    scheme: Scheme,
    request: InboundRequest,
    webhooks: Sequence[Webhook],
    now: float,
    tolerance: int,
) -> Proof:
    claim = scheme.read(request)
    webhook = _signer(scheme, claim, webhooks)
    try:
        check_freshness(claim.timestamp, now, tolerance)
    except StaleTimestamp as stale:
        raise StaleTimestamp(verified=webhook is not None) from stale
    if webhook is None:
        raise SignatureMismatch
    return webhook, claim


def _signer(scheme: Scheme, claim: Claim, webhooks: Sequence[Webhook]) -> Webhook | None:
    for webhook in webhooks:
        if any(claim.by(secret) for secret in scheme.secrets(webhook)):
            return webhook
    return None
