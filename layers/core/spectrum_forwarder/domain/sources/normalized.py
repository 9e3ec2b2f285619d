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

# Of a file, the main types that are told apart.
MEDIA = frozenset({"image", "video", "audio"})


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
        _space_id(content, message),
        message.get("timestamp"),
        message.get("direction"),
        _id_of(message.get("sender")),
        message.get("subtype"),
        message.get("content"),
    ]
    printed = fingerprint(body, content, parts)
    # Only `messages` is known to mean the same message by an id: any other event may be about one.
    if content.get("event") != "messages" or not isinstance(message_id, str) or not message_id:
        return Identity(name_of_body(body), printed, lasting=False)
    lasting = message.get("timestamp") not in (None, "")
    return Identity(name_of(message_id), printed, lasting=lasting)


def labels(content: Mapping[str, Any]) -> tuple[object, object, object, object]:
    """See `Source`."""
    message = part(content, "message")
    return (
        content.get("event"),
        _space_id(content, message),
        _id_of(message.get("sender")),
        _type_of(part(message, "content")),
    )


def _type_of(content: Mapping[str, Any]) -> object:
    """What a message is: `text`, `reaction`; of a file also what is in it: `attachment image`."""
    found, media = content.get("type"), content.get("mimeType")
    if isinstance(found, str) and isinstance(media, str):
        main = media.partition("/")[0].lower()
        return f"{found} {main}" if main in MEDIA else found
    return found


def _space_id(content: Mapping[str, Any], message: Mapping[str, Any]) -> object:
    """The chat's id; the message has a copy, which alone the vendor's schema insists on."""
    found = _id_of(content.get("space"))
    return _id_of(message.get("space")) if found is None else found


def _id_of(value: object) -> object:
    """The id of what should be an object; anything else tells itself apart."""
    return value.get("id") if isinstance(value, dict) else value
