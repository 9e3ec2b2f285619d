"""An event: a verified request, what it is deduplicated on, and what the log shows of it."""

import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

from spectrum_forwarder.domain.identity import hashed, parse
from spectrum_forwarder.domain.sources import source_of
from spectrum_forwarder.domain.via import VIA_HEADER, joined, marks_in

if TYPE_CHECKING:
    from spectrum_forwarder.domain.inbound import InboundRequest
    from spectrum_forwarder.domain.schemes import Proof

SOURCE = re.compile(r"[A-Za-z0-9_-]{1,100}")
# The form that events are stored in now. 0.1.0's items say nothing of theirs, and have number 0.
FORMAT = 1
# The source of events that only prove that the way through the forwarder is open.
CANARY_SOURCE = "forwarder-canary"
LONGEST_LABEL, LONGEST_TYPE = 200, 40
# Seconds between the sender's clock and ours from which on the log says so.
NOTABLE_SKEW = 10.0
# What proves most events: not worth a mention on each.
USUAL_SCHEME = "v0"


class Event(NamedTuple):
    """A verified request.

    Times are Unix seconds. `kind`, `space_id`, `sender_id` and `message_type` are for the log
    alone: cleaned, shortened, and None where the body does not say. `content_type` and
    `content_encoding` are the inbound headers'. `first_id` is what destinations know the webhook
    by, where it is not its id.
    `fingerprint` and `lasting` are those of its `Identity`, `via` the marks that it came with.
    `scheme` is what proved it, `signed_id` stands for the event id that this signs: 32 hex digits,
    None where it signs none.
    """

    key: str
    fingerprint: str
    lasting: bool
    webhook_id: str
    received_at: float
    signed_at: int
    body: bytes
    kind: str | None = None
    space_id: str | None = None
    sender_id: str | None = None
    content_type: str | None = None
    via: str | None = None
    scheme: str = USUAL_SCHEME
    signed_id: str | None = None
    # Schemes whose headers it had as well, and that did not prove it.
    also: str | None = None
    content_encoding: str | None = None
    first_id: str | None = None
    message_type: str | None = None

    def __repr__(self) -> str:
        """Without the body, and without who has sent it."""
        return f"Event({self.key!r}, webhook_id={self.webhook_id!r}, signed_at={self.signed_at})"

    @property
    def notable_skew(self) -> int | None:
        """Whole seconds between the sender's clock and ours; None where both may be right."""
        skew = self.received_at - self.signed_at
        return round(skew) if abs(skew) >= NOTABLE_SKEW else None


def proved_event(
    request: "InboundRequest", proof: "Proof", *, received_at: float, also: str | None = None
) -> Event:
    """The event that a proved request is; `also` names what stood there too and proved nothing."""
    return make_event(
        source=proof.webhook.source,
        webhook_id=proof.webhook.id,
        received_at=received_at,
        signed_at=proof.timestamp,
        scheme=proof.scheme,
        also=also,
        signed_id=proof.event_id,
        body=request.body,
        content_type=request.header("content-type") or None,
        content_encoding=request.header("content-encoding") or None,
        first_id=proof.webhook.first_id,
        via=request.header(VIA_HEADER.lower()),
    )


def make_event(
    *,
    source: str,
    webhook_id: str,
    received_at: float,
    signed_at: int,
    body: bytes,
    content_type: str | None = None,
    via: str | None = None,
    scheme: str = USUAL_SCHEME,
    signed_id: str | None = None,
    also: str | None = None,
    content_encoding: str | None = None,
    first_id: str | None = None,
) -> Event:
    """Make an event of an authentic body; any bytes are accepted.

    `signed_id` is the event's own id where `scheme` has proved it, `first_id` the webhook's.

    The key is `{source}:` and the id of its identity. Where another event has it, the event is
    stored under a longer one (`storing`).
    """
    content = parse(body)
    kind_of_source = source_of(content, signed_id)
    identity = kind_of_source.identify(body, content, signed_id)
    kind, space_id, sender_id, message_type = kind_of_source.labels(content)
    return Event(
        key=f"{source}:{identity.id}",
        fingerprint=identity.fingerprint,
        lasting=identity.lasting,
        webhook_id=webhook_id,
        received_at=received_at,
        signed_at=signed_at,
        body=body,
        kind=label(kind),
        space_id=label(space_id),
        sender_id=label(sender_id),
        message_type=label(message_type, LONGEST_TYPE),
        # Unsigned, and only worth keeping as they are: what cannot be kept must not stop the event.
        content_type=content_type if label(content_type) == content_type else None,
        content_encoding=content_encoding if label(content_encoding) == content_encoding else None,
        first_id=first_id if first_id != webhook_id else None,
        via=joined(marks_in(via)),
        scheme=scheme,
        also=also,
        signed_id=hashed(signed_id.encode("utf-8", "surrogatepass")) if signed_id else None,
    )


def is_canary(event_key: str) -> bool:
    """Whether the event only proves that the way through the forwarder is open."""
    return event_key.startswith(f"{CANARY_SOURCE}:")


def pack(body: bytes) -> bytes:
    """Compress a body for storing."""
    return zlib.compress(body)


def unpack(packed: bytes) -> bytes:
    """Undo `pack`."""
    return zlib.decompress(packed)


def label(value: object, longest: int = LONGEST_LABEL) -> str | None:
    """A string as the log can hold it: lone surrogates replaced, shortened; else None."""
    if not isinstance(value, str) or not value:
        return None
    return value[:longest].encode("utf-8", "replace").decode()
