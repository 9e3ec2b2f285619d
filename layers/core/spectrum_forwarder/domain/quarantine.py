"""Quarantine: requests that were refused though the fault may be our own, kept for some days.

Only what names a webhook that is known and is answered 401 comes here: a secret that was stored
wrong, a proxy that rewrites bodies or a clock that is off looks just like a forgery. Nobody is
trusted by being here: a request gets out only by verifying.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from spectrum_forwarder.domain.inbound import SIGNATURE_HEADER, TIMESTAMP_HEADER, InboundRequest

KEPT_SECONDS = 72 * 3600.0
LARGEST_BODY = 256 * 1024
# What verifying takes, and what helps to find out why it fails.
KEPT_HEADERS = (
    *("content-type", "content-length", "content-encoding", "user-agent"),
    *("x-spectrum-event", "x-spectrum-webhook-id", TIMESTAMP_HEADER, SIGNATURE_HEADER),
)
LONGEST_VALUE = 1000
# How a request is signed that only asks whether a webhook is known: nobody has lost it.
UNSIGNED = "v0=" + "0" * 64


@dataclass(frozen=True, slots=True)
class Suspect:
    """A refused request: when it came (Unix seconds), the refusal's code, and what came."""

    received_at: float
    code: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def request(self) -> InboundRequest:
        """The request as it was received, but for headers that were not kept."""
        return InboundRequest(self.headers, self.body)

    @property
    def digest(self) -> str:
        """What tells requests apart: hex of a hash over signature, timestamp and body."""
        signed = (self.headers.get(name, "") for name in (SIGNATURE_HEADER, TIMESTAMP_HEADER))
        head = "\n".join([*signed, ""]).encode("utf-8", "surrogatepass")
        return hashlib.sha256(head + self.body).hexdigest()


class Quarantine(Protocol):
    """Keeps suspects; raises PayloadsUnavailable."""

    def keep(self, suspect: Suspect) -> str | None:
        """Keep it, and return its id; None where it is there already, or enough are."""


class QuarantineShelf(Protocol):
    """What is kept, as its release needs it; raises PayloadsUnavailable."""

    def get(self, suspect_id: str) -> Suspect | None:
        """The suspect of this id, or None."""

    def remove(self, suspect_id: str, suspect: Suspect) -> None:
        """Remove this suspect; another one that has taken its place stays."""


def suspect(request: InboundRequest, *, code: str, received_at: float) -> Suspect | None:
    """What is kept of a refused request; None where it is too large, or was never signed."""
    if len(request.body) > LARGEST_BODY or request.header(SIGNATURE_HEADER) == UNSIGNED:
        return None
    headers = {
        name: value[:LONGEST_VALUE]
        for name in KEPT_HEADERS
        if (value := request.header(name)) or name in request.headers
    }
    return Suspect(received_at, code, headers, request.body)
