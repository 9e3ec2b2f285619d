"""Reads captured requests: from files of headers and bodies, saved requests and events of Lambda.

Owns the formats; whatever cannot be read is WrongUse.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spectrum_forwarder.domain.schemes import SCHEMES

from spectrum_cli.diagnosis.model import Capture, KnownSecret
from spectrum_cli.errors import WrongUse

REQUEST_LINE = re.compile(r"[A-Z]+ \S+ HTTP/[0-9.]+")
HEADER_LINE = re.compile(r"[><*]? ?([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s?(.*)")
STANDARD_INPUT = Path("-")


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, or of standard input for `-`; raises WrongUse."""
    try:
        return sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes()
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}") from error


def read_headers(text: str) -> tuple[tuple[str, str], ...]:
    """Headers as `Name: value` lines (a request line, `>` before them and blank lines are
    passed over), or as JSON: an object, or a list of pairs. Raises WrongUse.
    """
    if text.lstrip().startswith(("{", "[")):
        return _json_headers(text)
    headers = []
    for line in text.splitlines():
        if not line.strip(" >*<") or REQUEST_LINE.match(line.lstrip("> ")):
            continue
        found = HEADER_LINE.fullmatch(line.rstrip())
        if found is None:
            raise WrongUse(
                f"this is no header: {line[:30]!r}: give lines of the form 'Name: value', or JSON"
            )
        headers.append((found[1], found[2]))
    return tuple(headers)


def _json_headers(text: str) -> tuple[tuple[str, str], ...]:
    try:
        content = json.loads(text)
        pairs = content.items() if isinstance(content, dict) else [tuple(p) for p in content]
        headers = []
        for name, value in pairs:
            values = value if isinstance(value, list) else [value]
            headers += [(str(name), str(one)) for one in values]
    except (ValueError, TypeError) as error:
        raise WrongUse(
            'the headers are no JSON of the form {"Name": "value"} or [["Name", "value"]]'
        ) from error
    return tuple(headers)


def read_request(raw: bytes) -> Capture:
    """A whole request: HTTP as it travelled, or the JSON event that a function got.

    Raises WrongUse.
    """
    if raw.lstrip().startswith(b"{"):
        return _event(raw)
    for blank in (b"\r\n\r\n", b"\n\n"):
        head, found, body = raw.partition(blank)
        if found and not (blank == b"\n\n" and b"\r\n\r\n" in raw):
            return Capture(read_headers(head.decode("latin-1")), body)
    raise WrongUse(
        "the saved request has no blank line between its headers and its body: save it as it "
        "travelled, or give --headers and --body apart"
    )


def _event(raw: bytes) -> Capture:
    try:
        event = json.loads(raw)
    except ValueError as error:
        raise WrongUse(f"the saved request is not JSON: {error}") from error
    if not isinstance(event, dict) or not isinstance(event.get("headers"), dict):
        raise WrongUse('the saved request has no "headers": save the event that the function got')
    multiple = event.get("multiValueHeaders")
    headers = _json_headers(json.dumps(multiple or event["headers"]))
    text = str(event.get("body") or "")
    try:
        encoded = event.get("isBase64Encoded")
        body = base64.b64decode(text, validate=True) if encoded else _utf8(text)
    except (binascii.Error, ValueError) as error:
        raise WrongUse("isBase64Encoded is true, and the body is no base64") from error
    return Capture(headers, body, _received_at(event))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _received_at(event: Mapping[str, Any]) -> float | None:
    context = event.get("requestContext")
    context = context if isinstance(context, dict) else {}
    milliseconds = context.get("timeEpoch") or context.get("requestTimeEpoch")
    return milliseconds / 1000 if isinstance(milliseconds, int | float) else None


def read_secrets(raw: bytes) -> list[KnownSecret]:
    """The secrets of a file: the registry's JSON, or the bytes of one secret as they stand."""
    try:
        content = json.loads(raw)
        entries = content["webhooks"]
    except (ValueError, KeyError, TypeError):
        return [KnownSecret(raw)]
    entries = entries if isinstance(entries, list) else []
    return [
        KnownSecret(text.encode(), str(entry["id"]))
        for entry in entries
        if isinstance(entry, dict) and "id" in entry
        for text in _texts(entry)
    ]


def _texts(entry: Mapping[str, Any]) -> Iterator[str]:
    """The secrets of an entry, of every scheme, whatever became of them."""
    for scheme in SCHEMES:
        written = entry.get(scheme.FIELD)
        for one in written if isinstance(written, list) else [written]:
            text = one.get("secret") if isinstance(one, dict) else one
            if text is not None:
                yield str(text)


def secret_option(text: str) -> KnownSecret:
    """A secret as given in an option: `SECRET`, or `WEBHOOK_ID=SECRET`."""
    webhook_id, equals, secret = text.partition("=")
    # Base64 ends in an equals sign, and a secret itself never holds one.
    if equals and re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", webhook_id):
        return KnownSecret(secret.encode(), webhook_id)
    return KnownSecret(text.encode())
