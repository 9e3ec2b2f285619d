"""The ledger: what was promised and what arrived, told by those to whom it happens.

It hears of effects where they happen, inside the faults, and knows nothing of the use cases. An
event is what Spectrum meant by it: it has a name here, whatever key it is stored under, and
whatever else has the same id. verdict.py judges.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from spectrum_forwarder.domain.delivery import Answer, Deliveries
from spectrum_forwarder.domain.outbound import Attempt

# An event's name, and a destination's identity.
Pair = tuple[str, str]
# How often a worker must have come to grief over an event before it may be given up as poison.
SETBACKS_OF_POISON = 4


class Invariant(StrEnum):
    """What must hold whatever happened."""

    DURABLE_FIRST = "200 only after a durable write"
    NEVER_DROPPED = "an authentic request is never answered 4xx"
    KEPT = "what a known webhook may have sent is kept"
    NOTHING_OWED = "everything acknowledged is settled in the end"
    DELIVERED = "what counts as delivered has arrived"
    ONCE = "nothing arrives twice without an ambiguity"
    JUST_CAUSE = "nothing is given up, filtered or removed without its cause"
    OWN_ADDRESS = "what one destination is owed goes to no other"
    DRAINED = "all queues are drained"
    ONE_ID = "all attempts of an event carry one webhook-id and the original bytes"
    CALM = "nothing is looked at over and over"
    FRESH = "a copy of settings serves no longer than it may"
    IN_LINE = "what waits in a line has its place there, and a look within a week"
    FREED_LAST = "a place is given up only after the event says so"
    NO_PLACE_LEFT = "no place is left when nothing is owed"
    PROMPT = "who stands in a line goes on within minutes of its way being open"
    PACED = "a destination gets attempts at its rate, no more at once than it takes, and its rest"
    IN_ORDER = "what comes out of its conversation's order says that it is late"
    ONE_AT_A_TIME = "of a conversation one attempt is in flight"
    TURN = "who is first in a conversation has its turn within seconds, where nothing fails"
    IN_TIME = "no invocation outlasts its time limit"


@dataclass(frozen=True)
class Breach:
    """An invariant that did not hold, and where."""

    invariant: Invariant
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.detail}"


@dataclass
class Invocation:
    """One worker's life: what it holds, what arrived through it without being recorded yet, and
    whom every copy of the settings that it looked at names."""

    claimed: set[str] = field(default_factory=set)
    recorded: set[str] = field(default_factory=set)
    arrived: Counter[Pair] = field(default_factory=Counter)
    consulted: frozenset[str] | None = None


@dataclass
class Ledger:
    """All accounts of one run: of events by name, of what is stored by key."""

    expected: dict[tuple[bytes, int], str] = field(default_factory=dict)
    bodies: defaultdict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    names: dict[str, str] = field(default_factory=dict)
    keys: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    webhook_ids: dict[str, str] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    generations: Counter[str] = field(default_factory=Counter)
    accepted: Counter[Pair] = field(default_factory=Counter)
    failed: Counter[Pair] = field(default_factory=Counter)
    ambiguous: Counter[Pair] = field(default_factory=Counter)
    replays: Counter[Pair] = field(default_factory=Counter)
    # How often events were queued whole of which nobody can tell for ever that they are copies.
    wholes: Counter[str] = field(default_factory=Counter)
    gone: set[Pair] = field(default_factory=set)
    unrecorded: set[Pair] = field(default_factory=set)
    setbacks: Counter[str] = field(default_factory=Counter)
    poisonous: set[str] = field(default_factory=set)
    unkept: set[bytes] = field(default_factory=set)
    down_for_days: set[str] = field(default_factory=set)
    states: dict[str, Deliveries] = field(default_factory=dict)
    # How events ended that had expired before another one got their key.
    past: defaultdict[str, list[Deliveries]] = field(default_factory=lambda: defaultdict(list))
    breaches: list[Breach] = field(default_factory=list)
    at_work: list[Invocation] = field(default_factory=list)

    def breach(self, invariant: Invariant, detail: str) -> None:
        """Note what cannot be explained later."""
        self.breaches.append(Breach(invariant, detail))

    def expect(self, name: str, body: bytes, signed_at: int) -> None:
        """Spectrum sends this event, signed then (Unix seconds)."""
        self.expected[body, signed_at] = name
        self.bodies[name].add(body)

    def stored(self, key: str, name: str, *, again: bool) -> None:
        """An event is in the table; `again` where it stands there under another key already."""
        before = self.names.get(key)
        if before is not None:
            self.keys[before].discard(key)
            self.past[before].append(self.states.pop(key, {}))
        self.names[key] = name
        self.keys[name].add(key)
        if not again:
            self.generations[name] += 1

    def begin(self) -> Invocation:
        """A worker begins."""
        self.at_work.append(Invocation())
        return self.at_work[-1]

    def end(self, *, killed: bool, out_of_time: bool) -> None:
        """A worker has ended: what it leaves unrecorded may arrive again.

        That is an ambiguity only if the worker was killed, or tried to record until its time
        was up; a worker that gives up earlier has no excuse, nor has one that sends again what
        another could not record.
        """
        ended = self.at_work.pop()
        if killed:
            self.ambiguous += ended.arrived
            self.setbacks.update(ended.claimed - ended.recorded)
        elif out_of_time:
            excused = {pair: n for pair, n in ended.arrived.items() if pair not in self.unrecorded}
            self.ambiguous += Counter(excused)
            self.unrecorded |= excused.keys()

    def consulted(self, identities: frozenset[str]) -> None:
        """A worker looked at a copy of the settings that names these destinations."""
        worker = self.at_work[-1]
        before = worker.consulted
        worker.consulted = identities if before is None else before & identities

    def arrived(self, attempt: Attempt, answer: Answer) -> None:
        """A destination got an attempt and made up its answer."""
        key, webhook_id = attempt.event_key, attempt.headers.get("webhook-id", "")
        name = self.names.get(key, f"unknown {key}")
        pair = (name, attempt.destination)
        if self.webhook_ids.setdefault(webhook_id, key) != key:
            self.breach(Invariant.ONE_ID, f"{pair}: {webhook_id} is {self.webhook_ids[webhook_id]}")
        if self.webhook_ids.setdefault(f"of {key}", webhook_id) != webhook_id:
            self.breach(Invariant.ONE_ID, f"{pair}: another id: {webhook_id}")
        if "." in webhook_id:
            self.breach(Invariant.ONE_ID, f"{pair}: no verifier takes {webhook_id}")
        if attempt.body not in self.bodies[name]:
            self.breach(Invariant.ONE_ID, f"{pair}: another body")
        if answer.succeeded:
            self.accepted[pair] += 1
            self.at_work[-1].arrived[pair] += 1
        elif answer.status == 410:
            self.gone.add(pair)

    def lost(self, attempt: Attempt, answer: Answer) -> None:
        """The destination's answer did not come back."""
        pair = (self.names[attempt.event_key], attempt.destination)
        if answer.succeeded:
            self.ambiguous[pair] += 1
            self.at_work[-1].arrived[pair] -= 1

    def claimed(self, key: str) -> None:
        """A worker holds this event."""
        self.at_work[-1].claimed.add(key)

    def recorded(self, key: str, deliveries: Deliveries | None) -> None:
        """An outcome is in the table."""
        worker = self.at_work[-1]
        if deliveries is not None:
            if key not in self.states:
                self._bound(key, deliveries, worker)
            self.states[key] = dict(deliveries)
        if not any(delivery.reason == "poison" for delivery in (deliveries or {}).values()):
            self.setbacks[key] = 0
        elif self.setbacks[key] >= SETBACKS_OF_POISON:
            self.poisonous.add(self.names[key])
        worker.recorded.add(key)
        self.unrecorded -= {pair for pair in self.unrecorded if pair[0] == self.names[key]}
        for pair in [pair for pair in worker.arrived if pair[0] == self.names[key]]:
            del worker.arrived[pair]

    def _bound(self, key: str, deliveries: Deliveries, worker: Invocation) -> None:
        for identity in sorted((worker.consulted or set()) - deliveries.keys()):
            self.breach(Invariant.NOTHING_OWED, f"{key} was never bound for {identity}")

    def bound(self, key: str, deliveries: Deliveries) -> None:
        """The deliveries are in the table; nothing is known yet of what became of the attempts."""
        if key not in self.states:
            self._bound(key, deliveries, self.at_work[-1])
        self.states[key] = dict(deliveries)

    def survived(self, key: str) -> None:
        """A worker has said that it lives, and could not say what it did."""
        self.setbacks[key] = 0
        self.at_work[-1].recorded.add(key)

    def reopened(self, key: str, before: Deliveries, after: Mapping[str, object]) -> None:
        """An operator began deliveries anew: each may arrive once more."""
        for identity, delivery in after.items():
            replays = getattr(delivery, "replays", 0)
            if identity in before and replays > before[identity].replays:
                self.replays[(self.names[key], identity)] += 1
