"""One POST from Spectrum, untrusted: read from API Gateway's event, and looked at from outside.

And what it is answered with.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from spectrum_forwarder.domain.errors import MissingHeaders, Refused, UnreadableBody

SIGNATURE_HEADER = "x-spectrum-signature"
TIMESTAMP_HEADER = "x-spectrum-timestamp"
WEBHOOK_ID_HEADER = "x-spectrum-webhook-id"
REQUIRED_HEADERS = (SIGNATURE_HEADER, TIMESTAMP_HEADER, WEBHOOK_ID_HEADER)
STANDARD_HEADERS = ("webhook-signature", "webhook-timestamp", "webhook-id")
# These are compiled when a request is refused, not at every cold start.
DIGITS = r"[0-9]{1,12}"
# Only the first is accepted; the others tell what happened to it.
SIGNATURE_FORMS = (
    ("whole", r"v0=[0-9a-f]{64}"),
    ("truncated", r"v0=[0-9a-f]{0,63}"),
    ("upper_case", r"[vV]0=[0-9a-fA-F]{64}"),
    ("without_prefix", r"[0-9a-fA-F]{64}"),
    ("joined", r"v0=[0-9a-f]{64}([,; ]+v0=[0-9a-f]{64})+"),
)


class InboundRequest(NamedTuple):
    """Headers by lower-case name (repeats joined by commas) and the body as it travelled.

    `path` is what it was posted to, where the gateway says so.
    """

    headers: Mapping[str, str]
    body: bytes
    path: str = ""

    def __repr__(self) -> str:
        """Without the body, and without signatures."""
        return f"InboundRequest({len(self.body)} bytes to {self.path!r})"

    @classmethod
    def from_api_gateway(cls, event: Mapping[str, Any]) -> "InboundRequest":
        """Read an HTTP API (payload 2.0) or REST API (1.0) event; raise UnreadableBody."""
        path = event.get("rawPath") or event.get("path")
        return cls(_headers(event), _body(event), path if isinstance(path, str) else "")

    def header(self, name: str) -> str:
        """The header's value without surrounding blanks, or an empty string."""
        return self.headers.get(name, "").strip(" \t")

    def without_proof(self) -> MissingHeaders:
        """What to say of it where it is not signed: names all headers that are absent or empty."""
        missing = [name for name in REQUIRED_HEADERS if not self.header(name)]
        return MissingHeaders("Missing: " + ", ".join(missing) + ". " + MissingHeaders.advice)

    def shape(self) -> dict[str, object]:
        """What may be logged of a refused request: lengths and presence, never content."""
        signature, timestamp = self.header(SIGNATURE_HEADER), self.header(TIMESTAMP_HEADER)
        declared = self.header("content-length")
        return {
            "webhook_id": self.header(WEBHOOK_ID_HEADER)[:100],
            "body_bytes": len(self.body),
            "declared_bytes": int(declared) if re.fullmatch(DIGITS, declared) else None,
            "spaced_json": self.body.startswith((b'{ "', b'{"event": ', b"{\n", b"{\r")),
            "carriage_returns": b"\r\n" in self.body,
            "trailing_newline": self.body.endswith((b"\n", b"\r")),
            "byte_order_mark": self.body.startswith(b"\xef\xbb\xbf"),
            "utf_16": self.body.startswith((b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{")),
            # What base64 makes of `{"` and of `{` and a blank or a line break.
            "base64_like": self.body.startswith((b"eyJ", b"eyA", b"ewo", b"ew0")),
            "signature_length": len(signature),
            "signature_form": _signature_form(signature),
            "timestamp_length": len(timestamp),
            "standard": any(self.header(name) for name in STANDARD_HEADERS) or None,
            "missing": [name for name in REQUIRED_HEADERS if not self.header(name)],
        }


class Reply(NamedTuple):
    """The answer to Spectrum: an HTTP status and a small JSON object."""

    status: int
    body: dict[str, object]


# What a fault of our own that nobody foresaw is answered with.
INTERNAL_ERROR = "internal_error"
FAILED = Reply(
    503,
    {
        "error": {
            "code": INTERNAL_ERROR,
            "message": "The receiver failed unexpectedly: see its log for receive.failed.",
        }
    },
)


def refuse(refusal: Refused) -> Reply:
    """The answer to a refused request."""
    return Reply(refusal.status, {"error": {"code": refusal.code, "message": str(refusal)}})


def _signature_form(signature: str) -> str:
    """How the signature looks, in a word."""
    if not signature:
        return "missing"
    return next((form for form, like in SIGNATURE_FORMS if re.fullmatch(like, signature)), "other")


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    # A REST event's `headers` keeps only the last of several; a forger must not choose which.
    multiple = event.get("multiValueHeaders")
    if multiple:
        return {name.lower(): ",".join(values) for name, values in multiple.items()}
    return {name.lower(): value or "" for name, value in (event.get("headers") or {}).items()}


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise UnreadableBody from error
    # A lone surrogate cannot have travelled; it becomes bytes that no signature will match.
    return str(text).encode("utf-8", "surrogatepass")
