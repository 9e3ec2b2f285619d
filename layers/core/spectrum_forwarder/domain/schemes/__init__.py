"""Schemes: how a request may be signed, a module each, and the proof of a request by any of them.

A request is proved by any scheme that it carries with any secret that is stored for its webhook: a
bad signature in one scheme does not spoil a good one in another. A new scheme is a module and a
name in `SCHEMES`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from spectrum_forwarder.domain.errors import (
    MissingSignature,
    NoSecretForScheme,
    SignatureMismatch,
    StaleTimestamp,
    Unproved,
)
from spectrum_forwarder.domain.inbound import InboundRequest
from spectrum_forwarder.domain.ports import Webhook
from spectrum_forwarder.domain.schemes import standard, v0
from spectrum_forwarder.domain.signature import check_freshness


class Claim(Protocol):
    """What a request says of itself in one scheme: it was signed at this time (Unix seconds)."""

    @property
    def timestamp(self) -> int:
        """When it was signed."""

    @property
    def event_id(self) -> str | None:
        """The event's id that was signed along; None where the scheme signs none."""

    def by(self, secret: str) -> bool:
        """Whether this secret made the signature; compares in constant time."""


class Scheme(Protocol):
    """One way of signing; a module."""

    @property
    def NAME(self) -> str:
        """What the log and the stored secrets call it."""

    @property
    def HEADERS(self) -> tuple[str, ...]:
        """Those that a request of this scheme has."""

    @property
    def FIELD(self) -> str:
        """Where a webhook's entry has the secrets."""

    def check(self, secret: str, /) -> str | None:
        """What is wrong with a secret that is to be stored, without the secret; None if nothing."""

    def secrets(self, webhook: Webhook, /) -> Iterable[str]:
        """The secrets that are stored for this scheme."""

    def read(self, request: InboundRequest, /) -> Claim:
        """The claim, read strictly; raise the Unproved that says what is wrong with it."""

    def readings(self, request: InboundRequest, /) -> Iterable[Claim]:
        """Every claim that headers which were spoilt on the way may stand for."""


SCHEMES: tuple[Scheme, ...] = (v0, standard)


class Proof(NamedTuple):
    """Who signed a request, when (Unix seconds), and by which schemes that is known.

    `event_id` is the event's id, if one of these signs it.
    """

    webhook: Webhook
    timestamp: int
    schemes: tuple[str, ...]
    event_id: str | None = None

    @property
    def scheme(self) -> str:
        """The schemes in a word: `v0`, `standard`, or `v0+standard` where both prove it."""
        return "+".join(self.schemes)

    def and_by(self, other: "Proof") -> "Proof":
        """Both proofs of the same webhook; the time is that of the first."""
        event_id = self.event_id or other.event_id
        return self._replace(schemes=self.schemes + other.schemes, event_id=event_id)


def is_signed(request: InboundRequest) -> bool:
    """Whether it carries a header of any scheme."""
    return any(_carries(request, scheme) for scheme in SCHEMES)


def unproved(request: InboundRequest, proof: Proof) -> str | None:
    """The schemes whose headers a request has and that did not prove it, in a word; or None.

    No secret of theirs is stored, or the signature is wrong: another scheme was enough.
    """
    names = [scheme.NAME for scheme in SCHEMES if _carries(request, scheme)]
    return "+".join(name for name in names if name not in proof.schemes) or None


def prove(
    request: InboundRequest, webhooks: Sequence[Webhook], *, now: float, tolerance: int
) -> Proof:
    """Who signed the request, and when, by every scheme that proves it.

    Raises Unproved: what is wrong by the first scheme that it carries, but the doubt first, if it
    carries one that nothing is stored for. A stale request is refused as such whatever its
    signature, which `verified` then tells of.
    """
    proof: Proof | None = None
    wrong: dict[str, Unproved] = {}
    for scheme in SCHEMES:
        if not _carries(request, scheme):
            continue
        try:
            known = webhooks if proof is None else [proof.webhook]
            found = _prove(scheme, request, known, now, tolerance)
        except Unproved as error:
            wrong[scheme.NAME] = error
        else:
            proof = found if proof is None else proof.and_by(found)
    if proof is None:
        raise _refusal(wrong)
    return proof


def prove_spoilt(request: InboundRequest, webhooks: Sequence[Webhook]) -> Proof | None:
    """Who signed the request, however its headers were spoilt: the signature decides.

    For requests that are looked at again on an operator's word; its age is not judged.
    """
    proof: Proof | None = None
    for scheme in SCHEMES:
        known = webhooks if proof is None else [proof.webhook]
        found = next(_spoilt(scheme, request, known), None)
        if found is not None:
            proof = found if proof is None else proof.and_by(found)
    return proof


def _spoilt(
    scheme: Scheme, request: InboundRequest, webhooks: Sequence[Webhook]
) -> Iterator[Proof]:
    for claim in scheme.readings(request):
        if (webhook := _signer(scheme, claim, webhooks)) is not None:
            yield Proof(webhook, claim.timestamp, (scheme.NAME,), claim.event_id)


def _carries(request: InboundRequest, scheme: Scheme) -> bool:
    return any(request.header(name) for name in scheme.HEADERS)


def _prove(
    scheme: Scheme,
    request: InboundRequest,
    webhooks: Sequence[Webhook],
    now: float,
    tolerance: int,
) -> Proof:
    if not any(True for webhook in webhooks for _ in scheme.secrets(webhook)):
        raise NoSecretForScheme(
            f"It carries {scheme.HEADERS[0]}, and no {scheme.FIELD} of this webhook is stored: "
            "store what Spectrum showed when the webhook was registered."
        )
    claim = scheme.read(request)
    webhook = _signer(scheme, claim, webhooks)
    try:
        check_freshness(claim.timestamp, now, tolerance)
    except StaleTimestamp as stale:
        raise StaleTimestamp(verified=webhook is not None) from stale
    if webhook is None:
        raise SignatureMismatch
    return Proof(webhook, claim.timestamp, (scheme.NAME,), claim.event_id)


def _refusal(wrong: dict[str, Unproved]) -> Unproved:
    """What to say of a request that these schemes do not prove."""
    doubts = [error for error in wrong.values() if isinstance(error, NoSecretForScheme)]
    first = next(iter([*doubts, *wrong.values()]), MissingSignature())
    verified = any(error.verified for error in wrong.values())
    tried = " ".join(f"{scheme}={error.code}" for scheme, error in wrong.items())
    return type(first)(first.detail, verified=verified, tried=tried)


def _signer(scheme: Scheme, claim: Claim, webhooks: Sequence[Webhook]) -> Webhook | None:
    for webhook in webhooks:
        if any(claim.by(secret) for secret in scheme.secrets(webhook)):
            return webhook
    return None
