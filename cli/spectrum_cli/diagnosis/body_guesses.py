"""What the body may have been when it was signed, by what usually happens to bodies on the way."""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import json
import re
import unicodedata
import zlib
from collections.abc import Iterator
from itertools import chain
from urllib.parse import unquote_to_bytes

from spectrum_cli.diagnosis import body_dressings, json_forms
from spectrum_cli.diagnosis.causes import finding
from spectrum_cli.diagnosis.model import Capture, Finding, Guess, distinct

BOM = b"\xef\xbb\xbf"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
LARGEST_UNPACKED = 16 * 1024 * 1024
# Most characters at the end of JSON whose loss can be undone by trying.
CLOSING = ("}", "}}", "}}}", '"}', '"}}', '"}}}')


def guesses(body: bytes) -> Iterator[Guess[bytes]]:
    """The body as it is, then all that it may have been, likeliest explanation first."""
    yield from distinct(
        chain(
            [Guess(body)],
            _line_breaks(body),
            _edges(body),
            _wrappings(body),
            _charsets(body),
            body_dressings.undressed(body),
            json_forms.forms(body),
        )
    )


def suspicion(capture: Capture) -> Finding | None:
    """What the looks of the body alone say, where no guess could be proved."""
    body = capture.body
    declared = capture.header("content-length")
    if declared.isascii() and declared.isdigit() and int(declared) > len(body):
        evidence = f"Content-Length says {declared} bytes, and {len(body)} are here."
        return finding("body_truncated", evidence, proved=False)
    if _ends_early(body):
        evidence = f"Its JSON ends before it is complete, after {len(body)} bytes."
        return finding("body_truncated", evidence, proved=False)
    if body_dressings.is_python(body):
        evidence = f"It begins with {body[:2].decode()}, as Python prints it."
        return finding("body_python_repr", evidence, proved=False)
    if REPLACEMENT in body:
        evidence = f"It holds {body.count(REPLACEMENT)} replacement characters (U+FFFD)."
        return finding("body_charset", evidence, proved=False)
    looks = json_forms.describe(body)
    if looks != "compact" and json_forms.parse(body) is not None:
        evidence = f"Spectrum writes compact JSON, and this is {looks}."
        return finding("body_reserialised", evidence, proved=False)
    return None


def no_body(capture: Capture) -> Finding:
    """What is to be said of a request without a body: it had one that was not saved, or none."""
    declared = capture.header("content-length")
    if declared.isascii() and declared.isdigit() and int(declared):
        evidence = f"Content-Length says {declared} bytes, and none are here."
        return finding("body_not_captured", evidence, proved=False)
    return finding("body_empty", "It has 0 bytes.")


def _line_breaks(body: bytes) -> Iterator[Guess[bytes]]:
    if body.startswith(BOM):
        yield Guess(body[len(BOM) :], "body_bom", "It begins with EF BB BF, which was not signed.")
    else:
        yield Guess(BOM + body, "body_bom", "EF BB BF was signed at its beginning, and is gone.")
    for ending in (b"\r\n", b"\n", b"\r"):
        if body.endswith(ending):
            shown = repr(ending.decode())[1:-1]
            yield Guess(
                body.removesuffix(ending), "body_newline", f"The {shown} at its end was not signed."
            )
    for ending in (b"\n", b"\r\n"):
        shown = repr(ending.decode())[1:-1]
        yield Guess(body + ending, "body_newline", f"It was signed with {shown} at its end.")
    lines = body.replace(b"\r\n", b"\n")
    yield Guess(lines, "body_line_endings", "LF was signed, and CRLF arrived.")
    yield Guess(
        lines.replace(b"\n", b"\r\n"), "body_line_endings", "CRLF was signed, and LF arrived."
    )
    yield Guess(lines.replace(b"\r", b"\n"), "body_line_endings", "LF was signed, and CR arrived.")


