"""Requests that verify, and the ways to spoil one."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from spectrum_cli.samples.requests import (
    SIGNATURE,
    TEST_SECRET,
    make_body,
    signed,
)
from spectrum_forwarder.domain.signature import sign

NOW = 1_700_000_000

WEBHOOK = "3f1c2b7e-0000-4000-8000-000000000001"

OTHER = "3f1c2b7e-0000-4000-8000-000000000002"

OTHER_SECRET = "0f" * 32


@dataclass(frozen=True, slots=True)
class Case:
    """A request, what the operator keeps as its secret, and when it came in."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    stored: bytes = TEST_SECRET.encode()
    received_at: float | None = NOW


Change = Callable[[Case], Case]


def good(kind: str = "text", *, body: bytes | None = None, timestamp: int = NOW) -> Case:
    """A request that verifies."""
    content = make_body(kind, message_id="spc-msg-1", sent_at=NOW - 2) if body is None else body
    request = signed(content, webhook_id=WEBHOOK, secret=TEST_SECRET, timestamp=timestamp)
    return Case(request.headers, request.body)


def with_body(change: Callable[[bytes], bytes], kind: str = "text") -> Case:
    case = good(kind)
    changed = change(case.body)
    assert changed != case.body
    return replace(case, body=changed)


def with_header(name: str, change: Callable[[str], str | None]) -> Case:
    case = good()
    value = change(case.headers[name])
    headers = {key: text for key, text in case.headers.items() if key != name}
    return replace(case, headers=headers if value is None else headers | {name: value})


def with_stored(stored: str | bytes) -> Case:
    return replace(good(), stored=stored.encode() if isinstance(stored, str) else stored)


def signed_by(key: bytes) -> Case:
    """As `good`, but signed with other bytes than the secret's text."""
    case = good()
    signature = sign(key.decode("latin-1"), NOW, case.body) if key.isascii() else _raw(key, case)
    return replace(case, headers={**case.headers, SIGNATURE: signature})


def _raw(key: bytes, case: Case) -> str:
    return "v0=" + hmac.digest(key, b"v0:%d:" % NOW + case.body, "sha256").hex()


def rewritten(**how: Any) -> Callable[[bytes], bytes]:
    return lambda body: json.dumps(json.loads(body), **how).encode()


def php(body: bytes) -> bytes:
    """As PHP's json_encode writes it."""
    compact = json.dumps(json.loads(body), separators=(",", ":"))
    return compact.replace("/", r"\/").encode()


def go(body: bytes) -> bytes:
    """As Go's json.Marshal writes a map: sorted, and safe in HTML."""
    text = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode()


def jq(body: bytes) -> bytes:
    """As jq writes it: indented, and with a line break at the end."""
    return rewritten(indent=2, ensure_ascii=False)(body) + b"\n"


def padded(body: bytes) -> bytes:
    """As the vendor's page shows it: `{ "event"`."""
    return b"{ " + rewritten(ensure_ascii=False)(body)[1:-1] + b" }"


def iso(timestamp: str) -> str:
    return datetime.fromtimestamp(int(timestamp), UTC).isoformat()
