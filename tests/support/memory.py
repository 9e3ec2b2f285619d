"""The ports in memory: fast stores that pass the same contract suite as the real ones."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from spectrum_forwarder.adapters.delivery_items import write_deliveries
from spectrum_forwarder.adapters.event_queue import encode_event, encode_hint, read_record
from spectrum_forwarder.adapters.items import new_item
from spectrum_forwarder.adapters.items import shard as shard_of
from spectrum_forwarder.domain.delivery import Answer, Deliveries, stands_of
from spectrum_forwarder.domain.destination import Broken, Destination, Destinations, born_as
from spectrum_forwarder.domain.errors import (
    ItemTooLarge,
    LaterFormat,
    PayloadMissing,
    RegistryUnavailable,
)
from spectrum_forwarder.domain.event import FORMAT
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.line import Line, Place
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.notes import Notes
from spectrum_forwarder.domain.order import Hold
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Clock, Depth, Existing, StoredEvent, Webhook
from spectrum_forwarder.domain.quarantine import Suspect
from spectrum_forwarder.domain.worker_ports import Claimed, Overdue, Owing, QueueRecord, Record

from tests.support.item_size import LARGEST_ITEM, size_of


class ManualClock:
    """A clock that is moved by hand, in Unix seconds."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Row:
    """One event in the memory table."""

    stored: StoredEvent
    receipt: str
    due_at: float | None
    expires_at: float | None = None
    overdue_since: float | None = None
    owner: str = ""
    claimed_until: float = 0.0
    claims: int = 0
    strikes: int = 0
    unrecorded: int = 0
    deliveries: Deliveries | None = None
    format: int = FORMAT

    def write(self, deliveries: Deliveries | None, payload: str | None) -> None:
        """Write deliveries and the body's new place; raise ItemTooLarge as the real table does."""
        stored, after = self.stored, self.deliveries if deliveries is None else dict(deliveries)
        if payload is not None:
            stored = stored._replace(packed=None, payload=payload)
        if stored.packed is not None and len(stored.packed) + len(after or ()) * 1000 > 100_000:
            item = new_item(stored, receipt=self.receipt, due_at=self.due_at or 0.0)
            item |= {"deliveries": write_deliveries(after or {})}
            if size_of(item) > LARGEST_ITEM:
                raise ItemTooLarge("the item would be too large")
        self.stored, self.deliveries = stored, after


