"""What a line of the receiver's log says about a refused request: shapes, yet mostly enough."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from spectrum_forwarder.domain.inbound import REQUIRED_HEADERS

from spectrum_cli.diagnosis.causes import finding
from spectrum_cli.diagnosis.model import Finding
from spectrum_cli.terminal.errors import WrongUse

MISSING = {
    "x-spectrum-signature": "signature_missing",
    "x-spectrum-timestamp": "timestamp_missing",
    "x-spectrum-webhook-id": "webhook_id_missing",
}
SIGNATURE_FORMS = {
    "upper_case": "signature_upper_case",
    "without_prefix": "signature_without_prefix",
    "joined": "signature_joined",
    "truncated": "signature_truncated",
}
# Part of a refused request's shape → the cause that it hints at, what is meant, surest first.
HINTS = (
    ("byte_order_mark", "body_bom", "the body begins with a byte order mark"),
    ("utf_16", "body_charset", "the body looks like UTF-16"),
    ("base64_like", "body_base64", "the body looks like base64"),
    ("carriage_returns", "body_line_endings", "the body holds CRLF"),
    ("spaced_json", "body_reserialised", "Spectrum writes compact JSON, and this is spaced"),
    ("trailing_newline", "body_newline", "the body ends in a line break"),
)


def read(text: str) -> Mapping[str, Any]:
    """The fields of a `request.refused` line; a prefix before the JSON is passed over.

    Raises WrongUse.
    """
    start = text.find("{")
    try:
        fields = json.loads(text[start:]) if start >= 0 else None
    except ValueError:
        fields = None
    if not isinstance(fields, dict) or "code" not in fields:
        raise WrongUse(
            "this is no request.refused line of the receiver's log: copy the whole JSON line"
        )
    return fields


def explain(fields: Mapping[str, Any]) -> list[Finding]:
    """The findings that the shapes allow, from the refusal's code on."""
    cause = BY_STANDARD.get(str(fields["code"]))
    if cause and str(fields.get("tried")).startswith("standard="):
        return [finding(cause, f"As logged: {fields['tried']}.")]
    return BY_CODE.get(str(fields["code"]), _other)(fields)


def _missing(fields: Mapping[str, Any]) -> list[Finding]:
    missing = fields.get("missing") or []
    if set(missing) >= set(REQUIRED_HEADERS):
        return [finding("headers_stripped", "All three were missing.")]
    return [finding(MISSING[n], "The others were there.") for n in missing if n in MISSING]


def _without_secret(fields: Mapping[str, Any]) -> list[Finding]:
    return [finding("scheme_without_secret", f"As logged: {fields.get('tried') or 'standard'}.")]


def _signature(fields: Mapping[str, Any]) -> list[Finding]:
    length = fields.get("signature_length")
    form = fields.get("signature_form")
    by_form = SIGNATURE_FORMS.get(str(form), "signature_malformed")
    cause = by_form if form is not None else _by_length(length)
    return [finding(cause, f"It had {length} characters instead of 67.")]


def _by_length(length: object) -> str:
    """What the length alone says, in lines that were written without the form."""
    if not isinstance(length, int):
        return "signature_malformed"
    if length == 64:
        return "signature_without_prefix"
    if length >= 134:
        return "signature_joined"
    return "signature_truncated" if length < 67 else "signature_malformed"


def _timestamp(fields: Mapping[str, Any]) -> list[Finding]:
    length = fields.get("timestamp_length")
    causes = {13: "timestamp_milliseconds", 16: "timestamp_milliseconds", 21: "timestamp_joined"}
    cause = causes.get(length if isinstance(length, int) else 0, "timestamp_malformed")
    return [finding(cause, f"It had {length} characters instead of 10.", proved=cause[-1] == "d")]


def _stale(fields: Mapping[str, Any]) -> list[Finding]:
    skew = fields.get("skew_seconds")
    cause = "timestamp_future" if isinstance(skew, int) and skew < 0 else "timestamp_stale"
    return [finding(cause, f"It was {skew} s behind the receiver's clock.")]


def _mismatch(fields: Mapping[str, Any]) -> list[Finding]:
    if fields.get("body_bytes") == 0:
        return [finding("body_empty", "It had 0 bytes.", proved=False)]
    declared = fields.get("declared_bytes")
    received = fields.get("body_bytes")
    if isinstance(declared, int) and isinstance(received, int) and declared > received:
        evidence = f"Content-Length said {declared} bytes, and {received} came."
        return [finding("body_truncated", evidence, proved=False)]
    for field, cause, evidence in HINTS:
        if fields.get(field):
            return [finding(cause, f"As logged, {evidence}.", proved=False)]
    evidence = "Its shape, as logged, is that of a good request."
    return [finding("nothing_matches", evidence, proved=False)]


def _unknown(fields: Mapping[str, Any]) -> list[Finding]:
    shown = re.sub(r"[^\w-]", "?", str(fields.get("webhook_id", "")))[:100]
    return [finding("webhook_unknown", f"It says {shown}.")]


def _other(fields: Mapping[str, Any]) -> list[Finding]:
    raise WrongUse(
        f"{fields['code']} is the forwarder's own doubt, not the request's fault: see "
        "forwarder doctor"
    )


# Codes that both schemes share, where Standard Webhooks' is the first that it carries.
BY_STANDARD = {
    "missing_signature": "standard_header_missing",
    "missing_timestamp": "standard_header_missing",
    "malformed_signature": "standard_signature_malformed",
    "malformed_timestamp": "standard_timestamp_malformed",
}
BY_CODE = {
    "missing_headers": _missing,
    "unnamed_webhook": _missing,
    "missing_signature": _missing,
    "missing_timestamp": _missing,
    "scheme_without_secret": _without_secret,
    "missing_id": lambda _: [finding("standard_header_missing", "webhook-id was missing.")],
    "malformed_id": lambda _: [finding("standard_id_malformed", "As logged.")],
    "malformed_signature": _signature,
    "malformed_timestamp": _timestamp,
    "stale_timestamp": _stale,
    "signature_mismatch": _mismatch,
    "unknown_webhook": _unknown,
}
