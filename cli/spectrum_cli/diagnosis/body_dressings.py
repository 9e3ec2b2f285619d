"""What programs dress a body in: a form's field, or the text that Python prints of it."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl

from spectrum_cli.diagnosis import json_forms
from spectrum_cli.diagnosis.model import Guess

# More fields than these are no body that somebody has dressed.
MOST_FIELDS = 50
LARGEST = 1024 * 1024
PYTHON = (b"b'", b'b"', b"'", b"{'", b"[{'")


def undressed(body: bytes) -> Iterator[Guess[bytes]]:
    """The body without what it may have been dressed in."""
    if b"=" in body[:LARGEST]:
        yield from _fields(body)
    if body.startswith(PYTHON):
        yield from _as_python_prints_it(body)


def is_python(body: bytes) -> bool:
    """Whether it looks like what Python prints."""
    return body.startswith(PYTHON)


def _fields(body: bytes) -> Iterator[Guess[bytes]]:
    text = body.decode("utf-8", "surrogateescape")
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="surrogateescape", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        return
    for name, value in pairs:
        evidence = f"It is right once it is read as a form: {'a field' if value else 'a name'}."
        field = (value or name).encode("utf-8", "surrogateescape")
        yield Guess(field, "body_form", evidence)


def _as_python_prints_it(body: bytes) -> Iterator[Guess[bytes]]:
    content = _evaluated(body)
    cause, evidence = "body_python_repr", "It is right once Python has evaluated it."
    if isinstance(content, bytes):
        yield Guess(content, cause, evidence)
    elif isinstance(content, str):
        yield Guess(content.encode("utf-8", "surrogatepass"), cause, evidence)
    elif isinstance(content, dict | list):
        try:
            written = json.dumps(content).encode()
        except (TypeError, ValueError, RecursionError):
            return
        for guess in json_forms.forms(written):
            yield replace(guess, cause=cause, evidence=f"{evidence} {guess.evidence}")


def _evaluated(body: bytes) -> object:
    """The value of a Python literal, None for anything else."""
    if len(body) > LARGEST:
        return None
    with warnings.catch_warnings():
        # Of escapes that Python does not know: what follows is not our code.
        warnings.simplefilter("ignore")
        try:
            return ast.literal_eval(body.decode())
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return None
