"""A burst through the whole local stack while its processes are killed and its services fail.

In the middle of it: `kill -9` of every receiver, then of every fan-out worker, twice; the main
queue purged; the table refusing writes, and then writing without an answer. What was acknowledged
must reach the healthy destination and the flaky one. A copy may only be there where a worker was
killed between a destination's answer and its record: the proxy before the table knows which.
"""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from spectrum_cli.local.moto_server import MotoServer
from spectrum_cli.local.registry_files import make_up_webhook
from spectrum_cli.local.stack import LocalStack

from tests.hardening.crowd import Destination, LogBook, Sent, Upstream, dead_url, entry, listening
from tests.hardening.table_proxy import Mood, TableProxy, proxying
from tests.support.prove import LONG
from tests.support.waiting import PATIENCE

FAN_OUT_BATCH = 10


@dataclass(frozen=True)
class Plan:
    """How much, how fast, and how slow is slow. Times are in seconds."""

    events: int
    every: float
    slow: float
    time_limit: float
    refusing: float
    forgetting: float
    time_scale: float
    patience: float


# Scaled time means more looks at an event, and claims that leave a busy machine little time to
# begin an attempt under them. So the long run, which asks for much, scales little.
PLAN = (
    Plan(500, 0.2, 8.0, 20.0, 10.0, 1.0, 0.5, 420.0)
    if LONG
    else Plan(40, 0.08, 1.2, 2.0, 2.5, 0.5, 0.01, PATIENCE)
)


LONGEST_MOOD = 10.0


@dataclass
class Scene:
    """The stack with its proxy, and the destinations; `kills` counts killed processes."""

    stack: LocalStack
    proxy: TableProxy
    upstream: Upstream
    book: LogBook
    healthy: Destination
    flaky: Destination
    slow: Destination
    kills: Counter[str] = field(default_factory=Counter)

    def kill_all(self, function: str) -> None:
        for pid in self.stack.pools[function].pids:
            with_process(pid)
            os.kill(pid, signal.SIGKILL)
            self.kills[function] += 1

    def purge(self) -> None:
        sqs = self.stack.client("sqs")
        sqs.purge_queue(QueueUrl=self.stack.deployment.physical_ids["EventsQueue"])

    def mood_for(self, mood: Mood, seconds: float) -> None:
        """For so long, and on a busy machine until it has met at least one call."""
        before, began = self.struck, time.monotonic()
        self.proxy.mood = mood
        time.sleep(seconds)
        while self.struck == before and time.monotonic() - began < LONGEST_MOOD:
            time.sleep(0.05)
        self.proxy.mood = Mood.PASS

    @property
    def struck(self) -> int:
        """How many calls have met a mood."""
        return self.proxy.refused + self.proxy.forgotten


def with_process(pid: int) -> None:
    """Be sure that the process is one of ours before it is killed."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    assert b"bootstrap.py" in command, command


@pytest.fixture
def scene() -> Iterator[Scene]:
    webhook, book = make_up_webhook(), LogBook()
    healthy, flaky = Destination("healthy"), Destination("flaky", flaky=True)
    slow = Destination("slow", seconds=PLAN.slow)
    entries = [each.entry(PLAN.time_limit) for each in (healthy, flaky, slow)]
    entries.append(entry("dead", dead_url(), PLAN.time_limit))
    with ExitStack() as parts:
        # moto keeps its state by process: this second door leads to the stack's own table.
        moto = parts.enter_context(MotoServer())
        proxy = parts.enter_context(proxying(moto.url))
        parts.enter_context(listening(healthy, flaky, slow))
        stack = parts.enter_context(
            LocalStack(
                webhooks=webhook.registry,
                destinations=json.dumps({"destinations": entries}),
                log=book,
                time_scale=PLAN.time_scale,
                overrides={"dynamodb": proxy.url},
            )
        )
        upstream = Upstream(stack.endpoint_url, webhook, threads=24)
        parts.callback(upstream.stop)
        yield Scene(stack, proxy, upstream, book, healthy, flaky, slow)


def make_trouble(scene: Scene) -> None:
    """Each fault at its share of the burst."""
    troubles: list[tuple[float, Callable[[], None]]] = [
        (0.15, lambda: scene.kill_all("ReceiverFunction")),
        (0.30, lambda: scene.kill_all("FanoutFunction")),
        (0.40, scene.purge),
        (0.45, lambda: scene.mood_for(Mood.REFUSE, PLAN.refusing)),
        (0.80, lambda: scene.mood_for(Mood.FORGET, PLAN.forgetting)),
        (0.90, lambda: scene.kill_all("FanoutFunction")),
        (0.95, lambda: scene.kill_all("ReceiverFunction")),
    ]
    for share, trouble in troubles:
        while scene.upstream.progress < share * PLAN.events:
            time.sleep(0.01)
        trouble()


def settle(scene: Scene, acknowledged: set[str]) -> float:
    """Wait until the healthy and the flaky destination have all; how long that took."""
    began = time.monotonic()
    while time.monotonic() - began < PLAN.patience:
        if not any(acknowledged - each.first_at.keys() for each in (scene.healthy, scene.flaky)):
            break
        time.sleep(0.05)
    return time.monotonic() - began


@pytest.mark.timeout(900)
def test_what_was_acknowledged_survives_killed_processes_and_failing_services(
    scene: Scene, record_property: Callable[[str, object], None]
) -> None:
    troubles = threading.Thread(target=make_trouble, args=(scene,))
    troubles.start()
    sent = scene.upstream.burst("burst", PLAN.events, every=PLAN.every)
    troubles.join()
    acknowledged = keys_of(sent)
    waited = settle(scene, acknowledged)

    lost_claims = Counter(scene.proxy.lost_claims())
    killed = scene.kills["FanoutFunction"]
    copies = {each.name: each.copies() for each in (scene.healthy, scene.flaky)}
    for name, value in {
        "events sent, acknowledged": (PLAN.events, len(acknowledged)),
        "tries upstream": sum(one.tries for one in sent),
        "processes killed": dict(scene.kills),
        "writes refused, answers lost": (scene.proxy.refused, scene.proxy.forgotten),
        "lost at healthy, flaky": [
            len(acknowledged - each.first_at.keys()) for each in (scene.healthy, scene.flaky)
        ],
        "claims lost with their worker": sum(lost_claims.values()),
        "copies": {name: sum(found.values()) for name, found in copies.items()},
        "seconds until all had arrived": round(waited, 1),
    }.items():
        record_property(name, value)

    assert len(acknowledged) > 0.9 * PLAN.events
    assert acknowledged <= scene.healthy.first_at.keys()
    assert acknowledged <= scene.flaky.first_at.keys()
    assert scene.kills["ReceiverFunction"] >= 2
    assert killed >= 2
    assert scene.proxy.refused > 0
    assert scene.proxy.forgotten > 0
    assert sum(lost_claims.values()) <= FAN_OUT_BATCH * killed
    for found in copies.values():
        assert found <= lost_claims, found - lost_claims
    assert scene.book.mistakes == []


def keys_of(sent: list[Sent]) -> set[str]:
    """The event keys that were answered 200."""
    return {one.event_key for one in sent if one.acknowledged and one.event_key is not None}
