"""Pages of the log over an index in shards: how far each was shown, and the cursor that says so."""

import base64
import json
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from spectrum_forwarder.adapters import items
from spectrum_forwarder.domain.ports import SHARDS

# Index entries are about 100 bytes: this many are one read unit, so fewer cost the same.
LEAST_KEYS = 20
END_OF_TIME = 10.0**11


@dataclass(slots=True)
class Shard:
    """How far one shard of the index has been shown.

    `start` is the last entry that was, as DynamoDB wants it; where there is none yet, `until` keeps
    out what has come since the first page.
    """

    number: int
    until: float = END_OF_TIME
    start: items.Item = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """An entry of the log index, ordered as the log is: the newest first."""

    minus_received_at: float
    event_key: str
    shard: int
    key: items.Item = field(compare=False)


# The entries of a shard between two times, at most so many, and whether there may be more.
Query = Callable[[Shard, float, float, int], tuple[list[Entry], bool]]


class Reading:
    """One shard's part of a page of `wanted` events, read in portions as they are needed."""

    def __init__(self, query: Query, shard: Shard, since: float, until: float, wanted: int) -> None:
        self._query = query
        self._shard = replace(shard)
        self._bounds = (since, until)
        # Shards differ in what they hold, and a second look costs more than some entries too many.
        share = wanted // SHARDS
        self._at_once = max(share + 4 * math.isqrt(share) + 1, LEAST_KEYS)
        self._entries: list[Entry] = []
        self._more = since <= until

    def read_on(self) -> None:
        """Read the next portion."""
        if self._more:
            self._entries, self._more = self._query(self._shard, *self._bounds, self._at_once)

    def __iter__(self) -> Iterator[Entry]:
        while self._entries:
            yield from self._entries
            self._shard.start, self._entries = self._entries[-1].key, []
            self.read_on()


def beginning() -> list[Shard]:
    """All shards, nothing shown yet."""
    return [Shard(number) for number in range(SHARDS)]


def write_cursor(shards: Sequence[Shard], last: float) -> str:
    """Where each shard is to go on: after an entry, or where none was shown, from `last` on."""
    places = [
        [shard.start["received_at"]["N"], shard.start["event_key"]["S"]] if shard.start else last
        for shard in shards
    ]
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(places).encode())).decode()


def read_cursor(cursor: str) -> list[Shard]:
    """Undo `write_cursor`; raise ValueError."""
    try:
        places = json.loads(zlib.decompress(base64.urlsafe_b64decode(cursor)))
        shards = [_read_place(number, place) for number, place in enumerate(places)]
    except (ValueError, TypeError, zlib.error) as error:
        raise ValueError("this is no cursor of the event log") from error
    if len(shards) != SHARDS:
        raise ValueError("this is no cursor of the event log")
    return shards


def _read_place(number: int, place: Any) -> Shard:
    if not isinstance(place, list):
        return Shard(number, until=float(place))
    received_at, event_key = place
    start = {
        **items.key(str(event_key)),
        "shard": items.number(number),
        "received_at": items.number(float(received_at)),
    }
    return Shard(number, start=start)
