"""Source kinds: what an authentic body may be, a module each, and how each tells its events apart.

They differ in how an event is known and labelled; everything after that is the same for all. A new
kind is a module and a name in `SOURCES`.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from spectrum_forwarder.domain.identity import Identity, parse
from spectrum_forwarder.domain.sources import normalized, raw_inbound, signed

Content = Mapping[str, Any]


class Source(Protocol):
    """One kind of body; a module. `content` is what `parse` makes of the body.

    `signed_id` is the event's id if that was signed along, and so is no guess.
    """

    def takes(self, content: Content, signed_id: str | None, /) -> bool:
        """Whether the body is of this kind."""

    def identify(self, body: bytes, content: Content, signed_id: str | None, /) -> Identity:
        """Who the event is."""

    def labels(self, content: Content, /) -> tuple[object, object, object, object]:
        """What the log shows, as the body has it: kind, space, sender and the message's type.

        Each may be anything.
        """


# The first one that takes a body has it; the last one takes all.
SOURCES: tuple[Source, ...] = (raw_inbound, signed, normalized)


def source_of(content: Content, signed_id: str | None = None) -> Source:
    """The kind of a body."""
    return next(source for source in SOURCES if source.takes(content, signed_id))


def identify(body: bytes, content: Content, signed_id: str | None = None) -> Identity:
    """The identity of an authentic body; `content` is what `parse` makes of it."""
    return source_of(content, signed_id).identify(body, content, signed_id)


def fingerprint_of(body: bytes) -> str:
    """The fingerprint alone, of a body that was stored without it."""
    return identify(body, parse(body)).fingerprint
