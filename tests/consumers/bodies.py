"""The bodies that a consumer must be able to verify: one table for every framework."""

import gzip
from dataclasses import dataclass, field

TWO_MEGABYTES = 2 * 1024 * 1024


@dataclass(frozen=True)
class Body:
    """A body as it travels; `encoding` is its Content-Encoding."""

    name: str
    content: bytes = field(repr=False)
    content_type: str = "application/json"
    encoding: str | None = None

    def __str__(self) -> str:
        return self.name


PLAIN = '{"event":"messages","message":{"id":"m-1","text":"grüezi","size":1.0}}'.encode()
LARGE = b'{"event":"messages","raw":"' + b"v" * TWO_MEGABYTES + b'"}'

BODIES = (
    Body("plain", PLAIN),
    Body("BOM", b"\xef\xbb\xbf" + PLAIN),
    Body("not UTF-8", b'{"event":"messages","name":"\xe4\xff"}'),
    Body("empty", b""),
    Body("2 MB", LARGE),
    Body("lone surrogate", rb'{"event":"messages","text":"\ud83d"}'),
    Body("no JSON", b"not json at all\r\n"),
    Body("other type", b"\x08\x01\x12\x03abc", "application/x-protobuf"),
    Body("gzip", gzip.compress(PLAIN, mtime=0), encoding="gzip"),
)
