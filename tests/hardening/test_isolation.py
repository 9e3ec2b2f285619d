"""What a slow, a flaky and a dead destination cost a healthy one: never the time of their attempts.

Runs with and without the other three take turns on stacks of their own, so that whatever else the
machine does meets both alike. The times are those of the template, unscaled.

On one machine the healthy one's percentiles do move: the others' records and hints need the same
two cores, and the one process that stands for all of AWS. That is reported. What is asserted is
that no delivery waits for somebody else's attempt; that nothing else of the design delays it either
is tests/prove/test_isolation.py's.
"""

import json
import os
import statistics
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from spectrum_cli.local.registry_files import make_up_webhook
from spectrum_cli.local.stack import LocalStack

from tests.hardening.crowd import Destination, LogBook, Upstream, dead_url, entry, listening
from tests.support.prove import LONG
from tests.support.waiting import wait_until

PAIRS, EVENTS, EVERY = 2, 75, 0.4
# Until functions are warm and all of them know who is quick: a new destination is served in the
# slow lane, how it did is written when its batch has ended, and read every five seconds.
WARM_UP = 60
SLOW_SECONDS, TIME_LIMIT = 8.0, 10.0
Record = Callable[[str, object], None]


def latencies(*, crowded: bool) -> list[float]:
    """Seconds from each event's first send to its arrival at the healthy destination, sorted."""
    webhook, book = make_up_webhook(), LogBook()
    healthy, flaky = Destination("healthy"), Destination("flaky", flaky=True)
    slow = Destination("slow", seconds=SLOW_SECONDS)
    entries = [healthy.entry(TIME_LIMIT)]
    if crowded:
        entries += [flaky.entry(TIME_LIMIT), slow.entry(TIME_LIMIT)]
        entries.append(entry("dead", dead_url(), TIME_LIMIT))
    with ExitStack() as parts:
        parts.enter_context(listening(healthy, flaky, slow))
        registry = json.dumps({"destinations": entries})
        stack = parts.enter_context(
            LocalStack(webhooks=webhook.registry, destinations=registry, log=book)
        )
        upstream = Upstream(stack.endpoint_url, webhook, threads=16)
        parts.callback(upstream.stop)
        upstream.burst("warm", WARM_UP, every=EVERY)
        sent = upstream.burst("burst", EVENTS, every=EVERY)
        keys = {one.event_key for one in sent if one.acknowledged and one.event_key is not None}
        wait_until(lambda: not keys - healthy.first_at.keys())
        assert len(keys) == EVENTS
        return sorted(healthy.first_at[key] - upstream.sent_at[key] for key in keys)


def percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


@pytest.mark.skipif(not LONG, reason="takes minutes: long runs only (make prove)")
@pytest.mark.timeout(1200)
def test_a_healthy_destination_does_not_feel_the_others(record_property: Record) -> None:
    alone: list[float] = []
    crowded: list[float] = []
    for pair in range(PAIRS):
        for is_crowded in (False, True):
            run = latencies(crowded=is_crowded)
            (crowded if is_crowded else alone).extend(run)
            p50, p99 = (round(1000 * percentile(run, percent)) for percent in (50, 99))
            load = round(os.getloadavg()[0], 1)
            name = "with the others" if is_crowded else "alone"
            record_property(f"pair {pair + 1}, {name}", f"p50 {p50}, p99 {p99} ms, load {load}")
    for percent in (50, 99):
        before, after = percentile(alone, percent), percentile(crowded, percent)
        moved = f"{1000 * before:.0f} to {1000 * after:.0f} ms ({after / before - 1:+.0%})"
        record_property(f"p{percent} of all", moved)
    assert max(crowded) < SLOW_SECONDS / 2
