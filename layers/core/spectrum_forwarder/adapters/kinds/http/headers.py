"""Headers of one exchange: an attempt's as libcurl is given them, and what an answer's ask for."""

import functools
import re
from email.utils import parsedate_to_datetime

from spectrum_forwarder.domain.outbound import Attempt

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
# These frame the request or steer the connection: they are libcurl's to write.
_FRAMING = frozenset({"connection", "content-length", "expect", "te", "transfer-encoding"})
# libcurl's own, left out unless the attempt has them.
_DEFAULT_HEADERS = ("Accept", "Content-Type", "Expect")


class Unsendable(Exception):
    """The attempt cannot be put into HTTP; its text is the answer's error."""


def retry_after(value: bytes, now: float) -> float | None:
    """Seconds from now that a `Retry-After` asks for, as seconds or a date; None for nonsense."""
    if re.fullmatch(rb"[0-9]{1,10}", value):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value.decode("ascii")).timestamp() - now)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def header_lines(attempt: Attempt) -> list[bytes]:
    """The attempt's headers as libcurl takes them; raise Unsendable where one cannot be said."""
    lines, given = [], set()
    for name, value in attempt.headers.items():
        known = _known(name)
        if known is None or not _HEADER_VALUE.fullmatch(value):
            raise Unsendable("invalid_header")
        given.add(known)
        # libcurl takes `Name:` as the wish to leave a header out, and `Name;` as an empty one.
        lines.append(f"{name}: {value}" if value.strip() else f"{name};")
    lines.extend(f"{name}:" for name in _DEFAULT_HEADERS if name.lower() not in given)
    return [line.encode("ascii") for line in lines]


@functools.lru_cache(maxsize=1024)
def _known(name: str) -> str | None:
    """A header's name in lower case, None for one that may not be sent: always the same few."""
    lower = name.lower()
    return lower if _HEADER_NAME.fullmatch(name) and lower not in _FRAMING else None
