"""The numbers that are promised: limits, times, sizes. A change of one changes a promise.

What each one is for stands beside it in its module; what follows from it has tests of its own.
"""

from __future__ import annotations

from types import ModuleType

import pytest
from spectrum_forwarder import loops, observability, receive, replay, storing, sweep
from spectrum_forwarder.adapters import (
    budget,
    cached_secret,
    destination_registry,
    direct,
    due_index,
    event_log,
    event_queue,
    expressions,
    health_board,
    left_out,
    line_fields,
    log_pages,
    notes,
    order_fields,
    payloads,
    plain_http,
    quarantine,
    quarantine_shelf,
    signing_fields,
    spectrum_list,
    url_guard,
    waiting_table,
    webhook_registry,
    wire,
)
from spectrum_forwarder.adapters.kinds import eventbridge, lambda_, services, sqs
from spectrum_forwarder.adapters.kinds.http import engine, exchange, sender, trust
from spectrum_forwarder.domain import (
    answers,
    bundle,
    delivery,
    destination,
    event,
    health,
    hints,
    identity,
    line,
    masking,
    order,
    pace,
    ports,
    registration,
    retry,
    timing,
    via,
)
from spectrum_forwarder.domain import quarantine as kept
from spectrum_forwarder.domain.schemes import standard, v0
from spectrum_forwarder.fanout import claims, configured, decide, fitting, poison, record, take

MINUTE, HOUR, DAY = 60, 3600, 86_400
KIB, MIB = 1024, 1_048_576

