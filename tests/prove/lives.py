"""The whole pipeline on one timeline: as many workers as Lambda would run, and no processor shared.

The use cases are the real ones, over memory stores whose every call takes as long as one to AWS.
"""

import bisect
import functools
import itertools
import math
import random
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer, held, planned, standing
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.inbound import InboundRequest
from spectrum_forwarder.domain.line import Place, hint_to, position_of
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout.batch import FanOut
from spectrum_forwarder.fanout.lines.turns import PAGE
from spectrum_forwarder.receive import Receiver
from spectrum_forwarder.storing import EventStore
from spectrum_forwarder.sweep import Sweeper

from tests.prove.stack import no_facts
from tests.prove.timeline import Timeline
from tests.support.in_memory.lines import MemoryHealthBoard, MemoryLines
from tests.support.in_memory.objects import MemoryPayloads
from tests.support.in_memory.queue import MemoryQueue, Queued
from tests.support.in_memory.registries import MemoryDestinations, MemoryWebhooks
from tests.support.in_memory.table import MemoryTable
from tests.support.make import WEBHOOK, body_of, destination_of, signed_headers, stored_of

WARM_UP = 60
# Seconds: between events, of a call to AWS (its mean), between a poller's looks, of a receive.
EVERY, CALL, POLL = 0.2, 0.005, 0.05
# template.yaml's: workers of the main and of the slow lane, and the batch.
MAIN, SLOW, BATCH = 4, 2, 10
LIMIT, VISIBILITY = 57.0, 90.0
SETTLING = 60.0
# What `busy` takes (a second): more waits for its answer. No answer comes sooner than that.
TAKES, SOONEST = 200, 0.05
DAY = 86_400.0
# What `limited` takes (a second): more is refused, in whatever second.
ALLOWS = 10


class Distant:
    """A port whose every call takes as long as one to AWS."""

    def __init__(self, port: object, timeline: Timeline, rng: random.Random) -> None:
        self._port, self._timeline, self._rng = port, timeline, rng

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if name != "lines":  # which come with the board
                self._timeline.sleep(self._rng.uniform(0.5, 1.5) * CALL)
            return getattr(self._port, name)(*arguments, **named)

        return call


class SortedLines(MemoryLines):
    """Memory lines whose first places are found without looking at all."""

    def __init__(self) -> None:
        super().__init__()
        self._positions: dict[str, list[str]] = {}

    def put(self, line: str, place: Place) -> None:
        if place.position not in self.places.get(line, {}):
            bisect.insort(self._positions.setdefault(line, []), place.position)
        super().put(line, place)

    def first(self, line: str, *, limit: int, after: str = "") -> Sequence[Place]:
        positions = self._positions.get(line, [])
        begin = bisect.bisect_right(positions, after)
        return [self.places[line][at] for at in positions[begin : begin + limit]]

    def free(self, line: str, place: Place) -> bool:
        freed = super().free(line, place)
        if freed:
            positions = self._positions[line]
            del positions[bisect.bisect_left(positions, place.position)]
        return freed


@dataclass
class Crowd:
    """The `Sender` port: what each destination answers, and when it got what."""

    timeline: Timeline
    first_at: dict[str, float] = field(default_factory=dict)
    taken: list[tuple[float, str]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    _refused: set[str] = field(default_factory=set)
    _busy_until: float = 0.0

    def send(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Answer]]:
        under_way = []
        for attempt in attempts:
            late = self.timeline() >= attempt.begin_by
            answer = NOT_STARTED if late else self._arrive(attempt)
            under_way.append((self.timeline() + answer.seconds, attempt, answer))
        for ends, attempt, answer in sorted(under_way, key=lambda each: each[0]):
            self.timeline.sleep(max(0.0, ends - self.timeline()))
            yield attempt, answer

    def _arrive(self, attempt: Attempt) -> Answer:
        match attempt.destination:
            case "busy":
                now = self.timeline()
                self._busy_until = max(self._busy_until, now) + 1 / TAKES
                self.taken.append((now, attempt.event_key))
                return Answer(status=200, seconds=max(SOONEST, self._busy_until - now))
            case "limited":
                return self._arrive_at_limited(attempt)
            case "slow":
                return Answer(status=200, seconds=8.0)
            case "dead":
                return Answer(error="connection_refused", seconds=0.001)
            case "flaky" if attempt.event_key not in self._refused:
                self._refused.add(attempt.event_key)
                return Answer(status=503, seconds=0.02)
        if attempt.destination == "healthy":
            self.first_at.setdefault(attempt.event_key, self.timeline())
        return Answer(status=200, seconds=0.02)

    def _arrive_at_limited(self, attempt: Attempt) -> Answer:
        now = self.timeline()
        window = [at for at, _ in self.taken[-ALLOWS:] if at > now - 1.0]
        if len(window) >= ALLOWS:
            self.refused.append(now)
            return Answer(status=429, seconds=0.01, retry_after=1.0)
        self.taken.append((now, attempt.event_key))
        return Answer(status=200, seconds=0.1)


