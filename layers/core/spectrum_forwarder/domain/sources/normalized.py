"""normalized-events.v1: Spectrum's own JSON, `{"event","space","message"}`, the usual kind.

A `messages` event is known by its id; any other, and one without an id, by the hash of its body. It
takes whatever no other kind does: an authentic body of any form is worth forwarding.
"""

from collections.abc import Mapping
from typing import Any

from spectrum_forwarder.domain.identity import (
    Identity,
    fingerprint,
    name_of,
    name_of_body,
    part,
)


def takes(content: Mapping[str, Any], signed_id: str | None) -> bool:
    """See `Source`."""
    return True


def identify(body: bytes, content: Mapping[str, Any], signed_id: str | None) -> Identity:
    """See `Source`. A signed id decides where keys meet (`storing`), and makes none here.

    Another registration's copy may come under another id, or under none.
    """
    message = part(content, "message")
    message_id = message.get("id")
    # Of what makes the event: other fields change from copy to copy.
    parts = [
        content.get("event"),
        part(content, "space").get("id"),
        message.get("timestamp"),
        message.get("direction"),
        part(message, "sender").get("id"),
        message.get("subtype"),
        message.get("content"),
    ]
    printed = fingerprint(body, content, parts)
    # Only `messages` is known to mean the same message by an id: any other event may be about one.
    if content.get("event") != "messages" or not isinstance(message_id, str) or not message_id:
        return Identity(name_of_body(body), printed, lasting=False)
    lasting = message.get("timestamp") not in (None, "")
    return Identity(name_of(message_id), printed, lasting=lasting)


def labels(content: Mapping[str, Any]) -> tuple[object, object, object]:
    """See `Source`."""
    space, sender = part(content, "space"), part(part(content, "message"), "sender")
    return content.get("event"), space.get("id"), sender.get("id")
