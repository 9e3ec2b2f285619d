"""The fields that say in what order a destination gets events; every kind has them.

Loads no library: the command reads its options off them.
"""

import json
from collections.abc import Mapping
from typing import Any

from spectrum_forwarder.adapters.kinds.kind import Field
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.order import PATIENCE, Order

CONVERSATION = "conversation"
LONGEST_PATIENCE = 86_400


def as_order(said: dict[str, Any]) -> Order | None:
    """The order that these fields say, which are taken out of what was said; raise InvalidEntry."""
    order, patience = said.pop("order"), said.pop("order_patience")
    if order is None:
        if patience is not None:
            raise InvalidEntry(f'order_patience means nothing without "order": "{CONVERSATION}"')
        return None
    if said["rate"] is not None or said["max_in_flight"] is not None:
        raise InvalidEntry(
            "order: its conversations go on side by side and know no common pace, so it goes with "
            "neither rate nor max_in_flight; take one or the other away"
        )
    return Order(PATIENCE if patience is None else patience)


def is_ordered(entry: Mapping[str, Any]) -> bool:
    """Whether an entry says so, whatever else is wrong with it."""
    return entry.get("order") == CONVERSATION


def _order(value: object) -> str:
    if value != CONVERSATION:
        raise InvalidEntry(f'order must be "{CONVERSATION}", or not be there')
    return CONVERSATION


def _patience(value: object) -> float:
    if type(value) not in (int, float) or not 0 <= value <= LONGEST_PATIENCE:  # type: ignore[operator]
        raise InvalidEntry(f"order_patience must be a number of seconds, 0 to {LONGEST_PATIENCE}")
    return float(value)  # type: ignore[arg-type]


def as_json(text: str) -> object:
    """What was typed; what is no JSON stays as it is, and is refused where it is read."""
    try:
        return json.loads(text)
    except ValueError:
        return text


ORDER_FIELDS = (
    Field(
        name="order",
        read=_order,
        default=None,
        metavar=CONVERSATION,
        help="Send a conversation's events one after the other, oldest first. '' for no order.",
    ),
    Field(
        name="order_patience",
        read=_patience,
        default=None,
        metavar="SECONDS",
        help="A failing event holds up its conversation for no longer.  [default: 900]",
        typed=as_json,
    ),
)
