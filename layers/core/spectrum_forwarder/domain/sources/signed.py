"""Whatever else comes under an id that was signed along, and is known by that alone.

So comes what the vendor's newer API sends, whose bodies are not published, and what is no JSON.
"""

from collections.abc import Mapping
from typing import Any

from spectrum_forwarder.domain.identity import SIGNED_ID, Identity, hashed, name_of


def takes(content: Mapping[str, Any], signed_id: str | None) -> bool:
    """See `Source`. What names its `event` is of the usual kind, whoever signed it."""
    return signed_id is not None and not isinstance(content.get("event"), str)


def identify(body: bytes, content: Mapping[str, Any], signed_id: str | None) -> Identity:
    """See `Source`."""
    return Identity(SIGNED_ID + name_of(signed_id or ""), hashed(body), lasting=True)


def labels(content: Mapping[str, Any]) -> tuple[object, object, object, object]:
    """See `Source`."""
    return content.get("type"), None, None, None
