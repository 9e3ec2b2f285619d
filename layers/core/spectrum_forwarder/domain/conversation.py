"""A conversation: the chat that an event is of. Order means something within one alone."""

from spectrum_forwarder.domain.identity import parse
from spectrum_forwarder.domain.sources import source_of


def conversation_of(body: bytes) -> str | None:
    """The id of the chat that the body names; None where it names none: that event stands alone."""
    content = parse(body)
    _kind, space_id, *_ = source_of(content).labels(content)
    return space_id if isinstance(space_id, str) and space_id else None
