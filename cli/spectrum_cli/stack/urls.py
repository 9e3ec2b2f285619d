"""URLs as people type them, written as they travel.

Nobody on the way is asked to do it: libcurl encodes a path and leaves a query as it is, and as it
is built for the fan-out it knows no names outside of ASCII.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from spectrum_cli.terminal.errors import WrongUse

UNSAID = "?…"
_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)(.*)", re.S)
_HOST = re.compile(r"(.*@)?(.*?)(:[^:]*)?", re.S)
_LETTERS = re.compile(r"[^\x00-\x7f]+")


def without_query(url: str) -> str:
    """The URL with UNSAID in the place of its query, which may hold a token."""
    address, question, _ = url.partition("?")
    return address + UNSAID if question else url


def encoded(url: str) -> str:
    """The URL in ASCII: its host by IDNA, all else percent-encoded as UTF-8; raise WrongUse.

    What is ASCII stays as it is, right or wrong: whether it may be a destination's is judged later.
    """
    found = _PARTS.fullmatch(url)
    if url.isascii() or found is None:
        return url
    scheme, authority, rest = found.groups()
    try:
        return scheme + _authority(authority) + _LETTERS.sub(lambda part: quote(part[0]), rest)
    except UnicodeError as error:  # IDNA's own errors are some of these
        raise WrongUse(
            f"{url} cannot be written in ASCII: give its host in the xn-- form, and other letters "
            "percent-encoded"
        ) from error


def _authority(authority: str) -> str:
    import idna  # noqa: PLC0415 (not for --help)

    if authority.isascii():
        return authority
    found = _HOST.fullmatch(authority)
    user, host, port = found.groups() if found else (None, authority, None)
    # As browsers read what was typed: in small letters, with what looks like a dot as one.
    return (user or "") + idna.encode(host, uts46=True).decode("ascii") + (port or "")
