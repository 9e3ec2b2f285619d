"""Destinations of every kind: what an entry must say, and what it must not."""

import random
from typing import Any

import pytest
from spectrum_forwarder.adapters.destination_registry import read_destination
from spectrum_forwarder.domain.delivery import TOO_LARGE, Status, attempted, planned
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.timing import Timing

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:spectrum-forwarder-listen-anna-1"
BUS = "arn:aws-us-gov:events:us-gov-west-1:123456789012:event-bus/orders/blue"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:orders"


def entry(kind: object, **changes: object) -> dict[str, Any]:
    return {"name": "aws", "kind": kind, "signing_secret": "5e" * 32} | changes


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("sqs", QUEUE),
        ("eventbridge", BUS),
        ("lambda", FUNCTION),
        ("lambda", f"{FUNCTION}:live"),
        ("lambda", f"{FUNCTION}:$LATEST"),
    ],
)
def test_an_entry_of_another_kind_names_its_target(kind: str, target: str) -> None:
    found = read_destination(entry(kind, target=target))

    assert (found.kind, found.url) == (kind, target)


@pytest.mark.parametrize("kind", [None, "http"])
def test_an_entry_is_one_of_http_unless_it_says_otherwise(kind: str | None) -> None:
    assert read_destination(entry(kind, url="https://example.com/")).kind == "http"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"kind": "smtp", "target": QUEUE}, "kind must be one of http, sqs, eventbridge, lambda"),
        ({"kind": ["sqs"], "target": QUEUE}, "kind"),
        ({"kind": "sqs"}, "target must be an ARN"),
        ({"kind": "sqs", "target": 7}, "target"),
        ({"kind": "sqs", "target": FUNCTION}, "arn:aws:sqs"),
        ({"kind": "sqs", "target": QUEUE + ".fifo"}, "FIFO"),
        ({"kind": "sqs", "target": QUEUE + "\n"}, "target"),
        ({"kind": "sqs", "target": QUEUE, "url": "https://example.com/"}, "url"),
        ({"kind": "sqs", "target": "https://sqs.us-east-1.amazonaws.com/1/orders"}, "target"),
        ({"kind": "eventbridge", "target": QUEUE}, "event-bus"),
        ({"kind": "lambda", "target": "orders"}, "target"),
        ({"kind": "http", "url": "https://example.com/", "target": QUEUE}, "target"),
        ({"kind": None, "target": QUEUE}, "target"),
    ],
)
def test_an_entry_that_fits_no_kind_is_refused_and_the_field_is_named(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidEntry, match=named):
        read_destination(entry(None) | changes)


def test_what_can_never_fit_is_dead_lettered_at_once() -> None:
    after = attempted(
        planned("aws", 0.0),
        TOO_LARGE,
        max_attempts=12,
        now=1.0,
        timing=Timing(),
        rng=random.Random(1),
    )

    assert (after.status, after.reason, after.attempts) == (
        Status.DEAD_LETTERED,
        "too_large",
        1,
    )
