"""Faults at every call that leaves a use case: one running index over all ports, one fate a call.

A script `{index: fault}` decides, so that a run can be enumerated and replayed. A call that only
reads has no effect that could survive an error or a death: for it two of the faults are the same.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer, Deliveries
from spectrum_forwarder.domain.destination import Destinations
from spectrum_forwarder.domain.errors import (
    PayloadsUnavailable,
    QueueUnavailable,
    RegistryUnavailable,
    TableUnavailable,
    Unavailable,
)
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import (
    Claimed,
    Clock,
    DestinationRegistry,
    EventQueue,
    EventTable,
    Existing,
    HealthBoard,
    Overdue,
    Payloads,
    Record,
    StoredEvent,
    Webhook,
    WebhookRegistry,
)

Result = TypeVar("Result")


class Fault(Enum):
    """What befalls one call."""

    ERROR_BEFORE = "error before the effect"
    ERROR_AFTER = "effect, then error"
    KILLED_BEFORE = "killed before the effect"
    KILLED_AFTER = "effect, then killed"

    @property
    def has_effect(self) -> bool:
        """Whether the call did what it was asked to."""
        return self in (Fault.ERROR_AFTER, Fault.KILLED_AFTER)

    @property
    def kills(self) -> bool:
        """Whether the process ends here."""
        return self in (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)


READING = (Fault.ERROR_BEFORE, Fault.KILLED_BEFORE)
WRITING = tuple(Fault)

Script = Mapping[int, Fault]


class Killed(BaseException):
    """The process ends: no code of the product may catch this."""


@dataclass
class Fates:
    """Decides what befalls each call. `down` names services that refuse everything."""

    script: Script = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    told: list[str] | None = None
    writes: list[bool] = field(default_factory=list)
    struck: int = 0

    def next(self, name: str, *, writes: bool) -> Fault | None:
        """The fate of the call that is about to be made."""
        if name.partition(".")[0] in self.down:
            self.tell(f"     {name}: down")
            return Fault.ERROR_BEFORE
        index = len(self.writes)
        self.writes.append(writes)
        fault = self.script.get(index)
        self.struck += fault is not None
        self.tell(f"{index:4} {name}" + (f": {fault.value}" if fault else ""))
        return fault

    def call(
        self,
        name: str,
        effect: Callable[[], Result],
        error: type[Unavailable],
        *,
        writes: bool = True,
    ) -> Result:
        """Make the call as its fate wants it."""
        fault = self.next(name, writes=writes)
        if fault is None:
            return effect()
        if fault.has_effect:
            effect()
        if fault.kills:
            raise Killed(name)
        raise error(f"{name}: {fault.value}")

    def tell(self, line: str) -> None:
        """Note a line of the story, where somebody listens."""
        if self.told is not None:
            self.told.append(line)


@dataclass
class FaultyTable:
    """The `EventTable` port; a page of the due index is one call.

    `trouble` hears of each event whose claim, strike or record ended in an error.
    """

    inner: EventTable
    fates: Fates
    trouble: Callable[[str], None]

    def put(
        self, stored: StoredEvent, *, receipt: str, now: float, due_at: float
    ) -> Existing | None:
        return self.fates.call(
            "table.put",
            lambda: self.inner.put(stored, receipt=receipt, now=now, due_at=due_at),
            TableUnavailable,
        )

    def claim(self, event_key: str, *, owner: str, now: float, until: float) -> Claimed | None:
        return self._hold(
            "claim",
            event_key,
            lambda: self.inner.claim(event_key, owner=owner, now=now, until=until),
        )

    def strike(self, event_key: str, *, owner: str) -> int:
        return self._hold("strike", event_key, lambda: self.inner.strike(event_key, owner=owner))

    def record(self, event_key: str, *, owner: str, record: Record) -> bool:
        return self._hold(
            "record",
            event_key,
            lambda: self.inner.record(event_key, owner=owner, record=record),
        )

    def overdue(self, shard: int, *, now: float) -> Iterator[Sequence[Overdue]]:
        for batch in self.inner.overdue(shard, now=now):
            self.fates.call("table.overdue", lambda: None, TableUnavailable, writes=False)
            yield batch

    def postpone(self, overdue: Overdue, *, until: float) -> bool:
        return self.fates.call(
            "table.postpone", lambda: self.inner.postpone(overdue, until=until), TableUnavailable
        )

    def reopen(
        self,
        seen: LoggedEvent,
        *,
        owner: str,
        now: float,
        deliveries: Deliveries,
        due_at: float,
    ) -> bool:
        return self.fates.call(
            "table.reopen",
            lambda: self.inner.reopen(
                seen, owner=owner, now=now, deliveries=deliveries, due_at=due_at
            ),
            TableUnavailable,
        )

    def _hold(self, name: str, event_key: str, effect: Callable[[], Result]) -> Result:
        try:
            return self.fates.call(f"table.{name}", effect, TableUnavailable)
        except TableUnavailable:
            self.trouble(event_key)
            raise


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

    def send_hints(self, event_keys: Sequence[str]) -> None:
        self.fates.call(
            "queue.send_hints", lambda: self.inner.send_hints(event_keys), QueueUnavailable
        )

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
class FaultyWebhooks:
    """The `WebhookRegistry` port."""

    inner: WebhookRegistry
    fates: Fates

    def find(self, webhook_id: str, *, max_age: float | None = None) -> Sequence[Webhook]:
        return self.fates.call(
            "secrets.webhooks",
            lambda: self.inner.find(webhook_id, max_age=max_age),
            RegistryUnavailable,
            writes=False,
        )


@dataclass
class FaultyDestinations:
    """The `DestinationRegistry` port."""

    inner: DestinationRegistry
    fates: Fates

    def load(self) -> Destinations:
        return self.fates.call(
            "secrets.destinations", self.inner.load, RegistryUnavailable, writes=False
        )


@dataclass
class FaultyHealthBoard:
    """The `HealthBoard` port: another item of the same table."""

    inner: HealthBoard
    fates: Fates

    def load(self) -> Mapping[str, Health]:
        return self.fates.call("table.health", self.inner.load, TableUnavailable, writes=False)

    def save(self, destination: str, health: Health, *, seen: Health | None = None) -> bool:
        return self.fates.call(
            "table.save_health",
            lambda: self.inner.save(destination, health, seen=seen),
            TableUnavailable,
        )


@dataclass
class FaultySender:
    """The `Sender` port: all requests leave, time passes, the answers come one by one.

    `arrive` is the destination's side: what it answers. `lost` hears of an answer that was lost
    on its way back, `failed` of an attempt that seems to have failed. `take` lets the time pass
    that the slowest answer takes.
    """

    arrive: Callable[[Attempt], Answer]
    lost: Callable[[Attempt, Answer], None]
    failed: Callable[[Attempt], None]
    take: Callable[[float], None]
    clock: Clock
    fates: Fates

    def send(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Answer]]:
        answered = [(attempt, self._carry(attempt)) for attempt in attempts]
        self.take(max((answer.seconds for _, answer in answered), default=0.0))
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