class MemoryTable:
    """The `EventTable` port."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.marks: dict[str, float] = {}

    def put(
        self, stored: StoredEvent, *, receipt: str, now: float, due_at: float
    ) -> Existing | None:
        row = self.rows.get(stored.event.key)
        if row is None or (row.expires_at is not None and row.expires_at < now):
            kept = stored._replace(event=stored.event._replace(body=b""))
            self.rows[stored.event.key] = Row(kept, receipt, due_at)
            return None
        if row.receipt == receipt:
            return None
        return _existing(row)

    def mark(self, key: str, *, at: float, since: float, expires_at: float) -> float:
        if self.marks.get(key, since - 1) < since:
            # A table holds milliseconds.
            self.marks[key] = round(at, 3)
            return at
        return self.marks[key]

    def hasten(self, event_key: str, *, seen: float, due_at: float) -> bool:
        row = self.rows.get(event_key)
        if row is None or row.due_at not in (seen, due_at):
            return False
        row.due_at, row.overdue_since = due_at, None
        return True

    def claim(self, event_key: str, *, owner: str, now: float, until: float) -> Claimed | None:
        row = self.rows.get(event_key)
        if row is None:
            return None
        if row.due_at is not None and row.claimed_until <= now:
            if row.format > FORMAT:
                raise LaterFormat(f"stored in format {row.format}")
            row.owner, row.claimed_until, row.claims = owner, until, row.claims + 1
        elif row.owner != owner:
            return None
        event = row.stored.event
        return Claimed(
            event_key=event_key,
            owner=owner,
            until=row.claimed_until,
            claims=row.claims,
            webhook_id=event.webhook_id,
            received_at=event.received_at,
            kind=event.kind,
            content_type=event.content_type,
            content_encoding=event.content_encoding,
            first_id=event.first_id,
            packed=row.stored.packed,
            payload=row.stored.payload,
            deliveries=row.deliveries,
            format=row.format,
            unrecorded=row.unrecorded,
            via=event.via,
        )

    def strike(self, event_key: str, *, owner: str) -> int:
        row = self.rows[event_key]
        if row.owner != owner:
            return 0
        row.strikes += 1
        return row.strikes

    def record(self, event_key: str, *, owner: str, record: Record) -> bool:
        row = self.rows.get(event_key)
        if row is None or row.owner != owner:
            return False
        row.write(record.deliveries, record.payload)
        row.due_at, row.expires_at, row.claimed_until = record.due_at, record.expires_at, 0.0
        row.claims = row.strikes = row.unrecorded = 0
        row.overdue_since = record.due_at if record.slow_lane else None
        return True

    def prove(
        self, event_key: str, *, owner: str, deliveries: Deliveries, payload: str | None = None
    ) -> bool:
        row = self.rows.get(event_key)
        if row is None or row.owner != owner:
            return False
        row.write(deliveries, payload)
        return True

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
        row = self.rows.get(event_key)
        if row is None or row.owner != owner:
            return False
        row.write(deliveries, payload)
        row.claims, row.strikes, row.unrecorded, row.claimed_until = 0, 0, notes, until
        return True

    def overdue(self, shard: int, *, now: float) -> Iterator[Sequence[Overdue]]:
        found = sorted(
            (row.due_at, key)
            for key, row in self.rows.items()
            if row.due_at is not None and row.due_at <= now and shard_of(key) == shard
        )
        for start in range(0, len(found), 100):
            yield [self._overdue(key, due_at) for due_at, key in found[start : start + 100]]

    def _overdue(self, key: str, due_at: float) -> Overdue:
        since = self.rows[key].overdue_since
        return Overdue(key, due_at, since or due_at, since is None)

    def owing(self, shard: int, *, now: float, soon: float, in_main: bool = False) -> Owing:
        due = [
            row.due_at
            for key, row in self.rows.items()
            if shard_of(key) == shard and not (in_main and row.overdue_since is not None)
        ]
        overdue = sum(at is not None and at <= now for at in due)
        return Owing(overdue, sum(at is not None and at <= soon for at in due) - overdue)

    def reopen(
        self,
        seen: LoggedEvent,
        *,
        owner: str,
        now: float,
        deliveries: Deliveries,
        due_at: float,
    ) -> bool:
        row = self.rows.get(seen.event_key)
        if row is None or row.stored.event.received_at != seen.received_at:
            return False
        if (row.owner, row.claimed_until) != (seen.owner, seen.claimed_until):
            return row.owner == owner
        if row.claimed_until > now:
            return False
        row.write(deliveries, None)
        row.due_at, row.expires_at = due_at, None
        row.owner, row.claimed_until = owner, 0.0
        row.claims = row.strikes = row.unrecorded = 0
        return True

    def standing(self, event_key: str, *, now: float) -> Mapping[str, float] | None:
        row = self.rows.get(event_key)
        if row is None:
            return {}
        if row.claimed_until > now:
            return None
        return stands_of(row.deliveries or {})

    def postpone(self, overdue: Overdue, *, until: float) -> bool:
        row = self.rows.get(overdue.event_key)
        if row is None or row.due_at not in (overdue.due_at, until):
            return False
        row.due_at = until
        row.overdue_since = row.overdue_since or overdue.due_at
        return True


def _existing(row: Row) -> Existing:
    stored = row.stored
    return Existing(
        due_at=row.due_at,
        claimed_until=row.claimed_until,
        received_at=stored.event.received_at,
        # Only items of this format have it.
        fingerprint=stored.event.fingerprint if row.format == FORMAT else None,
        packed=stored.packed,
        payload=stored.payload,
        signed_id=stored.event.signed_id,
        signed_at=stored.event.signed_at,
        webhook_id=stored.event.webhook_id,
    )


class MemoryLog:
    """The `EventReader` port, over a memory table."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def get(self, event_key: str) -> LoggedEvent | None:
        row = self._table.rows.get(event_key)
        if row is None:
            return None
        event = row.stored.event
        return LoggedEvent(
            event_key=event_key,
            received_at=event.received_at,
            signed_at=event.signed_at,
            webhook_id=event.webhook_id,
            kind=event.kind,
            space_id=event.space_id,
            sender_id=event.sender_id,
            content_type=event.content_type,
            payload=row.stored.payload,
            deliveries=row.deliveries if row.format <= FORMAT else None,
            owner=row.owner,
            claimed_until=row.claimed_until,
            claims=row.claims,
            due_at=row.due_at,
            expires_at=row.expires_at,
            format=row.format,
            scheme=event.scheme,
            also=event.also,
        )


@dataclass
class Queued:
    """One record in a memory queue; visible from `at` on, which a receive moves.

    Until `delayed_until` it is delayed, as it was sent.
    """

    id: str
    body: str
    slow: bool
    at: float
    delayed_until: float = 0.0
    receives: int = 0

    def read(self) -> QueueRecord:
        """What a receive gives."""
        self.receives += 1
        attributes = {"ApproximateReceiveCount": str(self.receives)}
        return read_record(
            {
                "messageId": self.id,
                "receiptHandle": self.id,
                "body": self.body,
                "attributes": attributes,
            }
        )


