"""What ordered destinations see: one attempt of a conversation at a time, and each in its order."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from spectrum_forwarder.domain.line import position_of
from spectrum_forwarder.domain.order import conversation_of, destination_in, line_of
from spectrum_forwarder.domain.outbound import LATE_HEADER, REPLAY_HEADER, Attempt, outgoing_id

from tests.prove.ledger import Invariant, Ledger
from tests.prove.registries import Registry
from tests.support.in_memory.table import Row


def opened(attempt: Attempt, rows: Mapping[str, Row]) -> list[Attempt]:
    """The events of a batch, each as if it had come by itself."""
    keys = {outgoing_id(key, row.format): key for key, row in rows.items()}
    return [
        replace(
            attempt,
            event_key=keys[event["webhook-id"]],
            headers=event["headers"] | {"webhook-id": event["webhook-id"]},
            body=event["body"].encode(),
        )
        for event in json.loads(attempt.body)["events"]
    ]


@dataclass
class Seen:
    """What has come of one conversation: the furthest that came and that was accepted, and who."""

    came: str = ""
    accepted: str = ""
    who_came: set[str] = field(default_factory=set)
    who_was_accepted: set[str] = field(default_factory=set)


@dataclass
class WatchedOrder:
    """Tells the ledger of what comes out of order without saying so, or beside another."""

    ledger: Ledger
    registry: Registry
    rows: Mapping[str, Row]
    seen: defaultdict[str, Seen] = field(default_factory=lambda: defaultdict(Seen))
    in_flight: list[str] = field(default_factory=list)
    opened: Callable[[Attempt], Sequence[Attempt]] = lambda attempt: [attempt]

    def begin(self, attempts: Sequence[Attempt]) -> None:
        """These have left, and none of them has been answered yet."""
        for attempt in attempts:
            line = self._line_of(self.opened(attempt)[0])
            if line and line in self.in_flight:
                self.ledger.breach(Invariant.ONE_AT_A_TIME, f"{attempt.event_key} in {line}")
            self.in_flight.append(line)

    def end(self, attempts: Sequence[Attempt]) -> None:
        """They are answered, or nobody waits for that any more."""
        del self.in_flight[len(self.in_flight) - len(attempts) :]

    def arrived(self, attempt: Attempt, *, accepted: bool) -> None:
        """An ordered destination, or any other one, got an attempt."""
        line, row = self._line_of(attempt), self.rows.get(attempt.event_key)
        if not line or row is None:
            return
        # Who is replayed goes behind all others, and among its like by its message as well.
        again = " again" if REPLAY_HEADER in attempt.headers else ""
        key, seen = attempt.event_key, self.seen[line + again]
        position = position_of(attempt.body, row.stored.event.received_at, key)
        is_first = key not in seen.who_came and position < seen.came
        is_overtaken = key not in seen.who_was_accepted and position < seen.accepted
        if is_first or is_overtaken:
            self.ledger.breach(Invariant.IN_ORDER, f"{key} in {line}")
        seen.who_came.add(key)
        seen.came = max(seen.came, position)
        if accepted:
            seen.who_was_accepted.add(key)
            seen.accepted = max(seen.accepted, position)

    def _line_of(self, attempt: Attempt) -> str:
        """The conversation's line; empty for what is to go by itself."""
        ordered = self.registry.at(attempt.url).entry.get("order") is not None
        if not ordered or LATE_HEADER in attempt.headers or self._is_out_of_order(attempt):
            return ""
        line = line_of(attempt.destination, conversation_of(attempt.body))
        return line if line != destination_in(line) else ""

    def _is_out_of_order(self, attempt: Attempt) -> bool:
        """Whether it is a replay that was not asked for in order."""
        if REPLAY_HEADER not in attempt.headers:
            return False
        row = self.rows.get(attempt.event_key)
        delivery = (row.deliveries or {}).get(attempt.destination) if row else None
        return delivery is None or delivery.in_order_since is None
