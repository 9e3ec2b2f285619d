"""Every port of the use cases, with a fate before each call."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer, Deliveries
from spectrum_forwarder.domain.errors import (
    PayloadsUnavailable,
    QueueUnavailable,
    TableSilent,
    TableUnavailable,
)
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.line import Line, Place
from spectrum_forwarder.domain.line_ports import HealthBoard, Lines
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.notes import Notebook, Notes
from spectrum_forwarder.domain.order import Hold
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import (
    Clock,
    Depth,
    EventQueue,
    Existing,
    Payloads,
    StoredEvent,
)
from spectrum_forwarder.domain.quarantine import Quarantine, Suspect
from spectrum_forwarder.domain.worker_ports import (
    Claimed,
    EventTable,
    Overdue,
    Owing,
    QueueRecord,
    Record,
)

from tests.prove.faults import Fates, Fault, Killed
from tests.prove.watched_order import WatchedOrder

Result = TypeVar("Result")


class OfTheTable:
    """Calls to the table, or to one of its items that is a port of its own.

    What fails does not say whether it had its effect.
    """

    fates: Fates

    def _call(self, name: str, effect: Callable[[], Result], *, writes: bool = True) -> Result:
        return self.fates.call(f"table.{name}", effect, TableSilent, writes=writes)


@dataclass
class FaultyTable(OfTheTable):
    """The `EventTable` port; a page of the due index is one call."""

    inner: EventTable
    fates: Fates

    def put(
        self, stored: StoredEvent, *, receipt: str, now: float, due_at: float
    ) -> Existing | None:
        return self._call(
            "put", lambda: self.inner.put(stored, receipt=receipt, now=now, due_at=due_at)
        )

    def mark(self, key: str, *, at: float, since: float, expires_at: float) -> float:
        return self._call(
            "mark", lambda: self.inner.mark(key, at=at, since=since, expires_at=expires_at)
        )

    def hasten(self, event_key: str, *, seen: float, due_at: float) -> bool:
        return self._call("hasten", lambda: self.inner.hasten(event_key, seen=seen, due_at=due_at))

    def claim(self, event_key: str, *, owner: str, now: float, until: float) -> Claimed | None:
        return self._call(
            "claim",
            lambda: self.inner.claim(event_key, owner=owner, now=now, until=until),
        )

    def strike(self, event_key: str, *, owner: str) -> int:
        return self._call("strike", lambda: self.inner.strike(event_key, owner=owner))

    def record(self, event_key: str, *, owner: str, record: Record) -> bool:
        return self._call(
            "record",
            lambda: self.inner.record(event_key, owner=owner, record=record),
        )

    def prove(
        self, event_key: str, *, owner: str, deliveries: Deliveries, payload: str | None = None
    ) -> bool:
        return self._call(
            "prove",
            lambda: self.inner.prove(
                event_key, owner=owner, deliveries=deliveries, payload=payload
            ),
        )

    def note(
        self,
        event_key: str,
        *,
        owner: str,
        until: float,
        notes: int,
        deliveries: Deliveries | None,
        payload: str | None = None,
    ) -> bool:
        return self._call(
            "note",
            lambda: self.inner.note(
                event_key,
                owner=owner,
                until=until,
                notes=notes,
                deliveries=deliveries,
                payload=payload,
            ),
        )

    def overdue(self, shard: int, *, now: float) -> Iterator[Sequence[Overdue]]:
        for batch in self.inner.overdue(shard, now=now):
            self._call("overdue", lambda: None, writes=False)
            yield batch

    def owing(self, shard: int, *, now: float, soon: float, in_main: bool = False) -> Owing:
        owing = self.inner.owing(shard, now=now, soon=soon, in_main=in_main)
        # Counting where there is nothing would only add to the calls to be tried.
        if owing.overdue or owing.soon:
            self._call("owing", lambda: None, writes=False)
        return owing

    def postpone(self, overdue: Overdue, *, until: float) -> bool:
        return self._call("postpone", lambda: self.inner.postpone(overdue, until=until))

    def reopen(
        self,
        seen: LoggedEvent,
        *,
        owner: str,
        now: float,
        deliveries: Deliveries,
        due_at: float,
    ) -> bool:
        return self._call(
            "reopen",
            lambda: self.inner.reopen(
                seen, owner=owner, now=now, deliveries=deliveries, due_at=due_at
            ),
        )

    def standing(self, event_key: str, *, now: float) -> Mapping[str, float] | None:
        return self._call("standing", lambda: self.inner.standing(event_key, now=now), writes=False)


@dataclass
class FaultyQueue:
    """The `EventQueue` port."""

    inner: EventQueue
    fates: Fates

    def send_hint(self, event_key: str, *, delay: float = 0.0, slow: bool = False) -> None:
        self.fates.call(
            "queue.send_hint",
            lambda: self.inner.send_hint(event_key, delay=delay, slow=slow),
            QueueUnavailable,
        )

    def send_hints(self, event_keys: Sequence[str]) -> Sequence[str]:
        return self.fates.call(
            "queue.send_hints", lambda: self.inner.send_hints(event_keys), QueueUnavailable
        )

    def show_again(self, records: Sequence[tuple[QueueRecord, float]]) -> None:
        self.fates.call(
            "queue.show_again", lambda: self.inner.show_again(records), QueueUnavailable
        )

    def depth(self) -> Depth:
        return self.fates.call("queue.depth", self.inner.depth, QueueUnavailable, writes=False)

    def send_event(self, stored: StoredEvent) -> None:
        self.fates.call("queue.send_event", lambda: self.inner.send_event(stored), QueueUnavailable)


@dataclass
class FaultyPayloads:
    """The `Payloads` port."""

    inner: Payloads
    fates: Fates

    def put(self, packed: bytes) -> str:
        return self.fates.call("payloads.put", lambda: self.inner.put(packed), PayloadsUnavailable)

    def get(self, name: str) -> bytes:
        return self.fates.call(
            "payloads.get", lambda: self.inner.get(name), PayloadsUnavailable, writes=False
        )


@dataclass
class FaultyQuarantine:
    """The `Quarantine` port; `failed` hears of each request that could not be kept."""

    inner: Quarantine
    fates: Fates
    failed: Callable[[bytes], None]

    def keep(self, suspect: Suspect) -> str | None:
        try:
            return self.fates.call(
                "payloads.keep", lambda: self.inner.keep(suspect), PayloadsUnavailable
            )
        except PayloadsUnavailable:
            self.failed(suspect.body)
            raise


@dataclass
class FaultyHealthBoard(OfTheTable):
    """The `HealthBoard` port: another item of the same table."""

    inner: HealthBoard
    fates: Fates

    def load(self) -> Mapping[str, Health]:
        return self._call("health", self.inner.load, writes=False)

    def save(self, destination: str, health: Health, *, seen: Health | None = None) -> bool:
        return self._call("save_health", lambda: self.inner.save(destination, health, seen=seen))

    def lines(self) -> Mapping[str, Line]:
        # Of the same copy: no call.
        return self.inner.lines()

    def stand(self, destination: str, *, now: float) -> None:
        self._call("stand", lambda: self.inner.stand(destination, now=now))

    def hold(self, destination: str, *, holder: str, now: float, until: float) -> Line | None:
        return self._call(
            "hold", lambda: self.inner.hold(destination, holder=holder, now=now, until=until)
        )

    def let_go(self, destination: str, line: Line) -> None:
        self._call("let_go", lambda: self.inner.let_go(destination, line))

    def take_down(self, destination: str, *, holder: str, emptied_at: float) -> bool:
        return self._call(
            "take_down",
            lambda: self.inner.take_down(destination, holder=holder, emptied_at=emptied_at),
        )


@dataclass
class FaultyLines:
    """The `Lines` port: a table of its own."""

    inner: Lines
    fates: Fates

    def put(self, line: str, place: Place) -> None:
        self.fates.call("lines.put", lambda: self.inner.put(line, place), TableUnavailable)

    def first(self, line: str, *, limit: int, after: str = "") -> Sequence[Place]:
        return self.fates.call(
            "lines.first",
            lambda: self.inner.first(line, limit=limit, after=after),
            TableUnavailable,
            writes=False,
        )

    def free(self, line: str, place: Place) -> bool:
        return self.fates.call("lines.free", lambda: self.inner.free(line, place), TableUnavailable)

    def count(self, line: str, *, limit: int) -> int:
        return self.inner.count(line, limit=limit)

    def look(self, line: str, *, limit: int) -> tuple[Hold, Sequence[Place]]:
        return self.fates.call(
            "lines.look", lambda: self.inner.look(line, limit=limit), TableUnavailable, writes=False
        )

    def take(self, line: str, *, seen: Hold, hold: Hold, now: float) -> bool:
        return self.fates.call(
            "lines.take",
            lambda: self.inner.take(line, seen=seen, hold=hold, now=now),
            TableUnavailable,
        )

    def let_go(self, line: str, *, hold: Hold) -> None:
        self.fates.call(
            "lines.let_go", lambda: self.inner.let_go(line, hold=hold), TableUnavailable
        )


@dataclass
class FaultyNotes(OfTheTable):
    """The `Notebook` port: a further item of the same table."""

    inner: Notebook
    fates: Fates

    def read(self) -> Notes:
        return self._call("notes", self.inner.read, writes=False)


@dataclass
class FaultySender:
    """The `Sender` port: all requests leave, time passes, the answers come one by one.

    `arrive` is the destination's side: what it answers. `lost` hears of an answer that was lost
    on its way back, `failed` of an attempt that seems to have failed. `take` lets the time pass
    that the slowest answer takes, and `order` watches those that are in flight meanwhile.
    """

    arrive: Callable[[Attempt], Answer]
    lost: Callable[[Attempt, Answer], None]
    failed: Callable[[Attempt], None]
    take: Callable[[float], None]
    clock: Clock
    fates: Fates
    order: WatchedOrder

    def send(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Answer]]:
        made = list(attempts)
        self.order.begin(made)
        try:
            answered = [(attempt, self._carry(attempt)) for attempt in made]
            self.take(max((answer.seconds for _, answer in answered), default=0.0))
        finally:
            self.order.end(made)
        yield from answered

    def _carry(self, attempt: Attempt) -> Answer:
        if self.clock() > attempt.begin_by:
            return NOT_STARTED
        fault = self.fates.next(f"send.{attempt.destination}", writes=True)
        if fault is None:
            return self.arrive(attempt)
        if fault.has_effect:
            answer = self.arrive(attempt)
            if fault is Fault.ERROR_AFTER:
                self.lost(attempt, answer)
        if fault.kills:
            raise Killed(f"sending {attempt.event_key}")
        self.failed(attempt)
        return Answer(error="connection_reset", seconds=0.01)
