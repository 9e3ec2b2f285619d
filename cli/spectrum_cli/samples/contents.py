"""Synthetic contents: one for each content type that Spectrum is known to send (CONTRACT §2)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from spectrum_cli.samples.envelope import FRIEND, SENDER, SENT_AT, TARGET, USUAL, Json, moment

TEXT = "hey, what time is dinner? 🍜"
PHOTO: Json = {
    "type": "attachment",
    "id": "att-00000000-0000-4000-8000-000000000001",
    "name": "IMG_4127.HEIC",
    "mimeType": "image/heic",
    "size": 2_483_119,
}
# A slim target: which one was meant, and no more of it than a preview.
SLIM: Json = {"id": TARGET, "platform": USUAL, "timestamp": moment(SENT_AT - 60)}
PREVIEWED: Json = SLIM | {"contentPreview": "on time"}
CHOICE: Json = {"title": "eight"}


def _item(number: int, content: Json) -> Json:
    """One of an album, a message of its own."""
    return {
        "id": f"p:{number}/{TARGET}",
        "platform": USUAL,
        "direction": "inbound",
        "timestamp": moment(SENT_AT),
        "sender": {"id": SENDER, "platform": USUAL},
        "content": content,
    }


CONTENTS: Mapping[str, Json] = {
    "text": {"type": "text", "text": TEXT},
    "attachment": PHOTO,
    "contact": {
        "type": "contact",
        "name": {"formatted": "Sam Sample", "first": "Sam", "last": "Sample"},
        "phones": [{"value": FRIEND, "type": "mobile"}],
        "emails": [{"value": "sam@example.com", "type": "home"}],
    },
    "richlink": {"type": "richlink", "url": "https://example.com/menu?day=today&for=2"},
    "reaction": {"type": "reaction", "emoji": "❤️", "target": PREVIEWED},
    # An album.
    "group": {"type": "group", "items": [_item(0, PHOTO), _item(1, PHOTO)]},
    "voice": {
        "type": "voice",
        "id": "att-00000000-0000-4000-8000-000000000002",
        "name": "Audio Message.caf",
        "mimeType": "audio/x-caf",
        "duration": 3.52,
        "size": 48_213,
    },
    "read": {"type": "read", "target": {"id": TARGET}},
    "reply": {
        "type": "reply",
        "content": {"type": "text", "text": "at eight 👍🏽"},
        "target": PREVIEWED,
    },
    "addMember": {"type": "addMember", "members": [FRIEND]},
    "removeMember": {"type": "removeMember", "members": [FRIEND]},
    "leaveSpace": {"type": "leaveSpace"},
    "rename": {"type": "rename", "displayName": "Dinner — tonight"},
    "avatar": {"type": "avatar", "action": {"kind": "set", "mimeType": "image/jpeg"}},
    # Seen by others, its fields unknown.
    "delivered": {"type": "delivered", "target": {"id": TARGET}},
    "typing": {"type": "typing", "state": "start"},
    "poll_option": {
        "type": "poll_option",
        "option": CHOICE,
        "poll": {"type": "poll", "title": "When?", "options": [CHOICE, {"title": "nine"}]},
        "selected": True,
        "title": "eight",
    },
    "unsend": {"type": "unsend", "target": {"id": TARGET}},
    "custom": {"type": "custom", "raw": {"note": "local only"}},
}

# Bytes that a photo takes; no compressor makes them fewer.
PHOTO_BYTES = 786_432
LINE = 74


def vcard() -> Json:
    """A contact with its whole card, a photo of some 1 MB of base64 in it."""
    photo = b"\xff\xd8\xff\xe0" + hashlib.shake_128(b"a photo").digest(PHOTO_BYTES) + b"\xff\xd9"
    text = base64.b64encode(photo).decode()
    lines = [text[start : start + LINE] for start in range(0, len(text), LINE)]
    raw = [
        "BEGIN:VCARD",
        "VERSION:3.0",
        "N:Sample;Sam;;;",
        "FN:Sam Sample",
        f"TEL;type=CELL:{FRIEND}",
        "PHOTO;ENCODING=b;TYPE=JPEG:" + "\r\n ".join(lines),
        "END:VCARD",
        "",
    ]
    contact = CONTENTS["contact"] | {"photo": {"mimeType": "image/jpeg"}}
    return contact | {"raw": "\r\n".join(raw)}
