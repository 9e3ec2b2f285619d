"""`forwarder audit --wire`: reads what a stack has stored and logged, and reports it counted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from spectrum_cli.events.log_search import bodies_of, events_of
from spectrum_cli.quarantine.suspects import kept_ids, shelf
from spectrum_cli.stack.wiring import event_log
from spectrum_cli.support.wire import Wire
from spectrum_cli.terminal.output import counted, iso, note, print_json, print_line, progress
from spectrum_cli.terminal.tables import Rows

if TYPE_CHECKING:
    from spectrum_cli.stack.target import Target

MOST_REFUSED = 1000
RECEIVER_LOG = "ReceiverLogGroup"
DUPLICATES = '{ $.message = "event.duplicate" }'
MOST_LINES = 10_000


def report(target: Target, since: float, *, limit: int, bodies: int, as_json: bool) -> None:
    """Print what came since then (Unix seconds)."""
    wire = _read(target, since, limit=limit, bodies=bodies)
    document = wire.document()
    if as_json:
        print_json({"since": iso(since)} | document)
        return
    Rows("what only a live project can tell", "so far").add([list(a) for a in wire.answers()])
    print_line("")
    rows = [[name, f"{value} {number}"] for name, value, number in _counts(document["counts"])]
    rows += [["bytes", f"{name} {size}"] for name, size in document["bytes"].items()]
    Rows("counted", "times").add(rows)
    looked_at = document["looked_at"].items()
    note("looked at " + ", ".join(f"{number} {name}" for name, number in looked_at))


def _read(target: Target, since: float, *, limit: int, bodies: int) -> Wire:
    log, wire = event_log(target), Wire()
    with progress("looking at what came") as looked_at:
        pages = list(events_of(log, looked_at, since=since, limit=limit))
    events = [event for page in pages for event in page]
    for event in events:
        wire.look(event)
    for event, body in bodies_of(log, events[:bodies]):
        wire.look_into(event, body)
    quarantine = shelf(target)
    ids = kept_ids(target, lambda _: None)[:MOST_REFUSED]
    for _, suspect in quarantine.get_all(ids):
        if suspect is not None and suspect.received_at >= since:
            wire.look_at_refused(suspect.code, suspect.request)
    if target.is_local:
        note("the local stack keeps no log: its console tells of each event.duplicate")
    else:
        _look_at_duplicates(wire, target, since)
    if wire.duplicates == MOST_LINES:
        note(f"of the log, {counted(MOST_LINES, 'duplicate')} were looked at")
    return wire


def _look_at_duplicates(wire: Wire, target: Target, since: float) -> None:
    """Look at the receiver's log, which not everybody may read who may read events."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (heavy)

    try:
        detail = target.client("cloudformation").describe_stack_resource(
            StackName=target.id, LogicalResourceId=RECEIVER_LOG
        )["StackResourceDetail"]
        for line in lines(target.client("logs"), detail["PhysicalResourceId"], since):
            wire.look_at_duplicate(line)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "an error")
        note(
            f"{RECEIVER_LOG} cannot be read ({code}), so nothing is told of retries and copies: it "
            "takes cloudformation:DescribeStackResource and logs:FilterLogEvents"
        )


def lines(client: Any, group: str, since: float) -> Iterator[Mapping[str, Any]]:
    """The log group's lines of duplicates since then, MOST_LINES at most."""
    found = client.get_paginator("filter_log_events").paginate(
        logGroupName=group,
        startTime=int(since * 1000),
        filterPattern=DUPLICATES,
        PaginationConfig={"MaxItems": MOST_LINES},
    )
    for page in found:
        for event in page["events"]:
            try:
                line = json.loads(event["message"])
            except ValueError:
                continue
            if isinstance(line, dict):
                yield line


def _counts(counts: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, str, int]]:
    for name, values in counts.items():
        for value, number in values.items():
            yield name, value, number
