"""Queues of listeners: made under a name with room for it, tagged with whose they are."""

from __future__ import annotations

import hashlib
import secrets
import socket
import time
from collections.abc import Iterable
from typing import Any

from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import WrongUse

LONGEST_QUEUE_NAME = 80

# A laptop may sleep for so long without losing anything: the longest there is.
RETENTION_SECONDS = 14 * 86_400

# For one batch: longer than an attempt may take.
VISIBILITY_SECONDS = 12

TAG_NAME, TAG_HOST, TAG_SEEN = (f"spectrum-forwarder:{what}" for what in ("name", "host", "seen"))


def queue_name(prefixes: Iterable[str], name: str, end: str | None = None) -> str:
    """A name with the first of the prefixes that leaves room for it; by default a new one."""
    queue, end = "", end or secrets.token_hex(4)
    for prefix in prefixes:
        queue = f"{prefix}{name}-{end}"
        if len(queue) <= LONGEST_QUEUE_NAME:
            return queue
    raise WrongUse(
        f"a queue cannot be called {queue}: choose a shorter name with --name, or deploy this "
        "version, in which stacks with long names have another prefix for queues"
    )


def make_queue(target: Target, name: str) -> tuple[str, str]:
    """Make the queue: the same as the last time, unless that was deleted a minute ago."""
    sqs = target.client("sqs")
    usual = hashlib.sha256(f"{target.id} {name}".encode()).hexdigest()[:8]
    try:
        return _make_queue_called(target, name, usual)
    except sqs.exceptions.QueueDeletedRecently:
        return _make_queue_called(target, name, None)


def _make_queue_called(target: Target, name: str, end: str | None) -> tuple[str, str]:
    queue = queue_name(target.listen_queue_prefixes, name, end)
    sqs = target.client("sqs")
    url = sqs.create_queue(
        QueueName=queue,
        Attributes={
            "MessageRetentionPeriod": str(RETENTION_SECONDS),
            "VisibilityTimeout": str(VISIBILITY_SECONDS),
            "SqsManagedSseEnabled": "true",
        },
        tags={
            TAG_NAME: name,
            TAG_HOST: socket.gethostname(),
            TAG_SEEN: str(int(time.time())),
        },
    )["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, str(found["Attributes"]["QueueArn"])


def queue_of(sqs: Any, arn: str) -> tuple[str, str] | None:
    """URL and ARN of the queue, if it is there."""
    try:
        url = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        return None
    return str(url), arn
