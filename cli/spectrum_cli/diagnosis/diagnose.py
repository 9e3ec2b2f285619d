"""Diagnose: why a captured request does not verify, or that it does.

The story: read the headers, which mostly show by themselves what is wrong with them; then try what
may have happened to body, secret and timestamp until the signature is right. The signature is the
proof: a guess that matches is the cause. Nothing here tells what the right signature would be.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from spectrum_forwarder.domain.inbound import SIGNATURE_HEADER, TIMESTAMP_HEADER
from spectrum_forwarder.domain.signature import TIMESTAMP

from spectrum_cli.diagnosis import body_guesses, header_reading, key_guesses, standard
from spectrum_cli.diagnosis.causes import finding, from_guess
from spectrum_cli.diagnosis.model import Capture, Diagnosis, Finding, Guess, KnownSecret
from spectrum_cli.diagnosis.time_guesses import signed_times

TOLERANCE = 300
# What may be hashed in one search, so that a large body does not take minutes.
BUDGET_BYTES = 600_000_000
# What is found where no guess is right.
UNMATCHED = frozenset({"nothing_matches", "secret_malformed", "webhook_unknown"})

Guesses = Sequence[Guess[bytes]]


def diagnose(
    capture: Capture, secrets: Sequence[KnownSecret], *, now: float, tolerance: int = TOLERANCE
) -> Diagnosis:
    """Name what is wrong with the request; `now` (Unix seconds) counts where no receipt is known.

    Without secrets only what can be seen from outside is found.
    """
    stripped = header_reading.missing_all(capture)
    capture, renamed = header_reading.with_plain_names(capture)
    if standard.is_carried_by(capture):
        by_standard = standard.examine(capture, secrets)
        if by_standard.verifies or not capture.header(SIGNATURE_HEADER):
            return _in_time(by_standard, capture, now, tolerance)
    elif stripped and not renamed:
        return Diagnosis((stripped,), checked=bool(secrets))
    signature = header_reading.read_signature(capture)
    times, odd_time = header_reading.read_timestamp(capture)
    webhook_id, odd_id = header_reading.read_webhook_id(capture)
    found = [f for f in (renamed, signature.finding, odd_time, odd_id) if f]
    if secrets and signature.values:
        search = Search(capture, signature.values, tuple(times), secrets, webhook_id)
        found += search.findings(explained=odd_time is not None)
        if found and found[-1].cause in UNMATCHED:
            found[-1:] = _without_v0(secrets, webhook_id) or found[-1:]
    if not secrets and not found:
        found += _from_outside(capture)
    if not found or (capture.received_at is not None and not _time_explained(found)):
        found += _freshness(capture, TIMESTAMP_HEADER, now, tolerance)
    return Diagnosis(tuple(found), checked=bool(secrets))


def _in_time(found: Diagnosis, capture: Capture, now: float, tolerance: int) -> Diagnosis:
    """What was found by Standard Webhooks, and the age of what is right otherwise."""
    if found.findings:
        return found
    late = _freshness(capture, "webhook-timestamp", now, tolerance)
    return Diagnosis(tuple(late), found.checked)


def _without_v0(secrets: Sequence[KnownSecret], webhook_id: str | None) -> list[Finding]:
    """That the webhook's only secrets are those of another scheme."""
    own = [secret for secret in secrets if secret.webhook_id in (None, webhook_id)]
    if not own or not all(map(standard.is_standard, own)):
        return []
    evidence = "X-Spectrum-Signature is there, and no secret of v0."
    return [finding("scheme_without_secret", evidence)]


def _time_explained(found: Sequence[Finding]) -> bool:
    return any(one.cause.startswith("timestamp_") for one in found)


def _from_outside(capture: Capture) -> list[Finding]:
    if not capture.body:
        return [body_guesses.no_body(capture)]
    suspicion = body_guesses.suspicion(capture)
    return [suspicion] if suspicion else []


def _freshness(capture: Capture, name: str, now: float, tolerance: int) -> list[Finding]:
    text = capture.header(name)
    if not TIMESTAMP.fullmatch(text):
        return []
    known = capture.received_at is not None
    age = int(capture.received_at if capture.received_at is not None else now) - int(text)
    if abs(age) <= tolerance:
        return []
    over = abs(age) - tolerance
    when = "when it came in" if known else "by this machine's clock, now"
    side = "behind" if age > 0 else "ahead"
    evidence = (
        f"It is {abs(age)} s {side} {when}: {over} s outside of the window of {tolerance} s. "
        "The signature itself is right."
    )
    return [finding("timestamp_stale" if age > 0 else "timestamp_future", evidence)]


