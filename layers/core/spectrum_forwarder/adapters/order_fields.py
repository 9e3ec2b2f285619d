"""The fields that say in what order a destination gets events; every kind has them.

Loads no library: the command reads its options off them.
"""

import json
from collections.abc import Mapping
from typing import Any

from spectrum_forwarder.adapters.kinds.kind import Field
from spectrum_forwarder.domain.destination import HTTP
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.order import PATIENCE, Batch, Order

CONVERSATION = "conversation"
LONGEST_PATIENCE = 86_400
# Of a batch's members: what holds where one is not said, and from where to where it may be.
BATCH: Mapping[str, tuple[int, int, int]] = {
    "window": (2, 0, 300),
    "max": (20, 2, 100),
    "wait": (8, 0, 900),
}


def as_order(said: dict[str, Any], kind: object) -> Order | None:
    """The order that these fields say, which are taken out of what was said; raise InvalidEntry."""
    order, patience, batch = (said.pop(name) for name in ("order", "order_patience", "batch"))
    for name, value in (("order_patience", patience), ("batch", batch)):
        if order is None and value is not None:
            raise InvalidEntry(f'{name} means nothing without "order": "{CONVERSATION}"')
    if order is None:
        return None
    if batch is not None and kind not in (None, HTTP):
        raise InvalidEntry(f"batch is for a destination of the kind {HTTP}")
    if said["rate"] is not None or said["max_in_flight"] is not None:
        raise InvalidEntry(
            "order: its conversations go on side by side and know no common pace, so it goes with "
            "neither rate nor max_in_flight; take one or the other away"
        )
    return Order(PATIENCE if patience is None else patience, batch)


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


def _batch(value: object) -> Batch:
    if not isinstance(value, dict) or not value.keys() <= BATCH.keys():
        raise InvalidEntry(f"batch must be an object of {', '.join(BATCH)}, each a number")
    numbers = {name: usual for name, (usual, _, _) in BATCH.items()} | value
    for name, (_, least, most) in BATCH.items():
        number = numbers[name]
        if type(number) not in (int, float) or not least <= number <= most:
            raise InvalidEntry(f"batch: {name} must be a number from {least} to {most}")
    if numbers["max"] != int(numbers["max"]):
        raise InvalidEntry("batch: max must be a whole number")
    if numbers["wait"] < numbers["window"]:
        raise InvalidEntry("batch: wait must be at least window, for it bounds that")
    return Batch(float(numbers["window"]), int(numbers["max"]), float(numbers["wait"]))


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
    Field(
        name="batch",
        read=_batch,
        default=None,
        metavar="JSON",
        help="Send what a conversation says within a window of silence as one request, as in"
        ' \'{"window": 2, "max": 20, "wait": 8}\'. \'\' for one event a request.',
        typed=as_json,
    ),
)