# Others' limits, which it is no use to pass.
OF_OTHERS: dict[ModuleType, dict[str, object]] = {
    event_queue: {"LONGEST_DELAY": 15 * MINUTE},
    timing: {"LONGEST_HINT_DELAY": 15 * MINUTE},
    sweep: {"HINTS_AT_ONCE": 10},
    order_fields: {"LONGEST_PATIENCE": DAY},
    observability: {
        "MOST_VALUES": 99,
        # Python's names and Lambda's.
        "WEIGHTS": {"TRACE": 5, "DEBUG": 10, "INFO": 20, "WARN": 30, "WARNING": 30, "ERROR": 40}
        | {"CRITICAL": 50, "FATAL": 50},
    },
    bundle: {"LARGEST": MIB},
    sqs: {"LARGEST": MIB},
    lambda_: {"LARGEST": MIB, "LONGEST_PATH": 1024},
    eventbridge: {"LARGEST": MIB, "LONGEST_TYPE": 128},
    # DynamoDB's 400 KB of an item, with room for what is written later.
    storing: {"LARGEST_INLINE": 350_000},
    fitting: {"ROOM": 400_000},
    wire: {"PORTS": {"http": 80, "https": 443}},
    registration: {"PORTS": {"http": 80, "https": 443}},
    standard: {"SHORTEST_KEY": 24, "LONGEST_KEY": 64},
    pace: {"TOO_MANY": 429, "UNAVAILABLE": 503},
    order: {"TOO_MUCH": (413, 422)},
    spectrum_list: {"NOT_THERE": (301, 302, 307, 308, 404, 405)},
}
# Seconds.
TIMES: dict[ModuleType, dict[str, object]] = {
    timing: {"FORGOTTEN_AFTER": 90, "SETTLING": 5, "DOUBT": 30, "SWEEP_AGAIN": 12},
    retry: {"JITTER": 0.2, "LONGEST_RETRY_AFTER": HOUR},
    destination: {"DEFAULT_TIMEOUT": 10, "LONGEST_TIMEOUT": 30},
    health: {
        "FAILING_BEFORE_OPENING": 2 * MINUTE,
        "FIRST_COOL_DOWN": 30,
        "LONGEST_COOL_DOWN": 50,
        "SLOW_ABOVE": 1,
        "QUICK_BELOW": 0.5,
    },
    identity: {"LONGEST_RUN": 4 * MINUTE},
    event: {"NOTABLE_SKEW": 10},
    line: {"PLAUSIBLE": 7 * DAY},
    order: {"WINDOW": 1.5, "PATIENCE": 15 * MINUTE, "GRACE": 0.5},
    pace: {"REST": 1},
    delivery: {"EARLY": 0.5},
    kept: {"KEPT_SECONDS": 3 * DAY},
    storing: {"PATIENCE": 1, "MARK_KEPT": DAY},
    receive: {"DOUBTED_SECRET_AGE": 10, "UNNAMED_SECRETS_AGE": 2},
    replay: {"PAUSE": 0.25, "PATIENCE": 10, "AWAKE_FOR": 5},
    loops: {"PAUSE_AFTER_FAILURE": 10},
    observability: {"SAMPLED_SECONDS": MINUTE},
    budget: {"LONGEST_BACKOFF": 1},
    cached_secret: {"PAUSE_AFTER_FAILURE": 10},
    destination_registry: {"DESTINATIONS_AGE": 30},
    webhook_registry: {
        "WEBHOOKS_AGE": 25,
        "UNKNOWN_WEBHOOK_AGE": 2,
        "LONGEST_UNCONFIRMED": 30,
        "NOTES_PAUSE": 2,
    },
    health_board: {"CACHED_SECONDS": 5},
    left_out: {"WRITTEN_EVERY": MINUTE},
    payloads: {"RENEWED_AFTER": 10 * DAY},
    quarantine: {"PAUSE_AFTER_FAILURE": 10, "QUICK": 0.5},
    spectrum_list: {"SECONDS": 15},
    waiting_table: {"KEPT": 21 * DAY},
    wire: {"TRUSTED_IDLE": 20},
    exchange: {"CONNECT_LIMIT_SECONDS": 10, "IDLE_LIMIT_SECONDS": MINUTE},
    engine: {"BODY_GRACE_SECONDS": 1},
    services: {"GRACE_SECONDS": 0.25},
    claims: {"FIRST_HOLD": 2 * MINUTE, "LONGEST_HOLD": HOUR},
    configured: {"RECENT": 5, "ASKED_EVERY": 1},
    decide: {"LONGEST_OUTAGE": 4 * DAY, "SPREAD": 5, "RECORDING": 2},
    record: {"FIRST_PAUSE": 0.2, "LONGEST_PAUSE": 3, "NOTED_PATIENCE": 8, "DAY": DAY},
    take: {"FIRST_PAUSE": 0.2, "LONGEST_PAUSE": 3, "PATIENCE": 20},
    event_log: {"READ_TRIES": 6, "READ_PAUSE": 0.1},
    log_pages: {"END_OF_TIME": 10**11},
}
# Bytes, letters and numbers of things.
SIZES: dict[ModuleType, dict[str, object]] = {
    storing: {"CHEAPEST_INLINE": 4 * KIB},
    receive: {"LARGEST_QUEUED": 750_000},
    observability: {"SAMPLED_LINES": 60},
    answers: {"LOOKED_AT": KIB, "MOST_KEPT": KIB, "FEW": 0.1},
    delivery: {"KEPT_ATTEMPTS": 20},
    event: {"FORMAT": 1, "LONGEST_LABEL": 200, "LONGEST_TYPE": 40},
    health: {"FAILURES_BEFORE_OPENING": 10},
    hints: {"DOUBT": 16, "SPARE": 32, "SPARED": 8},
    identity: {"FINGERPRINT": 32, "SUFFIX": 16, "LONGEST_INTEGER": 100},
    masking: {"LEAST_OF_A_SECRET": 4},
    pace: {"USED": 0.95, "CAUGHT_UP": 0.02, "MOST_REFUSALS": 3},
    ports: {"SHARDS": 8},
    kept: {"UNSIGNED": "v0=" + 64 * "0"},
    standard: {"MOST_PARTS": 8},
    v0: {"MOST_PARTS": 8},
    via: {"MARK_DIGITS": 32, "MOST_MARKS": 16},
    destination_registry: {"MOST_ATTEMPTS": 100},
    direct: {"MOST_RETRIES": 50},
    due_index: {"SWEPT_AT_ONCE": 100},
    event_log: {"READ_AT_ONCE": 100, "OWING_AT_ONCE": 1000},
    log_pages: {"LEAST_KEYS": 20},
    expressions: {
        "MOST_CALLS": 800,
        "CALLS_A_LEVEL": 2,
        "CALLS_A_REFERENCE": 6,
        "CALLS_A_BRACKET": 5,
    },
    line_fields: {"SLOWEST": 0.1, "FASTEST": 200, "MOST_IN_FLIGHT": 100},
    order_fields: {"BATCH": {"window": (2, 0, 300), "max": (20, 2, 100), "wait": (8, 0, 900)}},
    notes: {"KEY_BYTES": 32},
    plain_http: {"LONGEST_HEAD": 64 * KIB},
    quarantine: {"SLOTS": 10_000, "SLOTS_TRIED": 4, "MOST_TRIES": 10_000},
    quarantine_shelf: {"READ_AT_ONCE": 16},
    signing_fields: {"MOST_OLD_SECRETS": 4},
    spectrum_list: {"LARGEST_ANSWER": MIB},
    url_guard: {"LONGEST_URL": 2 * KIB},
    waiting_table: {"PARTS": 4},
    exchange: {"HEADER_LIMIT": 64 * KIB, "BODY_LIMIT": 64 * KIB},
    sender: {"CONCURRENCY": 100},
    services: {"THREADS": 16},
    trust: {"LONGEST_CA_BUNDLE": 16 * KIB},
    fitting: {"KEPT": (5, 1, 0)},
    poison: {"SUSPECT_CLAIMS": 2, "POISON_STRIKES": 3},
}


@pytest.mark.parametrize(
    ("module", "name", "promised"),
    [
        pytest.param(module, name, value, id=f"{module.__name__}.{name}")
        for table in (OF_OTHERS, TIMES, SIZES)
        for module, numbers in table.items()
        for name, value in numbers.items()
    ],
)
def test_a_number_is_the_one_that_is_promised(
    module: ModuleType, name: str, promised: object
) -> None:
    assert getattr(module, name) == promised
