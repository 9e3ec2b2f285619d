"""Everything that can go wrong, as one tree.

ForwarderError
├── Refused                 an inbound request that is not accepted; answered with its code
│   ├── MissingHeaders        400  it names no webhook and is not signed: nothing is Spectrum's
│   ├── Unproved              it names a webhook that we know: it is kept in the quarantine
│   │   ├── MissingSignature    401  no scheme's signature is there
│   │   ├── MissingTimestamp    401  the time that was signed is not there
│   │   ├── MissingId           401  the event id that was signed along is not there
│   │   ├── MalformedSignature  401  no signature is in the form of its scheme
│   │   ├── MalformedTimestamp  401  the timestamp is not made of digits alone
│   │   ├── MalformedId         401  the event id holds a full stop
│   │   ├── StaleTimestamp      401  signed too long ago, or in the future
│   │   ├── SignatureMismatch   401  signed with another secret, or changed on the way
│   │   └── NoSecretForScheme   503  signed by a scheme that no secret is stored for (yet)
│   ├── UnknownWebhook        503  no secret is stored for this webhook id (yet)
│   ├── UnnamedWebhook        503  it names no webhook, and no stored secret proves it (yet)
│   ├── SecretsUnavailable    503  the webhook secrets cannot be read and none are cached
│   ├── UnreadableBody        503  the gateway's base64 cannot be decoded
│   └── NotDurable            503  neither the table nor the queue took the event
├── Unavailable             our own fault: a service failed; the caller decides what that means
│   ├── TableUnavailable, QueueUnavailable, PayloadsUnavailable, RegistryUnavailable
│   │   └── TableSilent         the table, and no answer came: the call may have had its effect
│   └── ItemTooLarge          the table works, and cannot hold this: it has to be made smaller
├── PayloadMissing          the stored body of an event is gone
├── LaterFormat             a stored event that only a later version of the forwarder can read
├── QuarantineFull          a refused request is not kept, for as many are as there may be
└── InvalidEntry            a registry entry that cannot be used; says which field and why

A 4xx makes Spectrum drop the event for ever, so it is said only to what is provably not
Spectrum's; every doubt of our own is a 503, which Spectrum retries. What names a known webhook may
be Spectrum's whatever happened to it on the way: it is kept.
"""

from collections.abc import Iterator
from typing import ClassVar


class ForwarderError(Exception):
    """Base of every error that this package raises on purpose."""


