"""What was sent, how it was answered, and what arrived where. An event is known by its body alone,
so that no mistake about keys and ids can hide itself here.
"""

import hashlib
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from spectrum_cli.local.consumer import Received

REPLAY_HEADER = "x-spectrum-forwarder-replay"


@dataclass
class SentEvent:
    """One event; `number` is its place in the order of sending. Times are Unix seconds."""

    number: int
    digest: str
    sent_at: float
    acknowledged_at: float | None = None
    event_key: str | None = None


@dataclass(frozen=True)
class Arrival:
    """One attempt that a place took; `replay` is how often it had been begun anew by then."""

    place: str
    digest: str
    at: float
    replay: int
    webhook_id: str


@dataclass
class Accounts:
    """Safe to use from many threads."""

    events: dict[str, SentEvent] = field(default_factory=dict)
    forged: set[str] = field(default_factory=set)
    arrivals: list[Arrival] = field(default_factory=list)
    first_at: dict[tuple[str, str], float] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    unverified: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sending(self, body: bytes, at: float) -> SentEvent:
        """An event is sent for the first time."""
        with self._lock:
            event = SentEvent(len(self.events), digest_of(body), at)
            self.events[event.digest] = event
        return event

    def forging(self, body: bytes) -> None:
        """A request is sent that nobody may ever get."""
        with self._lock:
            self.forged.add(digest_of(body))

    def answered(self, word: str) -> None:
        """The endpoint said this."""
        with self._lock:
            self.answers[word] += 1

    def refused_by(self, place: str) -> None:
        """An attempt did not verify there."""
        with self._lock:
            self.unverified[place] += 1

    def taken(self, place: str, received: Received) -> None:
        """A place took an attempt."""
        replay = int(received.headers.get(REPLAY_HEADER, "0"))
        digest = digest_of(received.body)
        arrival = Arrival(place, digest, received.at, replay, received.event_key)
        with self._lock:
            self.arrivals.append(arrival)
            if replay == 0:
                self.first_at.setdefault((place, digest), received.at)

    def acknowledged(self) -> list[SentEvent]:
        """The events that were answered 200, in the order they were sent in."""
        with self._lock:
            return [e for e in self.events.values() if e.acknowledged_at is not None]

    def missing(self, place: str, events: Iterable[SentEvent]) -> list[SentEvent]:
        """Those of the events that a place has not taken, replays included."""
        with self._lock:
            there = {arrival.digest for arrival in self.arrivals if arrival.place == place}
        return [event for event in events if event.digest not in there]

    def lags(self, place: str, since: float, until: float) -> list[float | None]:
        """Seconds from sending to arrival of what was sent in that time; None: not there yet."""
        with self._lock:
            events = [e for e in self.events.values() if since <= e.sent_at < until]
            arrived = [self.first_at.get((place, e.digest)) for e in events]
        return [
            None if at is None else at - event.sent_at
            for event, at in zip(events, arrived, strict=True)
        ]

    def copies(self) -> dict[tuple[str, str], int]:
        """How often a place took an event (by digest) beyond once for each time it was begun."""
        with self._lock:
            taken = Counter((a.place, a.digest, a.replay) for a in self.arrivals)
        copies: defaultdict[tuple[str, str], int] = defaultdict(int)
        for (place, digest, _), times in taken.items():
            if times > 1:
                copies[place, digest] += times - 1
        return copies

    def inversions(self, place: str) -> int:
        """How many events came to a place after one that had been sent later."""
        with self._lock:
            pairs = [
                (at, digest) for (where, digest), at in self.first_at.items() if where == place
            ]
            numbers = [self.events[d].number for _, d in sorted(pairs) if d in self.events]
        latest, found = -1, 0
        for number in numbers:
            found += number < latest
            latest = max(latest, number)
        return found


def digest_of(body: bytes) -> str:
    """What an event is known by."""
    return hashlib.sha256(body).hexdigest()
