"""Via: the marks of the forwarders that an event has passed, so that it does not go round for ever.

Each forwarder adds a mark to what it sends, and passes on those that were there. A mark is made of
the body with a key that never leaves its stack: nobody else can make it, and to its maker it proves
that these very bytes were stored and forwarded already. So whoever adds a mark to a request that is
new makes no difference to it.
"""

import hmac
import re

VIA_HEADER = "X-Spectrum-Forwarder-Via"
# Compiled when a mark comes, not at every cold start.
MARK = r"[A-Za-z0-9_-]{8,64}"
MARK_DIGITS = 32
# A loop of more forwarders than these goes round until one takes the event for a duplicate.
MOST_MARKS = 16


def mark_of(key: bytes, body: bytes) -> str:
    """The mark of the stack that has this key on a body."""
    return hmac.digest(key, b"via:" + body, "sha256").hex()[:MARK_DIGITS]


def marks_in(header: str | None) -> list[str]:
    """The marks of a header, the latest last; whatever else stands there is passed over."""
    parts = [part.strip() for part in (header or "").split(",")]
    return [part for part in parts if re.fullmatch(MARK, part)][-MOST_MARKS:]


def joined(marks: list[str]) -> str | None:
    """The header of these marks, None where there is none."""
    return ", ".join(marks[-MOST_MARKS:]) or None