@dataclass(slots=True)
class Search:
    """Tries guesses until the signature is right. `digits` may be the first of them only."""

    capture: Capture
    digits: Sequence[str]
    times: tuple[Guess[bytes], ...]
    secrets: Sequence[KnownSecret]
    webhook_id: str | None
    left: int = BUDGET_BYTES

    def findings(self, *, explained: bool) -> list[Finding]:
        """What happened besides what the headers show; `explained` if the timestamp is spoilt."""
        right, spoilt = key_guesses.guesses(self.secrets, self.webhook_id)
        keys = [*right, *spoilt]
        if other := self._other_message(keys):
            return [other]
        bodies = list(body_guesses.guesses(self.capture.body))
        proof = next(self._proofs(bodies, keys), None)
        if proof is not None:
            return [told for guess in proof if (told := from_guess(guess))]
        moved = self._other_time(bodies[0].value, right)
        if explained and (moved or not self.times):
            # The header shows by itself that it is spoilt, and nothing else is, or can be told.
            return []
        if moved:
            return [moved]
        return [self._unproved()]

    def _proofs(self, bodies: Guesses, keys: Guesses) -> Iterator[tuple[Guess[bytes], ...]]:
        """Guesses that make the signature right, those that change the least first."""
        for changes in range(3):
            for time in self.times:
                for body in bodies:
                    for key in keys:
                        if bool(body.cause) + bool(key.cause) != changes:
                            continue
                        if self._matches(key.value, time.value, body.value):
                            yield body, key

    def _other_message(self, keys: Guesses) -> Finding | None:
        """Whether something else was signed than Spectrum signs."""
        body = self.capture.body
        for time in self.times:
            for prefix, cause, shown in (
                (b"", "signed_body_alone", "the body"),
                (time.value + b".", "signed_otherwise", "timestamp, full stop, body"),
                (time.value + b":", "signed_otherwise", "timestamp, colon, body"),
                (time.value, "signed_otherwise", "timestamp, body"),
                (b"v0:", "signed_otherwise", "v0:, body"),
            ):
                if any(self._signs(key.value, prefix + body) for key in keys):
                    return finding(cause, f"The signature is right for this: {shown}.")
        return None

    def _other_time(self, body: bytes, keys: Guesses) -> Finding | None:
        said = self.capture.header(TIMESTAMP_HEADER)
        for time in signed_times(self.capture):
            if any(self._matches(key.value, b"%d" % time, body) for key in keys):
                moved = f"{time - int(said):+d} s from it" if TIMESTAMP.fullmatch(said) else ""
                return finding("timestamp_altered", f"It was signed at {time}, {moved}.")
        return None

    def _matches(self, key: bytes, time: bytes, body: bytes) -> bool:
        return self._signs(key, b"v0:" + time + b":" + body)

    def _signs(self, key: bytes, message: bytes) -> bool:
        self.left -= len(message) + 200
        if self.left < 0:
            return False
        digest = hmac.digest(key, message, "sha256").hex()
        return any(digest.startswith(digits) for digits in self.digits)

    def _unproved(self) -> Finding:
        """The likeliest explanation where no guess is right."""
        if not self.capture.body:
            return body_guesses.no_body(self.capture)
        unknown = self._unknown_webhook()
        if unknown:
            return unknown
        explanations: list[Callable[[], Finding | None]] = [
            lambda: key_guesses.malformed(self.secrets, self.webhook_id),
            lambda: body_guesses.suspicion(self.capture),
        ]
        for explain in explanations:
            if explained := explain():
                return explained
        tried = "its body, secret and timestamp were tried in every form known"
        return finding("nothing_matches", f"No secret here made this signature: {tried}.")

    def _unknown_webhook(self) -> Finding | None:
        ids = {secret.webhook_id for secret in self.secrets}
        if None in ids or self.webhook_id is None or self.webhook_id in ids:
            return None
        evidence = f"{self.webhook_id[:100]} is not among the {len(ids)} known webhooks."
        return finding("webhook_unknown", evidence)
