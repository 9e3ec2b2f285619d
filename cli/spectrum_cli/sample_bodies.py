"""Synthetic bodies: one for every content type that Spectrum sends, and the odd ones it may send.

Nothing here is about a real person: numbers are of the +1 555 01xx range that is kept for fiction.
Bodies are compact JSON in UTF-8, as JavaScript's JSON.stringify writes it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

Json = dict[str, object]

SENDER = "+15550100"
FRIEND = "+15550101"
PLATFORM = "iMessage"
# 2023-11-14, when the known answer of the signature was signed.
SENT_AT = 1_700_000_000

TEXT = "hey, what time is dinner? 🍜"
PHOTO: Json = {
    "type": "attachment",
    "id": "att-00000000-0000-4000-8000-000000000001",
    "name": "IMG_4127.HEIC",
    "mimeType": "image/heic",
    "size": 2_483_119,
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
    "richlink": {
        "type": "richlink",
        "url": "https://example.com/menu?day=today&for=2",
        "title": "Menu <today> & tomorrow",
        "summary": "What there is",
    },
    # A slim target: enough to say which one was meant, nothing of what it said.
    "reaction": {
        "type": "reaction",
        "emoji": "❤️",
        "target": {"id": "spc-msg-00000000-0000-4000-8000-0000000000aa", "direction": "outbound"},
    },
    # An album. Its second item has no space, its third neither space nor id.
    "group": {
        "type": "group",
        "items": [
            {
                "id": "p:0/spc-msg-00000000-0000-4000-8000-0000000000ab",
                "space": {"id": f"any;-;{SENDER}", "platform": PLATFORM},
                "content": PHOTO,
            },
            {"id": "p:1/spc-msg-00000000-0000-4000-8000-0000000000ab", "content": PHOTO},
            {"content": PHOTO},
        ],
    },
    "voice": {
        "type": "voice",
        "id": "att-00000000-0000-4000-8000-000000000002",
        "name": "Audio Message.caf",
        "mimeType": "audio/x-caf",
        "duration": 3.52,
        "size": 48_213,
    },
    "read": {
        "type": "read",
        "target": {"id": "spc-msg-00000000-0000-4000-8000-0000000000aa", "direction": "outbound"},
    },
    "reply": {
        "type": "reply",
        "content": {"type": "text", "text": "at eight 👍🏽"},
        "target": {"id": "spc-msg-00000000-0000-4000-8000-0000000000aa", "direction": "inbound"},
    },
    "addMember": {"type": "addMember", "members": [FRIEND]},
    "removeMember": {"type": "removeMember", "members": [FRIEND]},
    "leaveSpace": {"type": "leaveSpace"},
    "rename": {"type": "rename", "displayName": "Dinner — tonight"},
    "avatar": {"type": "avatar", "action": {"kind": "set", "mimeType": "image/jpeg"}},
}


def make_body(kind: str, *, message_id: str | None = None, sent_at: int = SENT_AT) -> bytes:
    """Return a body of one of `KINDS`; without `message_id` each has one of its own.

    `sent_at` (Unix seconds) is when the made-up person pressed send. Kinds that have no id in the
    usual place carry it elsewhere, so that two bodies of them differ too. Raises KeyError.
    """
    identity = message_id if message_id is not None else f"spc-msg-{uuid.uuid4()}"
    if kind in CONTENTS:
        return compact(delivery(CONTENTS[kind], identity, sent_at))
    return ODD[kind](identity, sent_at)


def delivery(content: Json, message_id: str, sent_at: int) -> Json:
    """The JSON of a `messages` event with this content."""
    space: Json = {"id": f"any;-;{SENDER}", "platform": PLATFORM}
    moment = datetime.fromtimestamp(sent_at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {
        "event": "messages",
        "space": space,
        "message": {
            "id": message_id,
            "platform": PLATFORM,
            "direction": "inbound",
            "timestamp": moment,
            "sender": {"id": SENDER, "platform": PLATFORM},
            "space": space,
            "content": content,
        },
    }


def compact(content: Json) -> bytes:
    """JSON without blanks, in UTF-8."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


# ---- Authentic all the same: what must be kept and passed on byte for byte ----------------------


def _text(message_id: str, sent_at: int) -> tuple[Json, Json]:
    """A text event, and its `message` to be changed in place."""
    whole = delivery(CONTENTS["text"], message_id, sent_at)
    message = whole["message"]
    assert isinstance(message, dict)
    return whole, message


def _unknown_event(message_id: str, sent_at: int) -> bytes:
    return compact({"event": "space.archived", "id": message_id, "at": sent_at})


def _unknown_content(message_id: str, sent_at: int) -> bytes:
    content: Json = {"type": "hologram", "depth": 3, "frames": [None, True]}
    return compact(delivery(content, message_id, sent_at) | {"schema": 2})


def _no_id(message_id: str, sent_at: int) -> bytes:
    whole, message = _text(message_id, sent_at)
    del message["id"]
    return compact(whole | {"trace": message_id})


def _missing_parts(message_id: str, sent_at: int) -> bytes:
    whole, message = _text(message_id, sent_at)
    message.update(sender=None, platform=None, space=None)
    del whole["space"]
    return compact(whole)


def _not_json(message_id: str, sent_at: int) -> bytes:
    return f"event=messages&id={message_id}&at={sent_at}\r\n".encode()


def _not_utf8(message_id: str, sent_at: int) -> bytes:
    return b"\xff\xfe\x00\x80 " + message_id.encode() + b" %d \xc3\x28" % sent_at


def _hostile_json(message_id: str, _sent_at: int) -> bytes:
    """Valid JSON that does not survive being parsed and written again."""
    text = r"\ud83d" + "\u2028\u2029" + r"\u0000\/ caf\u00e9"
    return (
        '{"event":"messages","event":"messages","message":{"id":"first","id":"'
        f'{message_id}","content":{{"type":"text","text":"{text}"}},'
        '"sequence":123456789012345678901234567890,"ratio":1.10,"e":1E400}}'
    ).encode()


def _odd_id(message_id: str, sent_at: int) -> bytes:
    whole, message = _text(message_id, sent_at)
    message["id"] = f"{message_id} ünïcode\n<{'x' * 300}>"
    return compact(whole)


ODD: Mapping[str, Callable[[str, int], bytes]] = {
    "unknown_event": _unknown_event,
    "unknown_content": _unknown_content,
    "no_id": _no_id,
    "missing_parts": _missing_parts,
    "not_json": _not_json,
    "not_utf8": _not_utf8,
    "hostile_json": _hostile_json,
    "odd_id": _odd_id,
}

CONTENT_KINDS = tuple(CONTENTS)
ODD_KINDS = tuple(ODD)
KINDS = CONTENT_KINDS + ODD_KINDS
