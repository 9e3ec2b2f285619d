"""What a slow, a flaky and a dead destination cost a healthy one by design: next to nothing.

The use cases are the real ones, as many workers as Lambda would run live on one timeline, and no
processor is shared: what moves is moved by lanes, batches, claims and breakers alone. On the local
stack, where all share two cores, tests/hardening/test_isolation.py measures the same.
"""

import functools
import itertools
import math
import random
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.inbound import InboundRequest
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout import decide
from spectrum_forwarder.fanout.batch import FanOut
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.receive import Receiver
from spectrum_forwarder.storing import EventStore
from spectrum_forwarder.sweep import Sweeper

from tests.prove.conftest import Figures
from tests.prove.stack import no_facts
from tests.prove.timeline import Timeline
from tests.support.make import WEBHOOK, body_of, destination_of, signed_headers
from tests.support.memory import (
    MemoryDestinations,
    MemoryHealthBoard,
    MemoryPayloads,
    MemoryQueue,
    MemoryTable,
    MemoryWebhooks,
    Queued,
)
from tests.support.prove import LONG

WARM_UP, EVENTS = 60, 500 if LONG else 100
# Seconds: between events, of a call to AWS (its mean), between a poller's looks, of a receive.
EVERY, CALL, POLL = 0.2, 0.005, 0.05
# template.yaml's: workers of the main and of the slow lane, and the batch.
MAIN, SLOW, BATCH = 4, 2, 10
LIMIT, VISIBILITY = 57.0, 90.0
SETTLING = 60.0


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


@dataclass
class Crowd:
    """The `Sender` port: what each destination answers, and when it got what."""

    timeline: Timeline
    first_at: dict[str, float] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)

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


class Life:
    """One run of the whole pipeline with these destinations."""

    def __init__(self, *names: str) -> None:
        self.timeline = Timeline()
        rng = random.Random(3)
        clock = cast(Any, self.timeline)
        self.sender = Crowd(self.timeline)
        self.queue = MemoryQueue(clock)
        owners = itertools.count()

        def distant(port: object) -> Any:
            return Distant(port, self.timeline, rng)

        table, queue = distant(MemoryTable()), distant(self.queue)
        store = EventStore(table, MemoryPayloads(), Timing())
        self.receiver = Receiver(
            MemoryWebhooks([WEBHOOK]), store, queue, clock, no_facts, tolerance=300
        )
        destinations: dict[str, Destination] = {name: destination_of(name) for name in names}
        self.fan_out = FanOut(
            destinations=MemoryDestinations(destinations),
            health=distant(MemoryHealthBoard()),
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
        )
        self.sweeper = Sweeper(table, queue, clock, no_facts, Timing(), in_parallel=map)
        self.sent_at: dict[str, float] = {}

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
        self.timeline.run((WARM_UP + EVENTS) * EVERY + SETTLING)
        counted = list(self.sent_at)[WARM_UP:]
        assert len(counted) == EVENTS
        return [self.sender.first_at.get(key, math.inf) - self.sent_at[key] for key in counted]

    def _deliver(self) -> None:
        for number in range(WARM_UP + EVENTS):
            self.timeline.begin(functools.partial(self._post, number))
            self.timeline.sleep(EVERY)

    def _post(self, number: int) -> None:
        body = body_of(f"m{number}")
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


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98]


def test_the_others_cost_a_healthy_destination_at_most_a_tenth(figures: Figures) -> None:
    alone = Life("healthy").latencies()
    crowded = Life("healthy", "flaky", "slow", "dead").latencies()
    for name, value in (("alone", p99(alone)), ("with the others", p99(crowded))):
        figures(f"isolation: p99 {name}", f"{1000 * value:.0f} ms of {EVENTS} events")
    figures("isolation: p99 moved by", f"{p99(crowded) / p99(alone) - 1:+.1%}")
    assert p99(crowded) <= 1.1 * p99(alone)


def test_without_lanes_they_would_cost_it_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: were the slow one served with all others, it would show here."""
    alone = Life("healthy").latencies()
    monkeypatch.setattr(Gate, "is_slow", lambda self, destination: False)
    monkeypatch.setattr(decide, "_is_its_lane", lambda case: True)
    assert p99(Life("healthy", "flaky", "slow", "dead").latencies()) > 1.5 * p99(alone)