class Life:
    """One run of the whole pipeline with these destinations, and so many `events`.

    New events are bound for those that are there when they come; what they answer is the crowd's.
    """

    def __init__(self, *names: str, events: int = 100, crowd: type[Crowd] = Crowd) -> None:
        self.timeline = Timeline()
        self._events = events
        rng = random.Random(3)
        clock = cast(Any, self.timeline)
        self.sender = crowd(self.timeline)
        self.queue = MemoryQueue(clock)
        owners = itertools.count()

        def distant(port: object) -> Any:
            return Distant(port, self.timeline, rng)

        self.rows, self.board, self.lines = MemoryTable(), MemoryHealthBoard(), SortedLines()
        table, queue = distant(self.rows), distant(self.queue)
        store = EventStore(table, MemoryPayloads(), Timing())
        self.receiver = Receiver(
            MemoryWebhooks([WEBHOOK]), store, queue, clock, no_facts, tolerance=300
        )
        self._destinations: dict[str, Destination] = {}
        for name in names:
            self.add(name)
        self.fan_out = FanOut(
            destinations=MemoryDestinations(self._destinations),
            health=distant(self.board),
            table=table,
            store=store,
            queue=queue,
            sender=self.sender,
            clock=clock,
            sleep=self.timeline.sleep,
            facts=no_facts,
            timing=Timing(),
            retention_days=14,
            new_owner=lambda: f"owner-{next(owners)}",
            in_parallel=self.timeline.in_parallel,
            rng=rng,
            lines=distant(self.lines),
        )
        self.sweeper = Sweeper(
            table, queue, clock, self.timeline.sleep, no_facts, Timing(), in_parallel=map
        )
        self.sent_at: dict[str, float] = {}

    def add(self, name: str, **limits: Any) -> None:
        """Another destination, by the behaviour of its name; `limits` are what its entry says."""
        self._destinations[name] = destination_of(name, **limits)

    def wait_in_line(self, name: str, count: int) -> None:
        """Let so many have stood in its line for an hour; its way opens once it is warm."""
        since = self.timeline() - 3600.0
        for number in range(count):
            stored = stored_of(f"old{number:06}", received_at=since + number / 1000)
            key, at = stored.event.key, stored.event.received_at
            self.rows.put(stored, receipt="test", now=at, due_at=since + DAY)
            waits = standing(held(planned(name, at), since + DAY, "paused"), since, since + DAY)
            self.rows.rows[key].deliveries = {name: waits}
            self.lines.put(name, Place(position_of(stored.event.body, at, key), key, since))
        self.board.stand(name, now=since)
        self.board.health[name] = Health(quick=True)
        self.timeline.begin(functools.partial(self._open, name))

    def _open(self, name: str) -> None:
        self.timeline.sleep(WARM_UP * EVERY)
        self.opened_at = self.timeline()
        self.queue.send_hint(hint_to(name), slow=True)

    def latencies(self) -> list[float]:
        """Seconds from each event's request to its arrival at the healthy one.

        Endless for what has not arrived when the time is up.
        """
        for slow, workers in ((False, MAIN), (True, SLOW)):
            for number in range(workers):
                begun = number * POLL / workers
                self.timeline.begin(functools.partial(self._poll, slow, begun))
        self.timeline.begin(self._sweep)
        self.timeline.begin(self._deliver)
        self.timeline.run((WARM_UP + self._events) * EVERY + SETTLING)
        counted = list(self.sent_at)[WARM_UP:]
        assert len(counted) == self._events
        return [self.sender.first_at.get(key, math.inf) - self.sent_at[key] for key in counted]

    def _deliver(self) -> None:
        for number in range(WARM_UP + self._events):
            self.timeline.begin(functools.partial(self._post, number))
            self.timeline.sleep(EVERY)

    def _said(self, number: int) -> bytes:
        """The body of the event of this number; its message is `m` and the number."""
        return body_of(f"m{number}")

    def _post(self, number: int) -> None:
        body = self._said(number)
        self.sent_at[f"main:m{number}"] = self.timeline()
        request = InboundRequest(signed_headers(body, now=self.timeline()), body)
        assert self.receiver.receive(request, receipt=f"request-{number}").status == 200

    def _poll(self, slow: bool, begun: float) -> None:
        self.timeline.sleep(begun)
        while True:
            batch = [queued for queued in self.queue.visible() if queued.slow is slow][:BATCH]
            for queued in batch:
                queued.at = self.timeline() + VISIBILITY
            if batch:
                self._invoke(batch)
            else:
                self.timeline.sleep(POLL)

    def _invoke(self, batch: list[Queued]) -> None:
        records = [queued.read() for queued in batch]
        kept = self.fan_out.fan_out(records, deadline=self.timeline() + LIMIT)
        done = {queued.id for queued in batch} - set(kept)
        self.queue.queued = [queued for queued in self.queue.queued if queued.id not in done]

    def _sweep(self) -> None:
        while True:
            self.timeline.sleep(60.0)
            self.sweeper.sweep(deadline=self.timeline() + 40.0)


@dataclass(frozen=True)
class Drained:
    """How a backlog went out: what it took, as a multiple of the least time that it can take.

    `moved` is by how much a healthy one's p99 changed meanwhile (0: not at all), `inversions` how
    many arrived before one who was to go first, of a page and more.
    """

    count: int
    took: float
    moved: float
    refused: int
    inversions: int


def drained(count: int, name: str = "busy", **limits: Any) -> Drained:
    """Let so many wait for `busy` or `limited`, and its way be opened beside a healthy one."""
    least = count / (TAKES if name == "busy" else ALLOWS)
    events = math.ceil(1.2 * least / EVERY)
    alone = p99(Life("healthy", events=events).latencies())
    life = Life("healthy", events=events)
    life.add(name, **limits)
    life.wait_in_line(name, count)
    beside = p99(life.latencies())
    old = [(at, key) for at, key in life.sender.taken if key.startswith("main:old")]
    assert sorted(key for _, key in old) == [f"main:old{number:06}" for number in range(count)]
    order = [int(key.removeprefix("main:old")) for _, key in old]
    return Drained(
        count,
        # Who comes to a paced line has it drained before it is opened.
        (old[-1][0] - min(life.opened_at, old[0][0])) / least,
        beside / alone - 1,
        len(life.sender.refused),
        sum(abs(at - number) > PAGE for at, number in enumerate(order)),
    )


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98]
