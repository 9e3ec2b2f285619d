"""Mistakes that people make with webhooks, and the sentence that `diagnose` says of each."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import quote_plus

from spectrum_cli.samples.requests import SIGNATURE, TEST_SECRET

from tests.support.mangle import MANGLED
from tests.support.spoilt import NOW, Case, good, signed_by, with_body


def signed_over(message: Callable[[bytes], bytes]) -> Case:
    """As `good`, but with something else signed."""
    case = good()
    digest = hmac.digest(TEST_SECRET.encode(), message(case.body), "sha256").hex()
    return replace(case, headers={**case.headers, SIGNATURE: f"v0={digest}"})


def not_captured(declared: str) -> Case:
    case = good()
    return replace(case, headers={**case.headers, "Content-Length": declared}, body=b"")


# Name → (case, the one cause).
FURTHER: Mapping[str, tuple[Case, str]] = {
    "form_field": (with_body(lambda b: b"payload=" + quote_plus(b).encode()), "body_form"),
    "form_second_field": (
        with_body(lambda b: b"token=x&payload=" + quote_plus(b).encode() + b"&v=1"),
        "body_form",
    ),
    "python_bytes": (with_body(lambda b: repr(b).encode()), "body_python_repr"),
    "python_text": (with_body(lambda b: repr(b.decode()).encode()), "body_python_repr"),
    "python_dict": (with_body(lambda b: repr(json.loads(b)).encode()), "body_python_repr"),
    "python_dict_cut": (
        with_body(lambda b: repr(json.loads(b)).encode()[:80]),
        "body_python_repr",
    ),
    "not_captured": (not_captured("341"), "body_not_captured"),
    "empty_and_says_so": (not_captured("0"), "body_empty"),
    "signed_base64_decoded": (
        signed_by(base64.b64decode(TEST_SECRET)),
        "signed_with_base64_decoded_secret",
    ),
    "signed_body_alone": (signed_over(bytes), "signed_body_alone"),
    "signed_with_full_stop": (signed_over(lambda b: b"%d." % NOW + b), "signed_otherwise"),
    "signed_without_version": (signed_over(lambda b: b"%d:" % NOW + b), "signed_otherwise"),
    "signed_without_time": (signed_over(lambda b: b"v0:" + b), "signed_otherwise"),
}

# What somebody did → what is said. A case of MANGLED or FURTHER.
MISTAKES: Mapping[str, str] = {
    "body-empty": "the body is empty",
    "body-python_dumps": "the JSON was parsed and written again",
    "body-go": "the JSON was parsed and written again",
    "body-newline_added": "a line break at the end was added or removed",
    "body-crlf_to_lf": "the line endings were changed",
    "body-bom_added": "a byte order mark was added or removed",
    "body-blank_added": "blanks around the body were added or removed",
    "body-latin_1_mojibake": "the body was decoded as another charset",
    "body-decomposed": "its Unicode text was normalised",
    "body-base64": "the body is still base64",
    "body-gzip": "the body is still compressed",
    "body-quoted": "the body was written as a JSON string",
    "body-url_encoded": "the body was URL-encoded",
    "body-html_escaped": "the body was HTML-escaped",
    "body-doubled": "the body arrived twice in one request",
    "body-extended": "something was added to the body",
    "body-truncated": "the body is cut short",
    "form_field": "the body was put into a form",
    "python_bytes": "the body is as Python prints it, not as it came",
    "python_dict": "the body is as Python prints it, not as it came",
    "not_captured": "the body is not in what was saved",
    "signature-stripped": "every X-Spectrum-* header is missing",
    "signature-cgi_names": "the X-Spectrum-* headers arrived under other names",
    "signature-signature_missing": "X-Spectrum-Signature is missing",
    "signature-signature_cut": "the signature is cut short",
    "signature-upper_case": "the signature is in upper case",
    "signature-sha256_prefix": "the signature has another prefix than v0=",
    "signature-joined": "the signature arrived more than once, joined into one value",
    "signature-base64": "the signature is base64, not hex",
    "time-missing": "X-Spectrum-Timestamp is missing",
    "time-milliseconds": "the timestamp is in milliseconds",
    "time-iso": "the timestamp is a date, not Unix time",
    "time-another_zone": "the timestamp is not the one that was signed",
    "time-stale": "the timestamp is too old",
    "time-future": "the timestamp lies in the future",
    "secret-blank_inside": "the stored secret has white space in it",
    "secret-quotes": "the stored secret stands in quotes",
    "secret-last_character_lost": "the stored secret is cut short",
    "secret-wrong": "it was signed with a secret that is not known here, or changed beyond",
    "secret-signed_with_bytes": "it was signed with the hex-decoded secret",
    "secret-signed_with_nothing": "it was signed with an empty secret",
    "signed_base64_decoded": "it was signed with the base64-decoded secret",
    "signed_body_alone": "it was signed over the body alone",
    "signed_with_full_stop": "it was signed over something else than Spectrum signs",
}
ALL: Mapping[str, tuple[Case, str]] = {**MANGLED, **FURTHER}
