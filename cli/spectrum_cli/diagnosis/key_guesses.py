"""What the signing key may have been, by what usually happens to secrets."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from itertools import chain, product

from spectrum_forwarder.domain.signature import SPECTRUM_SECRET

from spectrum_cli.diagnosis.causes import finding
from spectrum_cli.diagnosis.model import Finding, Guess, KnownSecret, distinct

DIGITS = "0123456789abcdef"
BLANKS = " \t\r\n\x0b\x0c\x00\ufeff\u00a0\u200b"
WHOLE = 64
# More missing digits than these are too many to be tried.
MOST_MISSING = 2


def guesses(
    secrets: Sequence[KnownSecret], webhook_id: str | None
) -> tuple[list[Guess[bytes]], list[Guess[bytes]]]:
    """The keys that are right as they stand, and those that something happened to.

    A secret that does not say whose it is counts as this webhook's.
    """
    own = [secret for secret in secrets if secret.webhook_id in (None, webhook_id)]
    others = [secret for secret in secrets if secret.webhook_id not in (None, webhook_id)]
    known = own if webhook_id is not None else [*own, *others]
    right = [Guess(secret.key) for secret in known]
    foreign = (
        Guess(
            secret.key,
            "secret_of_another_webhook",
            f"The request says {webhook_id}, and the secret is that of {secret.webhook_id}.",
        )
        for secret in others
    )
    spoilt = chain(foreign, *(_spoilt(secret.key) for secret in known))
    taken = {guess.value for guess in right}
    return right, [guess for guess in distinct(spoilt) if guess.value not in taken]


def malformed(secrets: Sequence[KnownSecret], webhook_id: str | None) -> Finding | None:
    """The finding that this webhook's only secret cannot be one."""
    own = [secret for secret in secrets if secret.webhook_id in (None, webhook_id)]
    texts = [secret.key.decode("utf-8", "replace") for secret in own]
    if not texts or any(SPECTRUM_SECRET.fullmatch(text) for text in texts):
        return None
    if re.fullmatch(rf"[0-9a-f]{{1,{WHOLE - 1}}}", texts[0]):
        return finding("secret_truncated", f"It has {len(texts[0])} of {WHOLE} characters.")
    return finding("secret_malformed", f"It has {len(texts[0])} characters.")


def _spoilt(key: bytes) -> Iterator[Guess[bytes]]:
    if len(key) == WHOLE // 2:
        yield Guess(key.hex().encode(), "secret_hex_decoded", "It is 32 bytes instead of 64.")
    text = key.decode("utf-8", "replace")
    size = f"It has {len(text)} characters"
    yield _mended(text.strip(BLANKS), "secret_whitespace", f"{size}, white space among them.")
    yield _mended(
        "".join(c for c in text if c not in BLANKS),
        "secret_whitespace",
        f"{size}, white space among them.",
    )
    for quotes in ("\"'`", "\\\"'`" + BLANKS):
        yield _mended(text.strip(quotes), "secret_quoted", f"{size}, quotes among them.")
    yield _mended(text.lower(), "secret_upper_case", "It holds upper case letters.")
    yield from _encoded(text)
    if found := re.search(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", text):
        yield _mended(found[0], "secret_decorated", f"{size}, 64 of which are the secret.")
    yield from _shortened(text)
    yield from _misused(text)


def _mended(text: str, cause: str, evidence: str) -> Guess[bytes]:
    return Guess(text.encode("utf-8", "surrogatepass"), cause, evidence)


def _encoded(text: str) -> Iterator[Guess[bytes]]:
    packed = text.strip(BLANKS).removeprefix("whsec_")
    try:
        decoded = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return
    # Hex digits are base64 as well, but of the wrong length.
    if len(decoded) in (WHOLE, WHOLE // 2):
        key = decoded if len(decoded) == WHOLE else decoded.hex().encode()
        yield Guess(key, "secret_base64", f"It is {len(packed)} characters of base64.")


def _shortened(text: str) -> Iterator[Guess[bytes]]:
    missing = WHOLE - len(text)
    if not 0 < missing <= MOST_MISSING or not re.fullmatch("[0-9a-f]*", text):
        return
    for digits in product(DIGITS, repeat=missing):
        for whole in (text + "".join(digits), "".join(digits) + text):
            evidence = f"It has {len(text)} of {WHOLE} characters."
            yield Guess(whole.encode(), "secret_truncated", evidence)


def _misused(text: str) -> Iterator[Guess[bytes]]:
    """What a script may have signed with, though the secret itself is right."""
    if not SPECTRUM_SECRET.fullmatch(text):
        return
    how = "The secret that is stored is right."
    yield Guess(bytes.fromhex(text), "signed_with_decoded_secret", how)
    yield Guess(base64.b64decode(text), "signed_with_base64_decoded_secret", how)
    yield Guess(text.encode() + b"\n", "signed_with_newline", how)
    yield Guess(text.upper().encode(), "signed_with_upper_case", how)
    yield Guess(b"", "signed_with_empty_secret", how)