class MemoryQueue:
    """The `EventQueue` port; bodies are those of the real queue."""

    def __init__(self, clock: ManualClock) -> None:
        self.queued: list[Queued] = []
        self._clock = clock
        self._sent = 0

    def send_hint(self, event_key: str, *, delay: float = 0.0, slow: bool = False) -> None:
        self._put(encode_hint(event_key, slow=slow), delay, slow)

    def send_hints(self, event_keys: Sequence[str]) -> Sequence[str]:
        for event_key in event_keys:
            self.send_hint(event_key)
        return []

    def show_again(self, records: Sequence[tuple[QueueRecord, float]]) -> None:
        seconds = {record.receipt: seconds for record, seconds in records}
        for queued in self.queued:
            if queued.id in seconds:
                queued.at = self._clock() + seconds[queued.id]

    def depth(self) -> Depth:
        standing = [q.slow for q in self.queued if q.delayed_until <= self._clock()]
        return Depth(standing.count(False), standing.count(True))

    def send_event(self, stored: StoredEvent) -> None:
        self._put(encode_event(stored), 0.0, slow=False)

    @property
    def sent(self) -> int:
        """How many records were ever sent."""
        return self._sent

    def visible(self) -> list[Queued]:
        """What a consumer would get now, oldest first."""
        return [queued for queued in self.queued if queued.at <= self._clock()]

    def _put(self, body: str, delay: float, slow: bool) -> None:
        self._sent += 1
        at = self._clock() + delay
        self.queued.append(Queued(f"record-{self._sent}", body, slow, at, delayed_until=at))


