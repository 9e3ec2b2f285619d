"""The sweeper: every minute, a hint for whatever is overdue, and a look at the breakers."""

from spectrum_forwarder.coldstart import started

# isort: split

import functools
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from spectrum_forwarder.adapters.aws import Clients
from spectrum_forwarder.adapters.destination_registry import SecretDestinations
from spectrum_forwarder.adapters.event_queue import SqsEventQueue
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
from spectrum_forwarder.domain.line_ports import HealthBoard
from spectrum_forwarder.domain.ports import SHARDS
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import DestinationRegistry
from spectrum_forwarder.observability import facts, observed
from spectrum_forwarder.settings import SweeperSettings
from spectrum_forwarder.sweep import Sweeper
from spectrum_forwarder.watch import watch

# Seconds before Lambda's time limit by which no further call is begun, and the bounds of a call:
# the last one ends, whatever becomes of it, before Lambda would end the function.
MARGIN = 10.0
CONNECT, READ, TRIES = 1.0, 2.0, 2


def build(environment: Mapping[str, str]) -> tuple[Sweeper, HealthBoard, DestinationRegistry]:
    """Wire the sweeper, and what there is to watch: destinations' health, and which there are."""
    settings = SweeperSettings.from_environment(environment)
    clients = Clients(connect_seconds=CONNECT, read_seconds=READ, tries=TRIES, connections=SHARDS)
    table = clients.make("dynamodb")
    sweeps = Sweeper(
        table=DynamoEventTable(table, settings.events_table),
        queue=SqsEventQueue(
            clients.make("sqs"),
            main_url=settings.events_queue_url,
            slow_url=settings.slow_queue_url,
        ),
        clock=time.time,
        sleep=time.sleep,
        facts=facts,
        timing=Timing(settings.time_scale),
        in_parallel=ThreadPoolExecutor(SHARDS).map,
    )
    destinations = SecretDestinations(
        clients.later("secretsmanager"),
        settings.destinations_secret,
        clock=time.time,
        facts=facts,
        allow_loopback=settings.allow_loopback,
    )
    board = DynamoHealthBoard(table, settings.events_table, clock=time.time)
    return sweeps, board, destinations


@functools.cache
def sweeper() -> tuple[Sweeper, HealthBoard, DestinationRegistry]:
    """The sweeper of this instance, and what it watches."""
    return build(os.environ)


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Lambda's entry point; the schedule's event says nothing that matters."""
    deadline = time.time() + context.get_remaining_time_in_millis() / 1000 - MARGIN
    sweeps, board, destinations = sweeper()
    try:
        # The first, and short: nothing that happens to the sweep can keep it from being told.
        watch(board, destinations, sweeps.queue, clock=time.time, facts=facts)
    finally:
        swept = sweeps.sweep(deadline=deadline)
    return asdict(swept)


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Clients are made while the instance starts.
    sweeper()
started()
