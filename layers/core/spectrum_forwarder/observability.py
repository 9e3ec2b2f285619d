"""What the functions tell: one structured log line a fact, and the metrics counted from it.

Facts carry keys, names, codes, counts and times. Never a body, a signature, a secret or a text.
"""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

# Every fact comes from one line below: its place says nothing.
logger = Logger(location=None)
metrics = Metrics(namespace="SpectrumForwarder")

LEVELS = {
    "request.refused": "warning",
    "registry.entry_refused": "error",
    "registry.unread": "error",
    "record.unreadable": "error",
    "record.kept": "warning",
    "batch.kept": "warning",
    "hint.failed": "warning",
    "event.queued_whole": "warning",
    "delivery.dead_lettered": "error",
    "breaker.opened": "warning",
    "sweep.cut_short": "error",
    "receive.failed": "error",
}
COUNTED = {
    "event.accepted": "Accepted",
    "event.duplicate": "Duplicate",
    "event.queued_whole": "QueuedWhole",
    "request.refused": "Refused",
    "receive.failed": "ReceiveFailed",
    "registry.entry_refused": "EntryRefused",
    "registry.unread": "RegistryUnread",
    "hint.failed": "HintFailed",
    "delivery.attempted": "Attempts",
    "delivery.dead_lettered": "DeadLettered",
    "breaker.opened": "BreakerOpened",
    "record.kept": "RecordKept",
}


def facts(name: str, /, **fields: object) -> None:
    """The `Facts` port: log the fact and count it."""
    told = {key: value for key, value in fields.items() if value is not None}
    getattr(logger, LEVELS.get(name, "info"))(name, extra=told)
    if name in COUNTED:
        metrics.add_metric(COUNTED[name], MetricUnit.Count, 1)
