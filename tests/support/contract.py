"""CONTRACT §§1 to 4 and 9 as requests: what the vendor may send, and what it is to be answered.

Signed from the published rules, with nothing of the forwarder's own code. Each case is made for a
moment, so that it can be held against the use case and against a running stack.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.support.vendor_signing import Headers, message, standard, v0, whsec

Answer = tuple[int, str]

LEGACY, OTHER_LEGACY = "c3d4" * 16, "9f01" * 16


KEY, SHORTEST, LONGEST, REPLACED = whsec(32, 7), whsec(24, 5), whsec(64, 3), whsec(32, 11)
BOTH, OLD, NEW, OVER = (f"11111111-0000-4000-8000-00000000000{digit}" for digit in "abcd")
UNKNOWN = "22222222-0000-4000-8000-000000000000"
# As the webhooks secret holds them: a registration with both secrets, an older one, one of the
# vendor's newer kind in the middle of a rotation, and one whose Standard secret has run out.
ENTRIES: list[dict[str, object]] = [
    {"id": BOTH, "source": "one", "signing_secret": LEGACY, "standard_secrets": [KEY]},
    {"id": OLD, "source": "two", "signing_secret": OTHER_LEGACY},
    {
        "id": NEW,
        "source": "three",
        "standard_secrets": [
            SHORTEST,
            {"secret": LONGEST, "accepted_until": 4e9},
            {"secret": REPLACED, "accepted_until": 1.0},
        ],
    },
    {
        "id": OVER,
        "source": "four",
        "signing_secret": "0a" * 32,
        "standard_secrets": [{"secret": REPLACED, "accepted_until": 1.0}],
    },
]


@dataclass(frozen=True)
class Case:
    """A request: its name begins with the section. `make` gets the body and the time (seconds)."""

    name: str
    make: Callable[[bytes, int], Headers]
    answer: Answer
    tampers: bool = False

    def request(self, now: float) -> tuple[Headers, bytes]:
        """Its headers and body at this moment; no two cases share an event."""
        body = message(self.name.replace(" ", "-"))
        headers = self.make(body, int(now))
        return headers, body + b" " if self.tampers else body


def _without(headers: Mapping[str, str], *names: str) -> Headers:
    return {name: value for name, value in headers.items() if name not in names}


def _event(body: bytes) -> str:
    return "evt_" + hashlib.sha256(body).hexdigest()[:20]


def both(body: bytes, at: int, *, old: str = LEGACY, new: str = KEY, skew: int = 0) -> Headers:
    """A registration's headers in both schemes; `skew` is that of the Standard ones."""
    return v0(BOTH, old, body, at) | standard(BOTH, body, at + skew, _event(body), new)


def new(body: bytes, at: int | str, *secrets: str, webhook: str = NEW) -> Headers:
    """Headers of the Standard scheme alone."""
    return standard(webhook, body, at, _event(body), *secrets)


ACCEPTED, MISMATCH = (200, "accepted"), (401, "signature_mismatch")
STALE, DOUBT = (401, "stale_timestamp"), (503, "scheme_without_secret")
NOTHING = "v1," + "A" * 43 + "="

