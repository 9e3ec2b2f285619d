"""raw-inbound.v1: JSON that wraps the platform's own HTTP request, forwarded untouched.

It is known by the id that it was signed with. Where it was signed in a scheme that signs none, its
own `eventId` stands for that: the body is signed, and both must be equal.
"""

from collections.abc import Mapping
from typing import Any

from spectrum_forwarder.domain.identity import SIGNED_ID, Identity, hashed, name_of

FIELDS = {"type": str, "schemaVersion": int, "eventId": str, "request": dict}


def takes(content: Mapping[str, Any], signed_id: str | None) -> bool:
    """See `Source`."""
    return all(isinstance(content.get(name), kind) for name, kind in FIELDS.items()) and bool(
        content["eventId"]
    )


def identify(body: bytes, content: Mapping[str, Any], signed_id: str | None) -> Identity:
    """See `Source`. A body whose `eventId` is another than the signed one is no other event."""
    event_id = signed_id or content["eventId"]
    return Identity(SIGNED_ID + name_of(event_id), hashed(body), lasting=True)


def labels(content: Mapping[str, Any]) -> tuple[object, object, object, object]:
    """See `Source`. Who sent it, only the platform's own request says."""
    return content["type"], None, None, None
