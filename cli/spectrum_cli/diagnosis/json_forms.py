"""The ways in which programs write the same JSON; one of them is what was signed."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from functools import partial
from itertools import product

from spectrum_cli.diagnosis.model import Guess
from spectrum_cli.samples.bodies import CONTENTS, SENDER, delivery

# Layout → what json.dumps is told. Spectrum writes the first.
LAYOUTS: dict[str, dict[str, object]] = {
    "compact": {"separators": (",", ":")},
    "spaced": {},
    "spaced after colons": {"separators": (",", ": ")},
    "spaced after commas": {"separators": (", ", ":")},
    "indented by 2": {"indent": 2},
    "indented by 4": {"indent": 4},
    "indented by tabs": {"indent": "\t"},
}
ORDERS = ("in the order it came", "in Spectrum's order", "sorted by key")
# Escaping → whether non-ASCII is escaped, and what else is.
ESCAPES: dict[str, tuple[bool, dict[str, str]]] = {
    "unescaped": (False, {}),
    "non-ASCII escaped": (True, {}),
    "slashes escaped": (False, {"/": r"\/"}),
    "non-ASCII and slashes escaped": (True, {"/": r"\/"}),
    "HTML escaped": (False, {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"}),
    "line separators escaped": (False, {"\u2028": r"\u2028", "\u2029": r"\u2029"}),
}
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
LARGEST = 4 * 1024 * 1024


def forms(body: bytes) -> Iterator[Guess[bytes]]:
    """The body's JSON, written anew in every form; nothing where it is no JSON object or array."""
    content = parse(body)
    if not isinstance(content, dict | list):
        return
    # What can be read can be nested too deep to be written: no form of it can be tried.
    with contextlib.suppress(RecursionError):
        yield from _forms(body, content)


def _forms(body: bytes, content: object) -> Iterator[Guess[bytes]]:
    arrived = describe(body)
    orders = dict(zip(ORDERS, (content, in_spectrum_order(content), content), strict=True))
    for order, layout in product(ORDERS, LAYOUTS):
        write = partial(_write, orders[order], layout, sort=order == "sorted by key")
        # Twice a layout, not once an escape: to write what is indented takes Python long.
        written = {ascii_only: write(ascii_only=ascii_only) for ascii_only in (False, True)}
        for escape, (ascii_only, escaped) in ESCAPES.items():
            form = f"{layout}, {escape}, {order}"
            evidence = f"The signature is right for this form of it: {form}. It arrived {arrived}."
            yield Guess(_escape(written[ascii_only], escaped), "body_reserialised", evidence)


def parse(body: bytes) -> object:
    """The body's JSON, or None."""
    if len(body) > LARGEST:
        return None
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def describe(body: bytes) -> str:
    """How the JSON looks as it arrived."""
    head = body[:4000]
    if re.match(rb"\s*[{\[]\s*\n", head):
        return "indented"
    if re.match(rb'\{ +"', head) or re.search(rb'": ["{\[\dtfn]', head):
        return "spaced"
    return "compact"


def in_spectrum_order(content: object) -> object:
    """The same content with its keys ordered as Spectrum orders them, where that is known."""
    return _ordered(content, _model(content))


def _model(content: object) -> object:
    """The body of a sample with the same type of content: its keys are in the right order."""
    try:
        kind = content["message"]["content"]["type"]  # type: ignore[index]
    except (KeyError, TypeError, IndexError):
        kind = "text"
    return delivery(CONTENTS.get(str(kind), {"type": kind}), SENDER, 0)


def _ordered(content: object, model: object) -> object:
    if isinstance(content, list):
        models = model if isinstance(model, list) and model else [None]
        return [_ordered(item, models[min(i, len(models) - 1)]) for i, item in enumerate(content)]
    if not isinstance(content, dict):
        return content
    known = model if isinstance(model, dict) else {}
    ranks = {key: rank for rank, key in enumerate(known)}
    keys = sorted(content, key=lambda key: ranks.get(key, len(ranks)))
    return {key: _ordered(content[key], known.get(key)) for key in keys}


def _write(content: object, layout: str, *, sort: bool, ascii_only: bool) -> bytes:
    """The content in this layout, what is not ASCII escaped or not, and nothing else."""
    text = json.dumps(content, ensure_ascii=ascii_only, sort_keys=sort, **LAYOUTS[layout])  # type: ignore[arg-type]
    # As JavaScript writes them, since UTF-8 has no bytes for half a character.
    return LONE_SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text).encode()


def _escape(written: bytes, escaped: dict[str, str]) -> bytes:
    for plain, instead in escaped.items():
        written = written.replace(plain.encode(), instead.encode())
    return written