class Refused(ForwarderError):
    """An inbound request that is not accepted.

    `status` is the HTTP status, `code` is stable for programs, `advice` tells a person what to do.
    `verified` says that the signature is right all the same. `tried` tells what is wrong in each
    scheme that it carries: `v0=signature_mismatch standard=scheme_without_secret`.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    advice: ClassVar[str]

    def __init__(self, detail: str = "", *, verified: bool = False, tried: str = "") -> None:
        super().__init__(detail or self.advice)
        self.detail = detail
        self.verified = verified
        self.tried = tried


class MissingHeaders(Refused):
    status = 400
    code = "missing_headers"
    advice = (
        "Send X-Spectrum-Signature, X-Spectrum-Timestamp and X-Spectrum-Webhook-Id, or sign it by "
        "Standard Webhooks; if Spectrum sent this, a proxy in between strips its headers."
    )


class Unproved(Refused):
    """It names a webhook that we know, and no stored secret proves it. It is kept for release."""


class MissingSignature(Unproved):
    status = 401
    code = "missing_signature"
    advice = (
        "Send X-Spectrum-Signature, or webhook-signature; "
        "if Spectrum sent this, a proxy in between strips it."
    )


class MissingTimestamp(Unproved):
    status = 401
    code = "missing_timestamp"
    advice = (
        "Send X-Spectrum-Timestamp, or webhook-timestamp beside webhook-signature; "
        "if Spectrum sent this, a proxy in between strips it."
    )


class MissingId(Unproved):
    status = 401
    code = "missing_id"
    advice = (
        "Send webhook-id beside webhook-signature, which is made with it; "
        "if Spectrum sent this, a proxy in between strips it."
    )


class MalformedSignature(Unproved):
    status = 401
    code = "malformed_signature"
    advice = (
        "X-Spectrum-Signature must be 'v0=' and 64 lowercase hex digits (67 characters), and one "
        "part of webhook-signature 'v1,' and 44 characters of base64; "
        "a shorter one was truncated on the way, one with a comma more was sent twice."
    )


class MalformedTimestamp(Unproved):
    status = 401
    code = "malformed_timestamp"
    advice = (
        "X-Spectrum-Timestamp must be Unix time in whole seconds: exactly 10 digits. "
        "So must webhook-timestamp, of as many digits as it takes."
    )


class MalformedId(Unproved):
    status = 401
    code = "malformed_id"
    advice = "webhook-id must not hold a full stop, which divides what is signed."


class StaleTimestamp(Unproved):
    status = 401
    code = "stale_timestamp"
    advice = (
        "The timestamp is too far from this clock: check the sender's clock, "
        "or sign the request anew instead of repeating an old one."
    )


class SignatureMismatch(Unproved):
    status = 401
    code = "signature_mismatch"
    advice = (
        "The signature does not match: check that this webhook's signing secret is stored as it "
        "was shown, and that nothing between Spectrum and the endpoint rewrites the body."
    )


class NoSecretForScheme(Unproved):
    status = 503
    code = "scheme_without_secret"
    advice = (
        "It is signed in a scheme that no secret of this webhook is stored for: store it beside "
        "the others, as Spectrum showed it when the webhook was registered."
    )


class UnknownWebhook(Refused):
    status = 503
    code = "unknown_webhook"
    advice = "No signing secret is stored for this X-Spectrum-Webhook-Id: add it to the webhooks."


class UnnamedWebhook(Refused):
    status = 503
    code = "unnamed_webhook"
    advice = (
        "It names no webhook (X-Spectrum-Webhook-Id), and no stored secret proves it: if Spectrum "
        "sent this, a proxy in between strips that header, and the secret is not stored, or "
        "not as it was shown."
    )


class SecretsUnavailable(Refused):
    status = 503
    code = "secrets_unavailable"
    advice = "The webhooks secret cannot be read: check that it exists, is valid and may be read."


class UnreadableBody(Refused):
    status = 503
    code = "unreadable_body"
    advice = "The gateway said that the body is base64 and it is not: check the API's settings."


class NotDurable(Refused):
    status = 503
    code = "not_durable"
    advice = "Neither the events table nor the queue could take the event: it will be retried."


def refusals(kind: type[Refused] = Refused) -> Iterator[type[Refused]]:
    """Every kind of refusal that has a code of its own."""
    for further in kind.__subclasses__():
        if hasattr(further, "code"):
            yield further
        yield from refusals(further)


class Unavailable(ForwarderError):
    """A service of ours failed or could not be reached."""


class TableUnavailable(Unavailable):
    """The events table did not do what it was asked."""


class TableSilent(TableUnavailable):
    """No answer came that could be read: the change may have been made, or not."""


class ItemTooLarge(TableUnavailable):
    """The item would outgrow what the table takes: to ask again for the same is of no use."""


class QueueUnavailable(Unavailable):
    """A queue did not take what it was sent."""


class PayloadsUnavailable(Unavailable):
    """The payload bucket did not do what it was asked."""


class RegistryUnavailable(Unavailable):
    """A registry's secret cannot be read or understood, and no earlier copy is cached."""


class PayloadMissing(ForwarderError):
    """The payload bucket answered that it does not hold this body."""


class LaterFormat(ForwarderError):
    """A later version of the forwarder stored this event: it is kept for that one, untouched."""


class QuarantineFull(ForwarderError):
    """As many refused requests are kept as there may be: this one is not."""


class InvalidEntry(ForwarderError):
    """A registry entry that cannot be used; the text names the field and never the secret."""
