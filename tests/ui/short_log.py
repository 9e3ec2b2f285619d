"""A delivery log in a list, whose index may show an event late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from spectrum_forwarder.domain.delivery import Attempted, Status, planned
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.log import Listed, LoggedEvent, Page

NOW = 1_800_000_000.0


class ShortLog:
    """The `EventLog` port. `fails` has each read of an index fail; reads are counted."""

    def __init__(self) -> None:
        self.events: dict[str, LoggedEvent] = {}
        self.fails = False
        self.read: Counter[str] = Counter()

    def put(
        self, key: str, at: float, status: Status = Status.DELIVERED, **facts: str | None
    ) -> None:
        """Store an event with one delivery, or what has become of it."""
        delivery = replace(planned("crm", at), status=status)
        if status is Status.DELIVERED:
            delivery = replace(delivery, history=(Attempted(at + 1, 80, "200"),), attempts=1)
        event = LoggedEvent(
            key,
            at,
            at,
            "webhook",
            deliveries={"crm": delivery},
            due_at=at if status is Status.PENDING else None,
        )
        self.events[key] = replace(event, **facts)  # type: ignore[arg-type]

    def listed(
        self,
        *,
        limit: int,
        cursor: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> Listed:
        if self.fails:
            raise TableUnavailable("query: Throttled")
        events = sorted((-event.received_at, key) for key, event in self.events.items())
        after = (float("-inf"), "")
        if cursor is not None:
            at, _, key = cursor.partition(" ")
            after = (float(at), key)
        latest = float("inf") if until is None else until
        found = [one for one in events if one > after and (since or 0.0) <= -one[0] <= latest]
        shown = found[:limit]
        more = f"{shown[-1][0]!r} {shown[-1][1]}" if len(found) > limit else None
        return Listed([(key, -at) for at, key in shown], more)

    def newest(
        self,
        *,
        limit: int,
        cursor: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> Page:
        listed = self.listed(limit=limit, cursor=cursor, since=since, until=until)
        return Page([self.events[key] for key, _ in listed.events], listed.cursor)

    def get(self, event_key: str) -> LoggedEvent | None:
        return self.events.get(event_key)

    def get_all(self, event_keys: Sequence[str]) -> Iterator[LoggedEvent]:
        self.read.update(event_keys)
        return (self.events[key] for key in event_keys if key in self.events)

    def owing_keys(self) -> Iterator[Sequence[str]]:
        yield [key for key, event in self.events.items() if not event.settled]

    def owing(self) -> Iterator[Sequence[LoggedEvent]]:
        raise NotImplementedError

    def body(self, event_key: str) -> bytes | None:
        raise NotImplementedError
