"""The kinds of destinations: a module each, which has its `KIND`, and a line in the list here.

Everything that differs between kinds stands in that module: what an entry says, how large an
attempt may be, the right that it takes, and how it is carried out.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from spectrum_forwarder.adapters.kinds.kind import Kind
from spectrum_forwarder.domain.destination import HTTP
from spectrum_forwarder.domain.errors import InvalidEntry

_MODULES = (
    "http",
    "sqs",
    "eventbridge",
    "lambda_",
)
_FOUND: list[Kind] = [import_module(f"{__name__}.{module}").KIND for module in _MODULES]
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _FOUND}


def kind_of(entry: Mapping[str, Any]) -> Kind:
    """The entry's kind, http where it names none; raise InvalidEntry."""
    name = entry.get("kind")
    kind = KINDS.get(HTTP if name is None else name if isinstance(name, str) else "")
    if kind is None:
        raise InvalidEntry(f"kind must be one of {', '.join(KINDS)}")
    return kind


def kind_at(where: str) -> Kind | None:
    """The kind whose place this is, well written or not."""
    return next((kind for kind in KINDS.values() if kind.claims(where)), None)