class MemoryPayloads:
    """The `Payloads` port."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, packed: bytes) -> str:
        name = f"payloads/{hash(packed)}"
        self.objects[name] = packed
        return name

    def get(self, name: str) -> bytes:
        if name not in self.objects:
            raise PayloadMissing(name)
        return self.objects[name]


class MemoryQuarantine:
    """The `Quarantine` and `QuarantineShelf` ports, without any bounds."""

    def __init__(self) -> None:
        self.suspects: dict[str, Suspect] = {}

    def keep(self, suspect: Suspect) -> str | None:
        if suspect in self.suspects.values():
            return None
        suspect_id = f"suspect-{len(self.suspects) + 1}"
        self.suspects[suspect_id] = suspect
        return suspect_id

    def get(self, suspect_id: str) -> Suspect | None:
        return self.suspects.get(suspect_id)

    def remove(self, suspect_id: str, suspect: Suspect) -> None:
        if self.suspects.get(suspect_id) == suspect:
            del self.suspects[suspect_id]


class MemoryNotes:
    """The `Notebook` port, and what operators write there."""

    def __init__(self) -> None:
        self.notes = Notes(b"k" * 32)

    def read(self) -> Notes:
        return self.notes

    def revoke(self, digests: Iterable[str]) -> None:
        self.notes = self.notes._replace(revoked=self.notes.revoked | set(digests))

    def forgive(self, digests: Iterable[str]) -> None:
        self.notes = self.notes._replace(revoked=self.notes.revoked - set(digests))


@dataclass
class MemoryWebhooks:
    """The `WebhookRegistry` port; `later` is what stands there once it is read anew."""

    webhooks: list[Webhook] = field(default_factory=list)
    down: bool = False
    later: list[Webhook] | None = None

    def find(self, webhook_id: str, *, max_age: float | None = None) -> Sequence[Webhook]:
        if self.down:
            raise RegistryUnavailable("down")
        if max_age is not None and self.later is not None:
            self.webhooks = self.later
        return [webhook for webhook in self.webhooks if webhook.id == webhook_id]

    def all(self, *, max_age: float | None = None) -> Sequence[Webhook]:
        if self.down:
            raise RegistryUnavailable("down")
        return list(self.webhooks)


@dataclass
class MemoryDestinations:
    """The `DestinationRegistry` port, by identity: a store that is read whenever it is asked.

    `broken` are the reasons. Without a clock no reading is ever too old.
    """

    usable: dict[str, Destination] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    nameless: list[str] = field(default_factory=list)
    clock: Clock = lambda: float("inf")
    # Of those that are broken, those that say that they are ordered.
    ordered: set[str] = field(default_factory=set)

    def load(self, *, max_age: float | None = None) -> Destinations:
        return Destinations(
            dict(self.usable),
            {
                identity: Broken(born_as(identity), why, identity in self.ordered)
                for identity, why in self.broken.items()
            },
            tuple(self.nameless),
            read_at=self.clock(),
        )


@dataclass
class CopiedDestinations:
    """The `DestinationRegistry` port as one worker has it: a copy that may be old.

    While `down` it cannot be read, and the copy serves.
    """

    store: MemoryDestinations
    clock: Clock
    max_age: float = 30.0
    down: bool = False
    reads: int = 0
    copy: Destinations | None = None

    def load(self, *, max_age: float | None = None) -> Destinations:
        age = self.max_age if max_age is None else min(max_age, self.max_age)
        if self.copy is not None and (self.down or self.clock() - self.copy.read_at < age):
            return self.copy
        if self.down:
            raise RegistryUnavailable("down")
        self.reads += 1
        self.copy = replace(self.store.load(), read_at=self.clock())
        return self.copy


class MemoryHealthBoard:
    """The `HealthBoard` port."""

    def __init__(self) -> None:
        self.health: dict[str, Health] = {}
        self.standing: dict[str, Line] = {}

    def load(self) -> Mapping[str, Health]:
        return dict(self.health)

    def save(self, destination: str, health: Health, *, seen: Health | None = None) -> bool:
        now = self.health.get(destination, Health())
        if seen is not None and now.open_until != seen.open_until:
            return False
        self.health[destination] = health
        return True

    def lines(self) -> Mapping[str, Line]:
        return dict(self.standing)

    def stand(self, destination: str, *, now: float) -> None:
        line = self.standing.get(destination)
        if line is None:
            self.standing[destination] = Line(now)
        elif line.emptied_at > 0:
            self.standing[destination] = replace(line, since=now, emptied_at=0.0)

    def hold(self, destination: str, *, holder: str, now: float, until: float) -> Line | None:
        line = self.standing.get(destination)
        if line is None or (line.held_until > now and line.holder != holder):
            return None
        self.standing[destination] = replace(line, holder=holder, held_until=until)
        return self.standing[destination]

    def let_go(self, destination: str, line: Line) -> None:
        there = self.standing.get(destination)
        if there is not None and there.holder == line.holder:
            self.standing[destination] = replace(line, held_until=0.0)

    def take_down(self, destination: str, *, holder: str, emptied_at: float) -> bool:
        line = self.standing.get(destination)
        if line is None or (line.holder, line.emptied_at) != (holder, emptied_at):
            return False
        del self.standing[destination]
        return True


class MemoryLines:
    """The `Lines` port."""

    def __init__(self) -> None:
        self.places: dict[str, dict[str, Place]] = {}
        self.holds: dict[str, Hold] = {}

    def put(self, line: str, place: Place) -> None:
        exact = replace(
            place, stood_at=round(place.stood_at, 3), probed_at=round(place.probed_at, 3)
        )
        self.places.setdefault(line, {})[place.position] = exact

    def first(self, line: str, *, limit: int, after: str = "") -> Sequence[Place]:
        places = self.places.get(line, {})
        return sorted(place for place in places.values() if place.position > after)[:limit]

    def free(self, line: str, place: Place) -> bool:
        there = self.places.get(line, {}).get(place.position)
        if there is None or there.stood_at != place.stood_at:
            return False
        del self.places[line][place.position]
        return True

    def count(self, line: str, *, limit: int) -> int:
        return len(self.places.get(line, {}))

    def look(self, line: str, *, limit: int) -> tuple[Hold, Sequence[Place]]:
        return self.holds.get(line, Hold()), self.first(line, limit=limit)

    def take(self, line: str, *, seen: Hold, hold: Hold, now: float) -> bool:
        there = self.holds.get(line)
        if there is not None:
            mine = there.holder == hold.holder
            was_seen = (there.last, there.rests_until) == (seen.last, seen.rests_until)
            if not was_seen or not (mine or there.until <= now):
                return mine
        self.holds[line] = hold
        return True

    def let_go(self, line: str, *, hold: Hold) -> None:
        there = self.holds.get(line)
        if there is not None and there.holder == hold.holder:
            self.holds[line] = hold.let_go()


@dataclass
class MemorySender:
    """The `Sender` port: answers from a script by destination, 200 where none is left.

    Some events may be refused always.
    """

    script: dict[str, list[Answer]] = field(default_factory=dict)
    sent: list[Attempt] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)

    def send(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Answer]]:
        for attempt in attempts:
            self.sent.append(attempt)
            if attempt.event_key in self.refuses:
                yield attempt, Answer(status=500, seconds=0.01)
                continue
            answers = self.script.get(attempt.destination, [])
            yield attempt, answers.pop(0) if answers else Answer(status=200, seconds=0.01)


class FactList:
    """The `Facts` port: keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, object]]] = []

    def __call__(self, name: str, /, **fields: object) -> None:
        self.told.append((name, fields))

    def named(self, name: str) -> list[dict[str, object]]:
        return [fields for told, fields in self.told if told == name]
