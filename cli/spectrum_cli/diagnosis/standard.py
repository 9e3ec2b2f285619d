"""Diagnose by Standard Webhooks: the same story as for v0, told of its own headers and secrets."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator, Sequence

from spectrum_forwarder.domain.errors import (
    MalformedId,
    MalformedSignature,
    MalformedTimestamp,
    Unproved,
)
from spectrum_forwarder.domain.inbound import WEBHOOK_ID_HEADER, InboundRequest
from spectrum_forwarder.domain.schemes import standard

from spectrum_cli.diagnosis import body_guesses
from spectrum_cli.diagnosis.causes import finding, from_guess
from spectrum_cli.diagnosis.model import Capture, Diagnosis, Finding, Guess, KnownSecret

HEADERS = standard.HEADERS
CAUSES: dict[type[Unproved], str] = {
    MalformedId: "standard_id_malformed",
    MalformedSignature: "standard_signature_malformed",
    MalformedTimestamp: "standard_timestamp_malformed",
}


def is_standard(secret: KnownSecret) -> bool:
    """Whether it is meant for Standard Webhooks, right or spoilt."""
    return standard.PREFIX.encode() in secret.key


def is_carried_by(capture: Capture) -> bool:
    """Whether a request has any of its headers."""
    return any(capture.header(name) for name in HEADERS)


def examine(capture: Capture, secrets: Sequence[KnownSecret]) -> Diagnosis:
    """What is wrong with a request that carries its headers, but for its age."""
    checked = bool(secrets)
    webhook_id = capture.header(WEBHOOK_ID_HEADER).lower() or None
    known = [secret for secret in secrets if is_standard(secret)]
    own = [_text(secret) for secret in known if secret.webhook_id in (None, webhook_id)]
    others = [_text(secret) for secret in known if secret.webhook_id not in (None, webhook_id)]
    if secrets and webhook_id is not None and not any(map(_is_usable, own)):
        return Diagnosis((_no_secret(own),), checked)
    try:
        claim = standard.read(_request(capture))
    except Unproved as error:
        return Diagnosis((_misread(error, capture),), checked)
    if not secrets:
        return Diagnosis((), checked)
    usable, foreign = (list(filter(_is_usable, texts)) for texts in (own, others))
    proof = next(_proofs(claim, capture, usable, foreign), None)
    if proof is None:
        wrong = (
            _undecoded(claim, own)
            or body_guesses.suspicion(capture)
            or finding(
                "nothing_matches",
                f"None of {len(claim.signatures)} token(s) was made by a secret known here.",
            )
        )
        return Diagnosis((wrong,), checked)
    return Diagnosis(tuple(told for guess in proof if (told := from_guess(guess))), checked)


def _proofs(
    claim: standard.SignedEvent, capture: Capture, own: Sequence[str], others: Sequence[str]
) -> Iterator[tuple[Guess[bytes], ...]]:
    """Guesses that make a token right, those that change the least first."""
    # Without a webhook id any secret may be the one, as for the receiver.
    foreign = "secret_of_another_webhook" if capture.header(WEBHOOK_ID_HEADER) else ""
    keys = [(text, "") for text in own] + [(text, foreign) for text in others]
    for body in body_guesses.guesses(capture.body):
        guessed = standard.SignedEvent(
            claim.signatures, claim.event_id, claim.signed_at, body.value
        )
        for text, cause in keys:
            if guessed.by(text):
                yield body, Guess(b"", cause, "A token is that of another webhook's secret.")


def _undecoded(claim: standard.SignedEvent, own: Sequence[str]) -> Finding | None:
    """Whether a secret's text was the key, and not the bytes that it stands for."""
    signed = f"{claim.event_id}.{claim.signed_at}.".encode("utf-8", "surrogatepass") + claim.body
    for text in own:
        for key in (text, text.removeprefix(standard.PREFIX)):
            digest = hmac.digest(key.encode(), signed, "sha256")
            if base64.b64encode(digest) in claim.signatures:
                return finding(
                    "signed_with_undecoded_secret", "The secret that is stored is right."
                )
    return None


def _request(capture: Capture) -> InboundRequest:
    return InboundRequest({name: capture.header(name) for name in HEADERS}, capture.body)


def _text(secret: KnownSecret) -> str:
    return secret.key.decode("utf-8", "replace").strip()


def _is_usable(secret: str) -> bool:
    return standard.check(secret) is None


def _misread(error: Unproved, capture: Capture) -> Finding:
    if type(error) in CAUSES:
        return finding(CAUSES[type(error)], "As it stands in the header.")
    missing = [name for name in HEADERS if not capture.header(name)]
    return finding("standard_header_missing", f"Missing: {', '.join(missing)}.")


def _no_secret(texts: Sequence[str]) -> Finding:
    if not texts:
        return finding("scheme_without_secret", "webhook-signature is there, and no whsec_ secret.")
    return finding("standard_secret_malformed", f"It {standard.check(texts[0])}.")
