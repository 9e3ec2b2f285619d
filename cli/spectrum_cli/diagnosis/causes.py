"""Every cause that a diagnosis can name: what it is called, and how it is mended."""

from __future__ import annotations

from collections.abc import Mapping

from spectrum_cli.diagnosis.model import Finding, Guess

RAW_BODY = (
    "Verify the raw bytes as they arrived, before anything parses them, and switch off whatever "
    "rewrites bodies between Spectrum and the endpoint."
)
PASS_HEADERS = "Let the proxy in front of the endpoint pass X-Spectrum-* headers on unchanged."
STORE_SECRET = (
    "Store the secret as Spectrum showed it, 64 lowercase hex characters and nothing else: "
    "forwarder webhooks import."
)
SIGN_RIGHT = "In the script that signs: use the secret's 64 characters as text, unchanged."
SIGN_WHOLE = (
    "In the script that signs: HMAC over v0:, the timestamp, a colon and the body, as forwarder "
    "sample does it."
)

# Cause → (title, fix).
CAUSES: Mapping[str, tuple[str, str]] = {
    # ---- headers
    "headers_stripped": ("every X-Spectrum-* header is missing", PASS_HEADERS),
    "headers_renamed": ("the X-Spectrum-* headers arrived under other names", PASS_HEADERS),
    "signature_missing": ("X-Spectrum-Signature is missing", PASS_HEADERS),
    "scheme_without_secret": (
        "no secret is stored for the scheme that it is signed by",
        "Store it beside the other, as Spectrum showed it: signing_secret for "
        "X-Spectrum-Signature, standard_secrets (whsec_…) for webhook-signature. What came "
        "meanwhile is in the quarantine.",
    ),
    "standard_header_missing": (
        "a header of Standard Webhooks is missing",
        "Let the proxy in front of the endpoint pass webhook-id, webhook-timestamp and "
        "webhook-signature on unchanged.",
    ),
    "standard_signature_malformed": (
        "no part of webhook-signature is a signature",
        "One has to be 'v1,' and 44 characters of base64, divided from others by a blank: see "
        "what the proxy in between makes of it.",
    ),
    "standard_timestamp_malformed": (
        "webhook-timestamp is not Unix time in whole seconds",
        "Send it as it was signed: digits alone.",
    ),
    "standard_id_malformed": (
        "webhook-id holds a full stop",
        "In the script that signs: a full stop divides what is signed, so no id may hold one.",
    ),
    "standard_secret_malformed": (
        "the stored Standard Webhooks secret is not one",
        "Store it as Spectrum showed it: whsec_ and base64, nothing else.",
    ),
    "signature_truncated": (
        "the signature is cut short",
        "Raise the limit on header lengths of the proxy or the log that cut it: it must be 67 "
        "characters.",
    ),
    "signature_upper_case": (
        "the signature is in upper case",
        "Send it as Spectrum does, in lowercase: hex digests are compared as text.",
    ),
    "signature_without_prefix": (
        "the signature lacks its prefix v0=",
        "Send the header whole: v0= and 64 hex digits.",
    ),
    "signature_other_prefix": (
        "the signature has another prefix than v0=",
        "Check which header was taken for X-Spectrum-Signature: only v0= is Spectrum's.",
    ),
    "signature_joined": (
        "the signature arrived more than once, joined into one value",
        "Something adds the header a second time: set it once, not append it.",
    ),
    "signature_quoted": ("the signature stands in quotes", "Send the value without quotes."),
    "signature_base64": (
        "the signature is base64, not hex",
        "Write the digest as 64 lowercase hex digits.",
    ),
    "signature_malformed": (
        "the signature is not v0= and 64 hex digits",
        "Check what sends or rewrites the header: v0= and 64 lowercase hex digits.",
    ),
    "timestamp_missing": ("X-Spectrum-Timestamp is missing", PASS_HEADERS),
    "timestamp_milliseconds": (
        "the timestamp is in milliseconds",
        "Send (and sign) whole seconds: 10 digits.",
    ),
    "timestamp_date": (
        "the timestamp is a date, not Unix time",
        "Send (and sign) Unix time in whole seconds.",
    ),
    "timestamp_fractional": (
        "the timestamp has fractions of a second",
        "Send (and sign) whole seconds: 10 digits.",
    ),
    "timestamp_joined": (
        "the timestamp arrived more than once, joined into one value",
        "Something adds the header a second time: set it once, not append it.",
    ),
    "timestamp_malformed": (
        "the timestamp is not 10 digits",
        "Send Unix time in whole seconds: exactly 10 ASCII digits.",
    ),
    "timestamp_altered": (
        "the timestamp is not the one that was signed",
        "Pass X-Spectrum-Timestamp on as it came; it is part of what is signed.",
    ),
    "timestamp_stale": (
        "the timestamp is too old",
        "If it was received later than it was signed, set the receiving clock (NTP), or look for "
        "what delayed or repeated it; sign a sample anew. A request that was saved earlier: say "
        "when it came with --received-at.",
    ),
    "timestamp_future": (
        "the timestamp lies in the future",
        "Set the clocks: the sender's is ahead, or the receiver's is behind (NTP).",
    ),
    "webhook_id_missing": ("X-Spectrum-Webhook-Id is missing", PASS_HEADERS),
    "webhook_id_joined": (
        "the webhook id arrived more than once, joined into one value",
        "Something adds the header a second time: set it once, not append it.",
    ),
    "webhook_unknown": (
        "no secret is known for this webhook id",
        "Import the secret of this webhook (forwarder webhooks import), or, if it is lost, "
        "replace the registration: forwarder webhooks rotate.",
    ),
    # ---- body
    "body_empty": (
        "the body is empty",
        "Something has read the stream before the verification: read it once, keep the bytes, "
        "and verify those.",
    ),
    "body_not_captured": (
        "the body is not in what was saved",
        "Save it as well, byte for byte (curl: the file of --data-binary; a proxy: its whole "
        "request). If the endpoint itself saw none, something has read the stream before: read it "
        "once, keep the bytes, and verify those.",
    ),
    "body_reserialised": ("the JSON was parsed and written again", RAW_BODY),
    "body_newline": ("a line break at the end was added or removed", RAW_BODY),
    "body_line_endings": ("the line endings were changed", RAW_BODY),
    "body_trimmed": ("blanks around the body were added or removed", RAW_BODY),
    "body_bom": (
        "a byte order mark was added or removed",
        "Read and pass on bytes, not text: no editor, no decoding in between.",
    ),
    "body_charset": (
        "the body was decoded as another charset",
        "Read and pass on bytes, not text. If text is unavoidable, it is UTF-8.",
    ),
    "body_normalised": ("its Unicode text was normalised", RAW_BODY),
    "body_base64": (
        "the body is still base64",
        "Decode it once before verifying: API Gateway says so with isBase64Encoded.",
    ),
    "body_compressed": ("the body is still compressed", "Decompress it before verifying."),
    "body_quoted": (
        "the body was written as a JSON string",
        "Something serialised text that was JSON already. " + RAW_BODY,
    ),
    "body_url_encoded": ("the body was URL-encoded", RAW_BODY),
    "body_form": (
        "the body was put into a form",
        "Send it as it is, with Content-Type: application/json. " + RAW_BODY,
    ),
    "body_python_repr": (
        "the body is as Python prints it, not as it came",
        "Something wrote repr() or str() of it: pass the bytes on themselves. " + RAW_BODY,
    ),
    "body_html_escaped": ("the body was HTML-escaped", RAW_BODY),
    "body_doubled": ("the body arrived twice in one request", RAW_BODY),
    "body_extended": ("something was added to the body", RAW_BODY),
    "body_truncated": (
        "the body is cut short",
        "Raise the limit on body sizes of the proxy, or read the stream to its end.",
    ),
    # ---- secret
    "secret_whitespace": ("the stored secret has white space in it", STORE_SECRET),
    "secret_quoted": ("the stored secret stands in quotes", STORE_SECRET),
    "secret_upper_case": ("the stored secret is in upper case", STORE_SECRET),
    "secret_hex_decoded": (
        "the secret was hex-decoded before it was stored",
        "Do not decode it: its 64 characters, as text, are the key. " + STORE_SECRET,
    ),
    "secret_base64": ("the stored secret is base64-encoded", STORE_SECRET),
    "secret_decorated": ("the stored secret has more around it than the secret", STORE_SECRET),
    "secret_truncated": ("the stored secret is cut short", STORE_SECRET),
    "secret_malformed": ("the stored secret is not 64 lowercase hex characters", STORE_SECRET),
    "secret_of_another_webhook": (
        "it was signed with another webhook's secret",
        "The secrets were swapped, or the request carries the wrong X-Spectrum-Webhook-Id: "
        "import each secret under its own webhook id.",
    ),
    "signed_with_decoded_secret": ("it was signed with the hex-decoded secret", SIGN_RIGHT),
    "signed_with_base64_decoded_secret": (
        "it was signed with the base64-decoded secret",
        SIGN_RIGHT + " Only a secret that begins with whsec_ is base64.",
    ),
    "signed_with_undecoded_secret": (
        "it was signed with the text of a whsec_ secret",
        "In the script that signs: the key is what is base64 behind whsec_, decoded.",
    ),
    "signed_body_alone": ("it was signed over the body alone", SIGN_WHOLE),
    "signed_otherwise": ("it was signed over something else than Spectrum signs", SIGN_WHOLE),
    "signed_with_newline": ("it was signed with a line break after the secret", SIGN_RIGHT),
    "signed_with_upper_case": ("it was signed with the secret in upper case", SIGN_RIGHT),
    "signed_with_empty_secret": (
        "it was signed with an empty secret",
        "In the script that signs: the variable that should hold the secret is not set.",
    ),
    "nothing_matches": (
        "it was signed with a secret that is not known here, or changed beyond recognition",
        "Check that the secret is this webhook's newest: if in doubt, replace it with forwarder "
        "webhooks rotate. If only some requests fail, capture the raw bytes at the endpoint.",
    ),
}


def finding(cause: str, evidence: str, *, proved: bool = True) -> Finding:
    """The finding of one of `CAUSES`; raises KeyError."""
    title, fix = CAUSES[cause]
    return Finding(cause, title, evidence, fix, proved)


def from_guess(guess: Guess[bytes]) -> Finding | None:
    """What a guess that proved right says; None where it was that nothing happened."""
    return finding(guess.cause, guess.evidence) if guess.cause else None