def _edges(body: bytes) -> Iterator[Guess[bytes]]:
    for blank in (b" ", b"\x00"):
        yield Guess(body + blank, "body_trimmed", f"It was signed with {blank!r} at its end.")
    bare = body.strip(b" \t\r\n\x00")
    yield Guess(bare, "body_trimmed", "Blanks around it were not signed.")
    half = body[: len(body) // 2]
    if half and half * 2 == body:
        yield Guess(half, "body_doubled", f"{len(half)} bytes stand in it twice.")
    text = body.decode("utf-8", "surrogateescape")
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        for closing in CLOSING:
            yield Guess(
                body + closing.encode(),
                "body_truncated",
                f"The last {len(closing)} bytes are missing.",
            )
        return
    kept = text[:end].encode("utf-8", "surrogateescape")
    added = len(body) - len(kept)
    yield Guess(kept, "body_extended", f"The last {added} bytes were not signed.")


def _wrappings(body: bytes) -> Iterator[Guess[bytes]]:
    packed = re.sub(rb"\s", b"", body)
    for alphabet in (None, b"-_"):
        try:
            decoded = base64.b64decode(packed, altchars=alphabet, validate=True)
        except (binascii.Error, ValueError):
            continue
        yield Guess(decoded, "body_base64", "It is right once it is decoded from base64.")
    yield from _compressed(body)
    if body.startswith(b'"'):
        try:
            inner = json.loads(body)
        except (ValueError, RecursionError):
            inner = None
        if isinstance(inner, str):
            yield Guess(
                inner.encode("utf-8", "surrogatepass"),
                "body_quoted",
                "It is right once it is read as a JSON string.",
            )
    if b"%" in body:
        for candidate in (body, body.replace(b"+", b" ")):
            for plain in (candidate, candidate.removesuffix(b"=")):
                yield Guess(
                    unquote_to_bytes(plain), "body_url_encoded", "It is right once it is unquoted."
                )
    if b"&" in body:
        unescaped = html.unescape(body.decode("utf-8", "surrogateescape"))
        yield Guess(
            unescaped.encode("utf-8", "surrogateescape"),
            "body_html_escaped",
            "It is right once HTML's entities are undone.",
        )


def _compressed(body: bytes) -> Iterator[Guess[bytes]]:
    if not body.startswith((b"\x1f\x8b", b"\x78")):
        return
    kind = gzip.READ if body.startswith(b"\x1f\x8b") else 0
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | (16 if kind else 0))
    try:
        yield Guess(
            unpacker.decompress(body, LARGEST_UNPACKED),
            "body_compressed",
            "It is right once it is decompressed.",
        )
    except zlib.error:
        return


def _charsets(body: bytes) -> Iterator[Guess[bytes]]:
    """Undo a decoding as one charset and an encoding as another."""
    for was, became in (
        ("latin-1", "utf-8"),
        ("cp1252", "utf-8"),
        ("utf-8", "latin-1"),
        ("utf-8", "cp1252"),
        ("utf-8", "utf-16"),
        ("utf-8", "utf-16-le"),
        ("utf-8", "utf-16-be"),
        ("utf-8", "utf-32"),
    ):
        try:
            original = body.decode(became).encode(was)
        except UnicodeError:
            continue
        how = (
            f"UTF-8 was read as {was} and written as UTF-8"
            if became == "utf-8"
            else f"it was written as {became}"
        )
        yield Guess(original, "body_charset", f"It is right once that is undone: {how}.")
    try:
        text = body.decode()
    except UnicodeError:
        return
    for form in ("NFC", "NFD"):
        normal = unicodedata.normalize(form, text).encode()
        yield Guess(normal, "body_normalised", f"It was signed in the form {form}.")


def _ends_early(body: bytes) -> bool:
    text = body.decode("utf-8", "replace").strip()
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text) or "Unterminated string" in error.msg
    except (ValueError, RecursionError):
        return False
    return False
