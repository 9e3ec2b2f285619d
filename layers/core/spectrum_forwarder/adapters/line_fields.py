"""The fields that say how deliveries go out of a destination's line; every kind has them.

Loads no library: the command reads its options off them.
"""

from collections.abc import Mapping
from typing import Any

from spectrum_forwarder.adapters.kinds.kind import Field, read_fields
from spectrum_forwarder.adapters.order_fields import ORDER_FIELDS, as_json, as_order
from spectrum_forwarder.domain.errors import InvalidEntry

# Attempts a second. A line is looked at again within the time of the slowest; beyond the fastest
# one worker cannot go.
SLOWEST, FASTEST = 0.1, 200
MOST_IN_FLIGHT = 100


def read_line_fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a Destination has of these fields; raise InvalidEntry."""
    said = read_fields(LINE_FIELDS, entry)
    order = as_order(said, entry.get("kind"))
    return said | {"order": order}


def _rate(value: object) -> float:
    if type(value) not in (int, float) or not SLOWEST <= value <= FASTEST:  # type: ignore[operator]
        raise InvalidEntry(
            f"rate must be a number from {SLOWEST:g} to {FASTEST}: attempts begun a second"
        )
    return float(value)  # type: ignore[arg-type]


def _max_in_flight(value: object) -> int:
    if type(value) is not int or not 1 <= value <= MOST_IN_FLIGHT:
        raise InvalidEntry(
            f"max_in_flight must be a whole number from 1 to {MOST_IN_FLIGHT}: attempts under way "
            "at once"
        )
    return value


LINE_FIELDS = (
    Field(
        name="rate",
        read=_rate,
        default=None,
        metavar="NUMBER",
        help="Begin no more attempts a second; what comes faster waits in line. '' for no limit.",
        typed=as_json,
    ),
    Field(
        name="max_in_flight",
        read=_max_in_flight,
        default=None,
        metavar="NUMBER",
        help="Have no more attempts under way at once; others wait in line. '' for no limit.",
        typed=as_json,
    ),
    *ORDER_FIELDS,
)
