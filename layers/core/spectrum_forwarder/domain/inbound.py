"""One POST from Spectrum, untrusted: read from API Gateway's event, and looked at from outside."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spectrum_forwarder.domain.errors import MissingHeaders, UnreadableBody

SIGNATURE_HEADER = "x-spectrum-signature"
TIMESTAMP_HEADER = "x-spectrum-timestamp"
WEBHOOK_ID_HEADER = "x-spectrum-webhook-id"
REQUIRED_HEADERS = (SIGNATURE_HEADER, TIMESTAMP_HEADER, WEBHOOK_ID_HEADER)


@dataclass(frozen=True, slots=True)
class InboundRequest:
    """Headers by lower-case name (repeats joined by commas) and the body as it travelled."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @classmethod
    def from_api_gateway(cls, event: Mapping[str, Any]) -> "InboundRequest":
        """Read an HTTP API (payload 2.0) or REST API (1.0) event; raise UnreadableBody."""
        return cls(headers=_headers(event), body=_body(event))

    def header(self, name: str) -> str:
        """The header's value without surrounding blanks, or an empty string."""
        return self.headers.get(name, "").strip(" \t")

    def require_headers(self) -> None:
        """Raise MissingHeaders, naming those that are absent or empty."""
        missing = [name for name in REQUIRED_HEADERS if not self.header(name)]
        if missing:
            raise MissingHeaders("Missing: " + ", ".join(missing) + ". " + MissingHeaders.advice)

    def shape(self) -> dict[str, object]:
        """What may be logged of a refused request: lengths and presence, never content."""
        signature, timestamp = self.header(SIGNATURE_HEADER), self.header(TIMESTAMP_HEADER)
        return {
            "webhook_id": self.header(WEBHOOK_ID_HEADER)[:100],
            "body_bytes": len(self.body),
            "spaced_json": self.body[:200].startswith((b'{ "', b'{"event": ', b"{\n", b"{\r")),
            "carriage_returns": b"\r\n" in self.body,
            "signature_length": len(signature),
            "timestamp_length": len(timestamp),
            "missing": [name for name in REQUIRED_HEADERS if not self.header(name)],
        }


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
