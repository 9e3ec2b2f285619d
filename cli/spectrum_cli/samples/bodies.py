"""Synthetic bodies: one of each kind, as Spectrum sends it or may send it.

Kinds are content types, situations (ids that repeat, own sends, a card of 1 MB) and odd bodies,
each in a module of its own. Bodies are compact JSON in UTF-8 but where a kind says otherwise.
"""

from __future__ import annotations

import uuid

from spectrum_cli.samples.contents import CONTENTS
from spectrum_cli.samples.envelope import (
    PLATFORMS,
    SENDER,
    SENT_AT,
    USUAL,
    Json,
    compact,
    delivery,
)
from spectrum_cli.samples.odd import CONTENT_TYPES, ODD
from spectrum_cli.samples.situations import SITUATIONS

__all__ = [
    "CONTENTS",
    "CONTENT_KINDS",
    "CONTENT_TYPES",
    "KINDS",
    "ODD_KINDS",
    "PLATFORMS",
    "SENDER",
    "SENT_AT",
    "SITUATION_KINDS",
    "USUAL",
    "Json",
    "compact",
    "delivery",
    "make_body",
    "make_id",
    "shared_by",
]

CONTENT_KINDS = tuple(CONTENTS)
SITUATION_KINDS = tuple(SITUATIONS)
ODD_KINDS = tuple(ODD)
KINDS = CONTENT_KINDS + SITUATION_KINDS + ODD_KINDS


def make_body(
    kind: str,
    *,
    message_id: str | None = None,
    sent_at: int = SENT_AT,
    platform: str = USUAL,
) -> bytes:
    """Return a body of one of `KINDS`; without `message_id` each has one of its own.

    `sent_at` (Unix seconds) is when the made-up person pressed send. Kinds that have no id in the
    usual place carry it elsewhere, so that two bodies of them differ too. `platform`, one of
    `PLATFORMS`, is for content types alone: other kinds have theirs. Raises KeyError.
    """
    identity = message_id if message_id is not None else make_id(kind, uuid.uuid4(), platform)
    if kind in CONTENTS:
        return compact(delivery(CONTENTS[kind], identity, sent_at, platform))
    if kind in SITUATIONS:
        return SITUATIONS[kind].body(identity, sent_at)
    return ODD[kind](identity, sent_at)


def make_id(kind: str, seed: uuid.UUID, platform: str = USUAL) -> str:
    """An id as the platform makes it for a message of this kind; the same for the same seed."""
    if kind == "raw_inbound":
        return f"evt_{seed.hex}"
    situation = SITUATIONS.get(kind)
    if situation is not None:
        return PLATFORMS[situation.platform].make_id(situation.kind, seed)
    return PLATFORMS[platform].make_id(kind, seed)


def shared_by(kind: str) -> str:
    """The kind whose id a body of this kind has as well; itself where it shares none."""
    situation = SITUATIONS.get(kind)
    return (situation.shares if situation else None) or kind
