"""What tells one event from another: its id, its fingerprint, and for how long a copy is a copy.

Ids repeat for different events: those of some platforms are unique within a chat only, an edited
message keeps its own, a reaction that is taken back shares one with its adding. So two events are
one only if their fingerprints are equal as well.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# Safe in a header, a log line and a URL, and still what a person would search for.
PLAIN_ID = re.compile(r"[A-Za-z0-9:._/-]{1,200}")
# What an id that is not plain, or a body that has none, is known by: key spaces of their own.
HASHED_ID, HASHED_BODY = "id-sha256:", "body-sha256:"
# What is known by the id that it was signed with, which may be any message's as well.
SIGNED_ID = "webhook-id:"
# What 0.1.0 wrote for both: keys that are stored so stay good.
HASHED = "sha256:"
HASHES = (HASHED_ID, HASHED_BODY, HASHED)
RESERVED = (*HASHES, SIGNED_ID)
# Seconds for which Spectrum's six attempts can last, and a little more: 6 times 30 s to answer and
# 39 s between them. What has no id or no time of its own is known again for so long, and no longer.
LONGEST_RUN = 240.0
# Of SHA-256, in hex digits: what is compared, and what tells keys apart.
FINGERPRINT, SUFFIX = 32, 16
LONGEST_INTEGER = 100

# ASCII alone, so that lone surrogates can be written; keys in order; 1, 1.0 and "1" stay different.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False).encode


class Identity(NamedTuple):
    """Who an event is.

    `id` is the key without its source. `fingerprint` is 32 hex digits. `lasting` says that a copy
    is one whenever it comes; else it is a copy within LONGEST_RUN only, and a new event after that.
    """

    id: str
    fingerprint: str
    lasting: bool


def hashed(content: bytes) -> str:
    """A fingerprint of these very bytes."""
    return hashlib.sha256(content).hexdigest()[:FINGERPRINT]


def is_hashed(event_key: str) -> bool:
    """Whether the key names a hash: the event had no id, or none that is plain."""
    return event_key.partition(":")[2].removeprefix(SIGNED_ID).startswith(HASHES)


def parse(body: bytes) -> dict[str, Any]:
    """A body as JSON; empty where it is no JSON object."""
    try:
        return _object(json.loads(body, parse_int=_integer))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return {}
    except ValueError:
        return _without_numbers(body)


def part(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object of this name; empty where there is none."""
    return _object(content.get(name))


class _Inexact(dict[str, Any]):
    """A body whose numbers were left out."""


def _without_numbers(body: bytes) -> dict[str, Any]:
    """A body with an integer that is too long to be converted."""
    try:
        return _Inexact(_object(json.loads(body, parse_int=_ignore, parse_float=_ignore)))
    except (ValueError, RecursionError):
        return {}


def name_of(given: str) -> str:
    """A given id as a key can hold it: itself if it is a plain token, else its hash."""
    if PLAIN_ID.fullmatch(given) and not given.startswith(RESERVED):
        return given
    return HASHED_ID + hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()


def name_of_body(body: bytes) -> str:
    """What a body is known by that has no id."""
    return HASHED_BODY + hashlib.sha256(body).hexdigest()


def fingerprint(body: bytes, content: Mapping[str, Any], parts: Sequence[object]) -> str:
    """Of these parts of the body, which make the event, and of nothing else.

    The whole body where it cannot be read or written: then any change makes another event.
    """
    exact = bool(content) and not isinstance(content, _Inexact)
    try:
        text = _canonical(parts).encode() if exact else body
    except RecursionError:
        text = body
    return hashed(text)


def _integer(text: str) -> int:
    # Converting takes the square of the length, and Python refuses thousands of digits anyway.
    if len(text) > LONGEST_INTEGER:
        raise ValueError
    return int(text)


def _ignore(_: str) -> None:
    return None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
