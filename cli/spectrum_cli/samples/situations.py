"""Synthetic bodies for what has surprised receivers: ids that repeat, nobody, own sends, size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from spectrum_cli.samples.contents import CONTENTS, PHOTO, vcard
from spectrum_cli.samples.envelope import CHAT, USUAL, Json, compact, delivery

WhatItIs = Callable[[str, int], Json]


@dataclass(frozen=True, slots=True)
class Situation:
    """How such a body is made of an id and a time (Unix seconds).

    `kind` is the content type, which its id is made for. `shares` names another situation that has
    the same id, and is another event all the same.
    """

    platform: str
    kind: str
    make: WhatItIs = field(repr=False)
    shares: str | None = None

    def body(self, message_id: str, sent_at: int) -> bytes:
        """Its body."""
        return compact(self.make(message_id, sent_at))


def _with(
    platform: str,
    kind: str,
    *,
    space: Json | None = None,
    content: Json | None = None,
    **changes: object,
) -> WhatItIs:
    """A delivery with these changes to its space, its content and its message; None takes away."""

    def make(message_id: str, sent_at: int) -> Json:
        whole = delivery(content or CONTENTS[kind], message_id, sent_at, platform)
        message = whole["message"]
        assert isinstance(message, dict)
        told = message.pop("content")
        message.update(changes)
        for name in [name for name, value in changes.items() if value is None]:
            del message[name]
        message["content"] = told
        if space:
            known = whole["space"]
            assert isinstance(known, dict)
            known |= space
        return whole

    return make


def _later(make: WhatItIs) -> WhatItIs:
    """The same a moment later: both are events of their own by that as well."""
    return lambda message_id, sent_at: make(message_id, sent_at + 1)


def _caption(message_id: str, sent_at: int) -> Json:
    """Items that have no more than an id."""
    items: list[Json] = [
        {"id": f"{message_id}:0", "content": PHOTO},
        {"id": f"{message_id}:1", "content": {"type": "text", "text": "the bill"}},
    ]
    content: Json = {"type": "group", "items": items}
    return delivery(content, message_id, sent_at, "whatsapp_business")


_edited: Json = {"type": "text", "text": "hey, what time is dinner tomorrow?"}
_own_words: Json = {"type": "text", "text": "On my way."}
_mention: Json = {"type": "text", "text": "<@U0SYNTH> dinner?"}

SITUATIONS: Mapping[str, Situation] = {
    "outbound": Situation(
        USUAL, "text", _with(USUAL, "text", content=_own_words, direction="outbound")
    ),
    "group_chat": Situation(
        USUAL,
        "text",
        _with(USUAL, "text", space={"id": CHAT, "type": "group", "phone": "+15550199"}),
    ),
    "without_actor": Situation(USUAL, "rename", _with(USUAL, "rename", sender=None)),
    "typing_stopped": Situation(
        USUAL,
        "typing",
        _with(USUAL, "typing", content={"type": "typing", "state": "stop"}),
        shares="typing",
    ),
    "vcard": Situation(
        USUAL, "contact", lambda message_id, sent_at: delivery(vcard(), message_id, sent_at)
    ),
    "caption": Situation("whatsapp_business", "group", _caption),
    "slack_reaction": Situation(
        "slack", "reaction", _with("slack", "reaction", subtype="reaction_added")
    ),
    "slack_reaction_removed": Situation(
        "slack",
        "reaction",
        _later(_with("slack", "reaction", subtype="reaction_removed")),
        shares="slack_reaction",
    ),
    "slack_message": Situation("slack", "text", _with("slack", "text", content=_mention)),
    "slack_mention": Situation(
        "slack",
        "text",
        _with("slack", "text", content=_mention, subtype="app_mention"),
        shares="slack_message",
    ),
    "slack_edited": Situation(
        "slack",
        "text",
        _with("slack", "text", content=_edited, subtype="message_changed"),
        shares="slack_message",
    ),
    "telegram_message": Situation("telegram", "text", _with("telegram", "text")),
    "telegram_other_chat": Situation(
        "telegram",
        "text",
        _with("telegram", "text", space={"id": "-1005550199"}),
        shares="telegram_message",
    ),
    "telegram_channel": Situation("telegram", "text", _with("telegram", "text", sender=None)),
}
