"""The targets of destinations that are no URLs: the shapes of their ARNs."""

import re
from collections.abc import Mapping
from typing import Any

from spectrum_forwarder.domain.destination import Kind
from spectrum_forwarder.domain.errors import InvalidEntry

_PLACE = r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}:[0-9]{12}"
_SHAPES = {
    Kind.SQS: re.compile(rf"arn:aws[a-z-]*:sqs:{_PLACE}:[A-Za-z0-9_-]{{1,80}}"),
    Kind.EVENTBRIDGE: re.compile(
        rf"arn:aws[a-z-]*:events:{_PLACE}:event-bus/[A-Za-z0-9._/-]{{1,256}}"
    ),
    Kind.LAMBDA: re.compile(
        rf"arn:aws[a-z-]*:lambda:{_PLACE}:function:[A-Za-z0-9_-]{{1,64}}"
        r"(:[$A-Za-z0-9_-]{1,128})?"
    ),
}
_EXAMPLES = {
    Kind.SQS: "arn:aws:sqs:us-east-1:123456789012:orders",
    Kind.EVENTBRIDGE: "arn:aws:events:us-east-1:123456789012:event-bus/default",
    Kind.LAMBDA: "arn:aws:lambda:us-east-1:123456789012:function:orders",
}


def read_kind(entry: Mapping[str, Any]) -> Kind:
    """The entry's kind, http where it names none; raise InvalidEntry."""
    kind = entry.get("kind")
    if kind is None:
        return Kind.HTTP
    try:
        return Kind(kind)
    except ValueError as error:
        raise InvalidEntry(f"kind must be one of {', '.join(Kind)}") from error


def read_target(entry: Mapping[str, Any], kind: Kind) -> str:
    """The ARN that an entry of any kind but http names; raise InvalidEntry."""
    target = entry.get("target")
    if entry.get("url") is not None:
        raise InvalidEntry(f"url: a destination of the kind {kind} has a target, no url")
    if kind is Kind.SQS and str(target).endswith(".fifo"):
        raise InvalidEntry("target: FIFO queues are not taken, for events have no order")
    if not isinstance(target, str) or not _SHAPES[kind].fullmatch(target):
        raise InvalidEntry(f"target must be an ARN of this form: {_EXAMPLES[kind]}")
    return target
