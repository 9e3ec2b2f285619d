"""Synthetic bodies that are authentic all the same: to be kept, and passed on byte for byte."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

from spectrum_cli.samples.contents import CONTENTS
from spectrum_cli.samples.envelope import Json, compact, delivery, moment


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


def _protobuf(message_id: str, sent_at: int) -> bytes:
    """Fields 1 to 4 of a message: an event's id, its platform, its time and a request."""
    request = compact({"update_id": sent_at})
    named = [(1, message_id.encode()), (2, b"telegram"), (4, request)]
    parts = [bytes([number << 3 | 2]) + _varint(len(value)) + value for number, value in named]
    return b"".join([*parts[:2], b"\x18" + _varint(sent_at), parts[2]])


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _raw_inbound(message_id: str, sent_at: int) -> bytes:
    """raw-inbound.v1: the platform's own request (CONTRACT §3). Its id holds no full stop."""
    request = {"update_id": 9, "message": {"message_id": 17, "text": "dinner?"}}
    raw = base64.b64encode(compact(request)).decode()
    return compact(
        {
            "type": "message.received",
            "schemaVersion": 1,
            "eventId": message_id.replace(".", "_"),
            "projectId": "prj-synth",
            "platform": "telegram",
            "prevSubjectSeq": 16,
            "receivedAt": moment(sent_at),
            "request": {
                "method": "POST",
                "path": "/telegram",
                "headers": {"content-type": "application/json"},
                "bodyEncoding": "json",
                "body": request,
                "rawBodyBase64": raw,
            },
        }
    )


ODD: Mapping[str, Callable[[str, int], bytes]] = {
    "protobuf": _protobuf,
    "raw_inbound": _raw_inbound,
    "unknown_event": _unknown_event,
    "unknown_content": _unknown_content,
    "no_id": _no_id,
    "missing_parts": _missing_parts,
    "not_json": _not_json,
    "not_utf8": _not_utf8,
    "hostile_json": _hostile_json,
    "odd_id": _odd_id,
}
# What is no JSON says so.
CONTENT_TYPES: Mapping[str, str] = {
    "protobuf": "application/x-protobuf",
    "not_utf8": "application/octet-stream",
}