CASES = [
    # §1: each scheme alone, and its window.
    Case("1 v0", lambda b, t: v0(BOTH, LEGACY, b, t), ACCEPTED),
    Case("1 v0 at the edge", lambda b, t: v0(BOTH, LEGACY, b, t - 297), ACCEPTED),
    Case("1 v0 beyond it", lambda b, t: v0(BOTH, LEGACY, b, t - 303), STALE),
    Case("1 v0 from the future", lambda b, t: v0(BOTH, LEGACY, b, t + 303), STALE),
    Case(
        "1 v0 of eleven digits",
        lambda b, t: v0(BOTH, LEGACY, b, f"0{t}"),
        (401, "malformed_timestamp"),
    ),
    Case(
        "1 hints are unsigned",
        lambda b, t: v0(BOTH, LEGACY, b, t) | {"x-spectrum-event": "x"},
        ACCEPTED,
    ),
    Case("1 a body that was changed", both, MISMATCH, tampers=True),
    Case("1 a key of 24 bytes", lambda b, t: new(b, t, SHORTEST), ACCEPTED),
    Case("1 a key of 64 bytes", lambda b, t: new(b, t, LONGEST), ACCEPTED),
    Case("1 digits are signed as they stand", lambda b, t: new(b, f"000{t}", SHORTEST), ACCEPTED),
    Case("1 standard beyond the window", lambda b, t: new(b, t - 303, SHORTEST), STALE),
    Case(
        "1 a full stop in the id",
        lambda b, t: standard(NEW, b, t, "evt.1", SHORTEST),
        (401, "malformed_id"),
    ),
    Case(
        "1 an id of odd letters", lambda b, t: standard(NEW, b, t, "evt 1/~+:", SHORTEST), ACCEPTED
    ),
    # §1: tokens and rotation.
    Case("1 both tokens of a rotation", lambda b, t: new(b, t, REPLACED, SHORTEST), ACCEPTED),
    Case("1 the replaced token alone", lambda b, t: new(b, t, REPLACED), MISMATCH),
    Case(
        "1 unknown tokens are skipped",
        lambda b, t: (
            (h := new(b, t, SHORTEST))
            | {"webhook-signature": f"v1a,x \t v9,y {NOTHING}  {h['webhook-signature']}"}
        ),
        ACCEPTED,
    ),
    Case(
        "1 a token without its padding",
        lambda b, t: (
            (h := new(b, t, SHORTEST)) | {"webhook-signature": h["webhook-signature"].rstrip("=")}
        ),
        (401, "malformed_signature"),
    ),
    # §§1 and 9.2: either scheme is enough, and only a checked one is a 401.
    Case("9.2 both", both, ACCEPTED),
    Case("9.2 a stale standard beside v0", lambda b, t: both(b, t, skew=-303), ACCEPTED),
    Case("9.2 a stale v0 beside standard", lambda b, t: both(b, t - 303, skew=303), ACCEPTED),
    Case("9.2 a wrong v0 beside standard", lambda b, t: both(b, t, old=OTHER_LEGACY), ACCEPTED),
    Case("9.2 a wrong standard beside v0", lambda b, t: both(b, t, new=SHORTEST), ACCEPTED),
    Case("9.2 both wrong", lambda b, t: both(b, t, old=OTHER_LEGACY, new=SHORTEST), MISMATCH),
    Case("9.2 both stale", lambda b, t: both(b, t - 303), STALE),
    Case(
        "9.2 one header of standard",
        lambda b, t: v0(BOTH, LEGACY, b, t) | {"webhook-timestamp": "1"},
        ACCEPTED,
    ),
    Case("9.2 standard without a secret", lambda b, t: new(b, t, KEY, webhook=OLD), DOUBT),
    Case("9.2 v0 without a secret", lambda b, t: v0(NEW, LEGACY, b, t), DOUBT),
    Case("9.2 a secret that has run out", lambda b, t: new(b, t, REPLACED, webhook=OVER), DOUBT),
    Case(
        "9.2 v0 wrong and standard without a secret",
        lambda b, t: v0(OLD, LEGACY, b, t) | new(b, t, KEY, webhook=OLD),
        DOUBT,
    ),
    Case(
        "9.2 v0 right and standard without a secret",
        lambda b, t: v0(OLD, OTHER_LEGACY, b, t) | new(b, t, KEY, webhook=OLD),
        ACCEPTED,
    ),
    Case(
        "9.2 the secret of another registration",
        lambda b, t: v0(BOTH, OTHER_LEGACY, b, t),
        MISMATCH,
    ),
    # §9.2: whose it is.
    Case(
        "9.2 v0 names nobody",
        lambda b, t: _without(v0(OLD, OTHER_LEGACY, b, t), "x-spectrum-webhook-id"),
        ACCEPTED,
    ),
    Case(
        "9.2 standard names nobody",
        lambda b, t: _without(new(b, t, LONGEST), "x-spectrum-webhook-id"),
        ACCEPTED,
    ),
    Case(
        "9.2 an empty name",
        lambda b, t: v0(OLD, OTHER_LEGACY, b, t) | {"x-spectrum-webhook-id": ""},
        ACCEPTED,
    ),
    Case(
        "9.2 nobody's",
        lambda b, t: _without(v0(OLD, "ab" * 32, b, t), "x-spectrum-webhook-id"),
        (503, "unnamed_webhook"),
    ),
    Case(
        "10 an unknown name is never a 401",
        lambda b, t: v0(UNKNOWN, LEGACY, b, t),
        (503, "unknown_webhook"),
    ),
    Case("9.2 no header of a scheme", lambda b, t: {}, (400, "missing_headers")),
]

# §2: authentic whatever they are, and forwarded byte for byte.
BODIES: Mapping[str, bytes] = {
    "a byte order mark": b"\xef\xbb\xbf" + message("bom"),
    "an escaped lone surrogate": message("escaped").replace(b"hello", b"\\ud800"),
    "bytes of a lone surrogate": message("surrogate").replace(b"hello", b"\xed\xa0\x80"),
    "a key that stands twice": message("twice").replace(b'{"event"', b'{"event": "x", "event"', 1),
    "an integer beyond 2^53": message("integer", n=9007199254740993),
    "an integer of 10,000 digits": message("digits").replace(b'"hello"', b"9" * 10_000),
    "U+2028": message("line").replace(b"hello", "a\u2028b".encode()),
    "no number": message("nan").replace(b'"hello"', b"NaN"),
    "line breaks": message("breaks").replace(b", ", b",\r\n") + b"\r\n",
    "50,000 levels": b'{"event":"messages","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "an id that is a number": message("57").replace(b'"id": "57"', b'"id": 57'),
    "a null for a message": b'{"event":"messages","message":null}',
    "an event to come": b'{"event":"presence","presence":{"state":"away"}}',
    "a content to come": message("hologram", content={"type": "hologram", "z": [1, None]}),
    "a list": b'["x"]',
    "protobuf": b"\x0a\x03\xff\x00",
    "nothing": b"",
    "UTF-16": message("utf-16").decode().encode("utf-16"),
}
