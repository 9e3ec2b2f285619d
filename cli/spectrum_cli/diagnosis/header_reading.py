"""What the headers were meant to say: each is read as it should be, or recognised as spoilt."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from spectrum_forwarder.domain.inbound import (
    REQUIRED_HEADERS,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    WEBHOOK_ID_HEADER,
)
from spectrum_forwarder.domain.signature import SIGNATURE, TIMESTAMP

from spectrum_cli.diagnosis.causes import finding
from spectrum_cli.diagnosis.model import Capture, Finding, Guess

HEX = re.compile(r"[0-9a-f]+")
BETWEEN = re.compile(r"[,;\s]+")
# Fewer digits than these would match by chance.
FEWEST_DIGITS = 8
# The names that CGI and some frameworks give to headers.
RENAMED = re.compile(r"(?:http[_-])?x[_-]spectrum[_-](signature|timestamp|webhook[_-]id)", re.I)


@dataclass(frozen=True, slots=True)
class Reading:
    """A header's finding, if it is spoilt, and the values that it may stand for."""

    values: Sequence[str]
    finding: Finding | None = None


def with_plain_names(capture: Capture) -> tuple[Capture, Finding | None]:
    """The capture with renamed X-Spectrum headers under their own names again."""
    renamed = {
        name: "x-spectrum-" + found[1].lower().replace("_", "-")
        for name, _ in capture.headers
        if (found := RENAMED.fullmatch(name)) and name.lower() not in REQUIRED_HEADERS
    }
    missing = [name for name in REQUIRED_HEADERS if not capture.header(name)]
    if not missing or not set(missing) & set(renamed.values()):
        return capture, None
    headers = tuple((renamed.get(name, name), value) for name, value in capture.headers)
    evidence = "Seen: " + ", ".join(sorted(renamed)) + "."
    return Capture(headers, capture.body, capture.received_at), finding("headers_renamed", evidence)


def missing_all(capture: Capture) -> Finding | None:
    """All three at once have one cause, not three."""
    if any(capture.header(name) for name in REQUIRED_HEADERS):
        return None
    names = sorted({name.lower() for name, _ in capture.headers})
    return finding("headers_stripped", "Seen: " + (", ".join(names) or "no header at all") + ".")


def read_signature(capture: Capture) -> Reading:
    """The hex digits (or the first of them) that the signature may stand for."""
    text = capture.header(SIGNATURE_HEADER)
    if not text:
        return Reading((), finding("signature_missing", "The other headers are there."))
    if SIGNATURE.fullmatch(text):
        return Reading((text.removeprefix("v0="),))
    for cause, candidates in _spoilt_signatures(text):
        digits = [digit for digit in candidates if HEX.fullmatch(digit)]
        if digits:
            evidence = f"It has {len(text)} characters instead of 67."
            return Reading(
                [digit for digit in digits if len(digit) >= FEWEST_DIGITS],
                finding(cause, _signature_evidence(cause, text) or evidence),
            )
    return Reading((), finding("signature_malformed", f"It has {len(text)} characters."))


def _spoilt_signatures(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each way to be spoilt that this may be, with the digits that it then stands for."""
    parts = [part for part in BETWEEN.split(text) if part]
    if len(parts) > 1 and any(SIGNATURE.fullmatch(part) for part in parts):
        whole = {part for part in parts if SIGNATURE.fullmatch(part)}
        yield "signature_joined", [part.removeprefix("v0=") for part in sorted(whole)]
    bare = text.strip("\"'")
    if bare != text and SIGNATURE.fullmatch(bare):
        yield "signature_quoted", [bare.removeprefix("v0=")]
    low = text.lower()
    if low != text and SIGNATURE.fullmatch(low):
        yield "signature_upper_case", [low.removeprefix("v0=")]
    if re.fullmatch(r"[0-9a-fA-F]{64}", text):
        yield "signature_without_prefix", [low]
    if re.fullmatch(r"v0=[0-9a-f]{0,63}", text):
        # Nothing after the prefix is still a truncation.
        yield "signature_truncated", [text.removeprefix("v0=") or "0"]
    if found := re.fullmatch(r"[A-Za-z0-9_-]{1,12}[=,:]\s*([0-9a-f]{64})", text):
        yield "signature_other_prefix", [found[1]]
    if decoded := _from_base64(text):
        yield "signature_base64", [decoded]
    cleaned = re.sub(r"\s", "", text)
    if cleaned != text and SIGNATURE.fullmatch(cleaned):
        yield "signature_malformed", [cleaned.removeprefix("v0=")]


def _signature_evidence(cause: str, text: str) -> str:
    if cause == "signature_joined":
        return f"It has {len(text)} characters: {text.count('v0=')} signatures instead of one."
    if cause == "signature_upper_case":
        return "It holds upper case letters; all else about it is right."
    return ""


def _from_base64(text: str) -> str:
    """The hex of a base64 digest of 32 bytes; else nothing."""
    try:
        digest = base64.b64decode(text.removeprefix("v0="), altchars=None, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return digest.hex() if len(digest) == 32 else ""


def read_timestamp(capture: Capture) -> tuple[list[Guess[bytes]], Finding | None]:
    """The texts that may have been signed as the timestamp, best first, and what is wrong."""
    text = capture.header(TIMESTAMP_HEADER)
    if not text:
        return [], finding("timestamp_missing", "The other headers are there.")
    if TIMESTAMP.fullmatch(text):
        return [Guess(text.encode())], None
    cause, seconds = _spoilt_timestamp(text)
    # It may have been spoilt on the way, or signed as it is.
    texts = [*seconds, text]
    shown = text[:40] if text.isascii() and text.isprintable() else f"{len(text)} characters"
    return [Guess(value.encode()) for value in texts], finding(cause, f"It says {shown}.")


def _spoilt_timestamp(text: str) -> tuple[str, list[str]]:
    parts = [part for part in BETWEEN.split(text) if part]
    if len(parts) > 1 and all(TIMESTAMP.fullmatch(part) for part in parts):
        return "timestamp_joined", sorted(set(parts))
    if re.fullmatch(r"[0-9]{13}|[0-9]{16}|[0-9]{19}", text):
        return "timestamp_milliseconds", [text[:10]]
    if found := re.fullmatch(r"([0-9]{10})\.[0-9]*", text):
        return "timestamp_fractional", [found[1], str(int(found[1]) + 1)]
    if moment := read_date(text):
        return "timestamp_date", [str(moment), str(moment + 1)]
    digits = "".join(character for character in text if character in "0123456789")
    return "timestamp_malformed", [digits] if len(digits) == 10 else []


def read_date(text: str) -> int | None:
    """Unix seconds of an ISO 8601 or HTTP date, taken for UTC where it does not say."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())


def read_webhook_id(capture: Capture) -> tuple[str | None, Finding | None]:
    """The webhook id, and what is wrong with its header."""
    text = capture.header(WEBHOOK_ID_HEADER)
    if not text:
        return None, finding("webhook_id_missing", "The other headers are there.")
    parts = [part for part in BETWEEN.split(text) if part]
    if len(parts) > 1:
        return parts[0].lower(), finding("webhook_id_joined", f"It holds {len(parts)} values.")
    # A UUID is the same in upper and lower case.
    return text.lower(), None
