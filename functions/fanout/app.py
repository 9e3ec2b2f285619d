"""The fan-out: an SQS batch in, the ids of the records to be kept out."""

from spectrum_forwarder.coldstart import started

# isort: split

import functools
import os
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from spectrum_forwarder.adapters.aws import Clients
from spectrum_forwarder.adapters.destination_registry import DESTINATIONS_AGE, SecretDestinations
from spectrum_forwarder.adapters.event_queue import SqsEventQueue, read_record
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
from spectrum_forwarder.adapters.kinds.router import make_sender
from spectrum_forwarder.adapters.notes import DynamoNotes
from spectrum_forwarder.adapters.ourselves import Ourselves
from spectrum_forwarder.adapters.payloads import S3Payloads
from spectrum_forwarder.adapters.waiting_table import DynamoLines
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import QueueRecord
from spectrum_forwarder.fanout.batch import FanOut
from spectrum_forwarder.loops import Loops
from spectrum_forwarder.observability import facts, observed
from spectrum_forwarder.settings import FanoutSettings
from spectrum_forwarder.storing import EventStore

# Seconds before Lambda's time limit by which an invocation is over.
MARGIN = 3.0
BATCH = 10
# What lines have under way at once, all together; each takes a thread, and one of its sender's,
# and Lambda has a thousand.
UNDER_WAY = 200


def build(environment: Mapping[str, str]) -> FanOut:
    """Wire the fan-out."""
    settings = FanoutSettings.from_environment(environment)
    clients = Clients(connect_seconds=1.0, read_seconds=5.0, tries=3, connections=BATCH)
    dynamodb = clients.make("dynamodb")
    table = DynamoEventTable(dynamodb, settings.events_table)
    timing = Timing(settings.time_scale)
    # Few bodies are in there, and botocore is loaded for it.
    payloads = S3Payloads(clients.later("s3"), settings.payloads_bucket, renewing=True)
    return FanOut(
        destinations=SecretDestinations(
            clients.make("secretsmanager"),
            settings.destinations_secret,
            clock=time.time,
            facts=facts,
            allow_loopback=settings.allow_loopback,
            own=Ourselves(
                settings.endpoint_host, (settings.events_queue_url, settings.slow_queue_url)
            ),
            max_age=DESTINATIONS_AGE * min(settings.time_scale, 1.0),
        ),
        health=DynamoHealthBoard(dynamodb, settings.events_table, clock=time.time),
        table=table,
        store=EventStore(table, payloads, timing),
        queue=SqsEventQueue(
            clients.make("sqs"),
            main_url=settings.events_queue_url,
            slow_url=settings.slow_queue_url,
        ),
        sender=make_sender(allow_loopback=settings.allow_loopback),
        clock=time.time,
        sleep=time.sleep,
        facts=facts,
        timing=timing,
        retention_days=settings.retention_days,
        new_owner=lambda: uuid.uuid4().hex,
        in_parallel=ThreadPoolExecutor(BATCH).map,
        # All lines of a batch, and what is under way in them; threads are made as they lack.
        abreast=ThreadPoolExecutor(BATCH + UNDER_WAY).map,
        lines=DynamoLines(dynamodb, settings.waiting_table),
        loops=Loops(DynamoNotes(dynamodb, settings.events_table), time.time),
    )


@functools.cache
def fan_out() -> FanOut:
    """The fan-out of this instance."""
    return build(os.environ)


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Lambda's entry point; the answer is that of ReportBatchItemFailures."""
    records, kept = _read(event["Records"])
    deadline = time.time() + context.get_remaining_time_in_millis() / 1000 - MARGIN
    kept += fan_out().fan_out(records, deadline=deadline)
    return {"batchItemFailures": [{"itemIdentifier": record_id} for record_id in kept]}


def _read(raw: list[dict[str, Any]]) -> tuple[list[QueueRecord], list[str]]:
    """The records, and the ids of those that nobody here can read: the dead-letter queue's."""
    records: list[QueueRecord] = []
    unreadable: list[str] = []
    for record in raw:
        try:
            records.append(read_record(record))
        except InvalidEntry as error:
            facts("record.unreadable", record_id=record["messageId"], cause=str(error))
            unreadable.append(record["messageId"])
    return records, unreadable


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Clients are made while the instance starts.
    fan_out()
started()
