"""Quarantine: requests that were refused though the fault may be our own, kept for some days.

Only what names a webhook that is known and is not proved comes here: a secret that was stored
wrong, a proxy that rewrites bodies or drops headers, or a clock that is off looks just like a
forgery. Nobody is trusted by being here: a request gets out only by verifying.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from spectrum_forwarder.domain.inbound import (
    SIGNATURE_HEADER,
    STANDARD_HEADERS,
    TIMESTAMP_HEADER,
    InboundRequest,
)

KEPT_SECONDS = 72 * 3600.0
# What verifying takes, and what helps to find out why it fails: those of every scheme, under their
# own names or as a proxy renamed them. None is cut: API Gateway takes 10 KB of headers in all.
# Compiled when a request is refused, not at every cold start.
KEPT_HEADERS = (
    r"content-(type|length|encoding)|user-agent|date|(http[_-])?(x[_-]spectrum|webhook)[_-].+"
)
SIGNED = (SIGNATURE_HEADER, TIMESTAMP_HEADER)
# How a request is signed that only asks whether a webhook is known: nobody has lost it.
UNSIGNED = "v0=" + "0" * 64


class Suspect(NamedTuple):
    """A refused request: when it came (Unix seconds), the refusal's code, and what came."""

    received_at: float
    code: str
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Suspect(received_at={self.received_at}, code={self.code!r})"

    @property
    def request(self) -> InboundRequest:
        """The request as it was received, but for headers that were not kept."""
        return InboundRequest(self.headers, self.body)

    @property
    def digest(self) -> str:
        """What tells requests apart: hex of a hash over signatures, timestamps and body."""
        signed = [self.headers.get(name, "") for name in SIGNED]
        signed += [self.headers[name] for name in STANDARD_HEADERS if name in self.headers]
        head = "\n".join([*signed, ""]).encode("utf-8", "surrogatepass")
        return hashlib.sha256(head + self.body).hexdigest()


def hour_of(moment: float) -> str:
    """What the names of all that came in that hour begin with."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H")


class Quarantine(Protocol):
    """Keeps suspects; raises PayloadsUnavailable and QuarantineFull, and counts what it loses."""

    def keep(self, suspect: Suspect) -> str | None:
        """Keep it, and return its id; None where it is there already."""


class QuarantineShelf(Protocol):
    """What is kept, as its release needs it; raises PayloadsUnavailable."""

    def get(self, suspect_id: str) -> Suspect | None:
        """The suspect of this id, or None."""

    def remove(self, suspect_id: str, suspect: Suspect) -> None:
        """Remove this suspect; another one that has taken its place stays."""


def is_probe(request: InboundRequest) -> bool:
    """Whether it asks only if its webhook is known: it says by its signature that it has none."""
    return request.header(SIGNATURE_HEADER) == UNSIGNED


def suspect(request: InboundRequest, *, code: str, received_at: float) -> Suspect | None:
    """What is kept of a refused request; None where it only asked, and nobody has lost it."""
    if is_probe(request):
        return None
    headers = {
        name: request.header(name) for name in request.headers if re.fullmatch(KEPT_HEADERS, name)
    }
    return Suspect(received_at, code, headers, request.body)
