"""Lines: where deliveries wait in order for their destination, and cost nothing meanwhile.

A line stands in a table of its own: a place for each delivery, oldest message first. That there is
one stands on the health board, which every worker reads anyway.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

# No event key begins so: a hint that names a line claims nothing where nobody knows of lines.
HINT = "#line "
# A message is not older or newer than this when it comes (seconds); else its time is no time.
PLAUSIBLE = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line as the board has it; times are Unix seconds, 0 for never.

    `since` is when it began to stand, and of one that drains, when its first one did. `holder`
    drains it until `held_until`. `emptied_at` is when it was found empty: new deliveries pass it,
    and after a while it is taken off the board. `next_at` is before when nobody goes on: its rate
    is used up, or the destination has asked. Its last holder, until `paced_at`, has let so many go
    on a second, which is its `pace`; 0 if it has left nobody behind.
    """

    since: float
    holder: str = ""
    held_until: float = 0.0
    emptied_at: float = 0.0
    next_at: float = 0.0
    pace: float = 0.0
    paced_at: float = 0.0

    @property
    def stands(self) -> bool:
        """Whether new deliveries queue behind it."""
        return not self.emptied_at


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One delivery's position: what it is ordered by, its event, and since when it stands there.

    `stood_at` (Unix seconds) tells one standing from the next: what is freed is the one seen.
    `probed_at` is when a breaker was last probed with it.
    """

    position: str
    event_key: str
    stood_at: float
    probed_at: float = field(default=0.0, compare=False)


def position_of(body: bytes, received_at: float, event_key: str) -> str:
    """What an event's places are ordered by: message time, arrival, key."""
    said = _message_time(body)
    at = received_at if said is None or abs(said - received_at) > PLAUSIBLE else said
    return f"{round(at * 1000):014d}/{round(received_at * 1000):014d}/{event_key}"


def position_behind(position: str, since: float) -> str:
    """The place of an event, by its position, where all go before it that were said by `since`."""
    said, arrived, event_key = position.split("/", 2)
    return f"{round(since * 1000):014d}/{said}{arrived}/{event_key}"


def _message_time(body: bytes) -> float | None:
    try:
        text = json.loads(body)["message"]["timestamp"]
        said = datetime.fromisoformat(text)
        return said.replace(tzinfo=said.tzinfo or UTC).timestamp()
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def hint_to(identity: str) -> str:
    """What a hint names in an event's place, for a destination's line to be drained."""
    return HINT + identity


def line_hinted_at(event_key: str) -> str | None:
    """The destination whose line a hint names, if it is one of those."""
    return event_key.removeprefix(HINT) if event_key.startswith(HINT) else None
