"""What stands around a synthetic message: its space, its sender and its ids, platform by platform.

The forms are those of CONTRACT §§2 and 4, and nothing in them is about a real person: numbers are
of the +1 555 01xx range that is kept for fiction.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

Json = dict[str, object]

SENDER = "+15550100"
FRIEND = "+15550101"
CHAT = "any;+;chat0001"
# What contents point at; each platform has an id of its own form for it.
TARGET = "spc-msg-00000000-0000-4000-8000-0000000000aa"
# 2023-11-14, when the known answer of the signature was signed.
SENT_AT = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform as it spells itself, and the forms of what it names.

    `space` and `sender` are without `platform`, which stands in both. `id_of` makes a message's id
    of a UUID; `suffixes` follow it for some content types. `target` is what contents point at.
    """

    name: str
    space: Json
    sender: Json
    id_of: Callable[[uuid.UUID], str] = field(repr=False)
    suffixes: Mapping[str, str] = field(default_factory=dict)
    target: str = TARGET

    def make_id(self, kind: str, seed: uuid.UUID) -> str:
        """The id of a message of this content type; the same for the same seed."""
        if kind == "typing":
            return f"typing-{seed.int % 10**9}"
        if self.suffixes is GROUP_SUFFIXES and kind in GROUP_CHANGES:
            return f"{CHAT}:group:{seed.int % 10**9}"
        return self.id_of(seed) + self.suffixes.get(kind, "")


def _slack_id(seed: uuid.UUID) -> str:
    return f"17{seed.int % 10**8:08d}.{(seed.int >> 64) % 10**6:06d}"


GROUP_CHANGES = frozenset({"addMember", "removeMember", "leaveSpace", "rename", "avatar"})
GROUP_SUFFIXES: Mapping[str, str] = {"reaction": ":reaction:41:0", "read": ":read:42"}


def _imessage(name: str) -> Platform:
    return Platform(
        name,
        space={"id": f"any;-;{SENDER}", "type": "dm", "phone": "shared"},
        sender={"id": SENDER},
        id_of=lambda seed: f"spc-msg-{seed}",
        suffixes=GROUP_SUFFIXES,
    )


def _whatsapp(name: str) -> Platform:
    return Platform(
        name,
        space={"id": "15550100"},
        sender={"id": "15550100"},
        id_of=lambda seed: f"wamid.{seed.hex.upper()}",
        target="wamid.SYNTH00AA",
    )


# Both spellings that the vendor's texts have: its own SDK takes the lower-case ones alone.
PLATFORMS: Mapping[str, Platform] = {
    platform.name: platform
    for platform in (
        _imessage("imessage"),
        _imessage("iMessage"),
        _whatsapp("whatsapp_business"),
        _whatsapp("WhatsApp Business"),
        Platform(
            "slack",
            space={"id": "C0SYNTH", "teamId": "T0SYNTH"},
            sender={"id": "U0SYNTH"},
            id_of=_slack_id,
            suffixes={"reaction": ":reaction:U0SYNTH:eyes", "attachment": ":file:0"},
            target="1700000000.000100",
        ),
        Platform(
            "telegram",
            space={"id": "-1005550100"},
            sender={"id": "5550100", "handle": "synth", "isMe": False},
            # Per chat, and so a small number.
            id_of=lambda seed: str(seed.int % 10**9 + 1),
            target="16",
        ),
        Platform(
            "terminal",
            space={"id": "chat-1"},
            sender={"id": "you"},
            id_of=lambda seed: f"m-{seed.hex[:12]}",
            target="m-1",
        ),
    )
}
USUAL = "imessage"


def moment(sent_at: int) -> str:
    """A time as Spectrum writes it."""
    return datetime.fromtimestamp(sent_at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def delivery(content: Json, message_id: str, sent_at: int, platform: str = USUAL) -> Json:
    """The JSON of a `messages` event with this content, from one of `PLATFORMS`."""
    of = PLATFORMS[platform]
    named: Json = {"platform": of.name}
    space = {"id": of.space["id"]} | named | of.space
    message: Json = {"id": message_id, "space": space}
    # The one content that has nobody and no time.
    if content["type"] != "typing":
        message = {
            "id": message_id,
            **named,
            "direction": "inbound",
            "timestamp": moment(sent_at),
            "sender": {"id": of.sender["id"]} | named | of.sender,
            "space": space,
            **_further(of, message_id),
        }
    message["content"] = _as_on(of, content)
    return {"event": "messages", "space": space, "message": message}


def compact(content: Json) -> bytes:
    """JSON without blanks, in UTF-8, as JavaScript's JSON.stringify writes it."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def _further(of: Platform, message_id: str) -> Json:
    """Fields of a message that a platform has beside those of all."""
    if of.name != "slack":
        return {}
    return {"ts": message_id.partition(":")[0], "isFromMe": False}


def _as_on(of: Platform, value: object) -> object:
    """A content's part with the ids, names and emoji of the platform."""
    if isinstance(value, list):
        return [_as_on(of, item) for item in value]
    if isinstance(value, dict):
        named = {"platform": of.name} if "platform" in value else {}
        emoji = {"emoji": "eyes"} if of.name == "slack" and "emoji" in value else {}
        return {key: _as_on(of, item) for key, item in value.items()} | named | emoji
    return value.replace(TARGET, of.target) if isinstance(value, str) else value
