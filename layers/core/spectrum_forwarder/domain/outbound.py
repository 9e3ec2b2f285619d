"""One attempt as it is sent: the original bytes, signed anew with the destination's own secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spectrum_forwarder.domain.destination import HTTP, Destination
from spectrum_forwarder.domain.headers import HEADER_VALUE
from spectrum_forwarder.domain.identity import HASHES, SIGNED_ID
from spectrum_forwarder.domain.signature import sign, sign_standard
from spectrum_forwarder.domain.via import VIA_HEADER

USER_AGENT = "spectrum-forwarder/0.2"
DEFAULT_CONTENT_TYPE = "application/json"
# The only event that Spectrum has; receivers refuse what names none.
DEFAULT_EVENT = "messages"
REPLAY_HEADER = "X-Spectrum-Forwarder-Replay"
LATE_HEADER = "X-Spectrum-Forwarder-Late"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One send within a delivery. It must begin before `begin_by` (Unix seconds), or not at all.

    `url` and `options` are the destination's, so the former is an ARN for every kind but HTTP.
    `timeout_seconds` bounds the whole exchange, name look-up and TLS included. `event_kind` is what
    the body says that it is.
    """

    event_key: str
    destination: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    timeout_seconds: float
    begin_by: float
    kind: str = HTTP
    options: Mapping[str, Any] = field(default_factory=dict)
    event_kind: str | None = None


def outgoing_id(event_key: str, stored_format: int) -> str:
    """What an event goes out under as `webhook-id`, over all attempts and replays.

    Standard Webhooks knows no full stop in it, and no key holds a `~`, so `key_of` undoes it. What
    0.1.0 stored (format 0) went out under its key, and goes on so. What is known by the id that it
    was signed with goes on under that: the vendor's receivers compare it with the body.
    """
    if not stored_format:
        return event_key
    _source, _, name = event_key.partition(":")
    own = name.removeprefix(SIGNED_ID)
    if own != name and "+" not in own and not own.startswith(HASHES):
        event_key = own
    return event_key.replace(".", "~")


def key_of(outgoing_id: str) -> str:
    """The key of the event that went out as `outgoing_id`, whichever version sent it.

    Of one that went out under an id of the vendor's, it is that id alone.
    """
    return outgoing_id.replace("~", ".")


def outbound_headers(
    destination: Destination,
    *,
    outgoing_id: str,
    kind: str | None,
    webhook_id: str,
    content_type: str | None,
    body: bytes,
    now: float,
    replays: int = 0,
    late: bool = False,
    via: str | None = None,
    content_encoding: str | None = None,
) -> dict[str, str]:
    """Headers in both schemes; those that the destination configures come first and lose.

    The four of Spectrum are always there, for receivers refuse what lacks one. `webhook_id` is
    what the event came through, unless the destination is to be told another one.
    `replays` is how often the delivery was begun anew: a receiver that has the event already can
    tell an operator's wish from a retry. At an ordered destination a `late` one comes out of order.
    `via` are the marks of the forwarders that it has passed.
    """
    timestamp = int(now)
    secrets = destination.secrets_at(now)
    tokens = (sign_standard(secret, outgoing_id, timestamp, body) for secret in secrets)
    own = {
        "Content-Type": content_type if _can_be_sent(content_type) else DEFAULT_CONTENT_TYPE,
        "User-Agent": USER_AGENT,
        "X-Spectrum-Event": kind if _can_be_sent(kind) else DEFAULT_EVENT,
        "X-Spectrum-Webhook-Id": destination.webhook_id or webhook_id,
        "X-Spectrum-Timestamp": str(timestamp),
        # There is room for one, and a receiver has the old secret until it is given the new one.
        "X-Spectrum-Signature": sign(secrets[-1], timestamp, body),
        "webhook-id": outgoing_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(token for token in tokens if token) or None,
        REPLAY_HEADER: str(replays) if replays else None,
        LATE_HEADER: "1" if late else None,
        VIA_HEADER: via,
    }
    if _can_be_sent(content_encoding):
        own["Content-Encoding"] = content_encoding
    taken = {name.lower() for name in own}
    configured = {n: v for n, v in destination.headers.items() if n.lower() not in taken}
    return configured | {n: v for n, v in own.items() if v is not None and _can_be_sent(v)}


def headers_in_batch(
    *,
    kind: str | None,
    webhook_id: str,
    content_type: str | None,
    content_encoding: str | None,
    replays: int,
    late: bool,
    via: str | None,
) -> dict[str, str]:
    """What an event in a batch has of the headers that it would have had by itself."""
    said = {
        "Content-Type": content_type if _can_be_sent(content_type) else DEFAULT_CONTENT_TYPE,
        "Content-Encoding": content_encoding,
        "X-Spectrum-Event": kind if _can_be_sent(kind) else DEFAULT_EVENT,
        "X-Spectrum-Webhook-Id": webhook_id,
        REPLAY_HEADER: str(replays) if replays else None,
        LATE_HEADER: "1" if late else None,
        VIA_HEADER: via,
    }
    return {name: value for name, value in said.items() if value and _can_be_sent(value)}


def _can_be_sent(value: str | None) -> bool:
    return value is not None and HEADER_VALUE.fullmatch(value) is not None
