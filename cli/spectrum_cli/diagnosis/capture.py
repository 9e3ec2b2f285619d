"""Reads captured requests: from files of headers and bodies, saved requests and events of Lambda.

Owns the formats; whatever cannot be read is WrongUse.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spectrum_forwarder.domain.schemes import SCHEMES

from spectrum_cli.diagnosis.model import Capture, KnownSecret
from spectrum_cli.diagnosis.saved import pairs, read_saved
from spectrum_cli.terminal.errors import WrongUse

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
    passed over), as `curl -v` shows them, or as JSON: an object, or a list of pairs.
    Raises WrongUse.
    """
    if text.lstrip().startswith(("{", "[")):
        try:
            return pairs(json.loads(text))
        except ValueError as error:
            raise WrongUse(f"the headers are no JSON: {error}") from error
    lines = text.splitlines()
    if is_transcript(text):
        # What curl itself says (*), what was answered (<), and the answer's body are not of it.
        lines = [line for line in lines if line.startswith(">")]
    headers = []
    for line in lines:
        if not line.strip(" >*<") or REQUEST_LINE.match(line.lstrip("> ")):
            continue
        found = HEADER_LINE.fullmatch(line.rstrip())
        if found is None:
            raise WrongUse(
                f"this is no header: {line[:30]!r}: give lines of the form 'Name: value', or JSON"
            )
        headers.append((found[1], found[2]))
    return tuple(headers)


def is_transcript(text: str) -> bool:
    """Whether these are the lines of `curl -v`."""
    lines = text.splitlines()
    return any(REQUEST_LINE.fullmatch(line[1:].strip()) for line in lines if line[:1] == ">")


def read_request(raw: bytes) -> Capture:
    """A whole request: HTTP as it travelled, or the JSON that a function or a tool has of it.

    Raises WrongUse.
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if raw.lstrip().startswith((b"{", b"[")):
        return read_saved(raw, _read_http)
    if is_transcript(raw.decode("latin-1")):
        raise WrongUse(
            "curl -v shows no body: give this file as --headers, and what was sent (the file of "
            "--data-binary) as --body"
        )
    return _read_http(raw)


def _read_http(raw: bytes) -> Capture:
    for blank in (b"\r\n\r\n", b"\n\n"):
        head, found, body = raw.partition(blank)
        if found and not (blank == b"\n\n" and b"\r\n\r\n" in raw):
            return Capture(read_headers(head.decode("latin-1")), body)
    raise WrongUse(
        "the saved request has no blank line between its headers and its body: save it as it "
        "travelled, or give --headers and --body apart"
    )


def read_secrets(raw: bytes) -> list[KnownSecret]:
    """The secrets of a file: the registry's JSON, or the bytes of one secret as they stand.

    But for the line break that editors put at a file's end: nobody has typed that.
    """
    try:
        content = json.loads(raw)
        entries = content["webhooks"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return [KnownSecret(raw.removesuffix(b"\n").removesuffix(b"\r"))]
    entries = entries if isinstance(entries, list) else []
    return [
        KnownSecret(text.encode(), str(entry["id"]).lower())
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
        return KnownSecret(secret.encode(), webhook_id.lower())
    return KnownSecret(text.encode())
