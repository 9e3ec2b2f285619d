"""The layer's parts as a command uses them, wired to a target."""

from __future__ import annotations

import math
import time
import uuid
from typing import TYPE_CHECKING

from spectrum_cli.stack.target import Target

if TYPE_CHECKING:
    from spectrum_forwarder.adapters.event_log import DynamoEventLog
    from spectrum_forwarder.adapters.event_queue import SqsEventQueue
    from spectrum_forwarder.adapters.event_table import DynamoEventTable
    from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
    from spectrum_forwarder.adapters.waiting_table import DynamoLines
    from spectrum_forwarder.domain.ports import Clock
    from spectrum_forwarder.replay import Reopener


def event_log(target: Target) -> DynamoEventLog:
    """The delivery log of a stack."""
    from spectrum_forwarder.adapters.event_log import DynamoEventLog  # noqa: PLC0415 (boto3)
    from spectrum_forwarder.adapters.payloads import S3Payloads  # noqa: PLC0415

    payloads = S3Payloads(target.client("s3"), target.payloads_bucket)
    return DynamoEventLog(target.client("dynamodb"), target.table, payloads)


def event_queue(target: Target) -> SqsEventQueue:
    """Both lanes of a stack."""
    from spectrum_forwarder.adapters.event_queue import SqsEventQueue  # noqa: PLC0415 (boto3)

    lanes = {"main_url": target.queue_url, "slow_url": target.slow_queue_url}
    return SqsEventQueue(target.client("sqs"), **lanes)


def event_table(target: Target) -> DynamoEventTable:
    """The events of a stack, as its workers have them."""
    from spectrum_forwarder.adapters.event_table import DynamoEventTable  # noqa: PLC0415 (boto3)

    return DynamoEventTable(target.client("dynamodb"), target.table)


def health_board(target: Target, *, read_once: bool = False) -> DynamoHealthBoard:
    """How the destinations of a stack stand, and which lines do; with `read_once` for all time."""
    from spectrum_forwarder.adapters.health_board import (  # noqa: PLC0415 (boto3)
        CACHED_SECONDS,
        DynamoHealthBoard,
    )

    return DynamoHealthBoard(
        target.client("dynamodb"),
        target.table,
        clock=time.time,
        cached_seconds=math.inf if read_once else CACHED_SECONDS,
    )


def waiting_lines(target: Target) -> DynamoLines | None:
    """The places in the lines of a stack; None where that is of before there were any."""
    from spectrum_forwarder.adapters.waiting_table import DynamoLines  # noqa: PLC0415 (boto3)

    if target.waiting_table is None:
        return None
    return DynamoLines(target.client("dynamodb"), target.waiting_table)


def new_owner() -> str:
    """By which a claim is known to be a command's, and no other command's."""
    return f"operator-{uuid.uuid4().hex}"


def reopener(target: Target, clock: Clock) -> Reopener:
    """What begins deliveries of a stack's stored events anew, judging claims by that clock."""
    from spectrum_forwarder.domain.timing import Timing  # noqa: PLC0415 (not for --help)
    from spectrum_forwarder.replay import Reopener  # noqa: PLC0415

    return Reopener(
        log=event_log(target),
        table=event_table(target),
        queue=event_queue(target),
        clock=clock,
        sleep=time.sleep,
        timing=Timing(target.time_scale),
        new_owner=new_owner,
    )
