"""An item's size as DynamoDB counts it."""

import math
from collections.abc import Mapping
from typing import Any

# Bytes; the service says 400 KB.
LARGEST_ITEM = 409_600


def size_of(item: Mapping[str, Any]) -> int:
    """Bytes of an item of typed values."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "N":
        digits = content.lstrip("-").replace(".", "").strip("0")
        return math.ceil(len(digits) / 2) + 1
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _size(inner) for name, inner in content.items())
    if kind == "L":
        return 3 + sum(1 + _size(inner) for inner in content)
    if kind == "BOOL":
        return 1
    return len(content.encode() if kind == "S" else content)
