"""Does what was accepted get done: the table, the queues, the sweeper, the alarms?"""

from __future__ import annotations

from collections.abc import Iterator

from spectrum_cli.checks.model import Patient, Result, failed, ok, recent, skipped, warning

# Hints that are waiting, from which on the fan-out is behind.
LONG_QUEUE = 1000
# A sweep is a minute apart; what is overdue by more than a few has not been swept.
SWEPT_WITHIN = 300.0
MOST_SHOWN = 5
MOST_READ = 2000


def table(patient: Patient) -> Iterator[Result]:
    """The events table can be read, and says when something last came in."""
    newest = recent(patient)
    if not newest:
        yield warning(
            "table",
            "no event has come in yet",
            "Send a message to a connected line; or forwarder sample --send endpoint.",
        )
        return
    minutes = (patient.clock() - newest[0].received_at) / 60
    yield ok("table", f"the last event came in {minutes:.0f} minutes ago")


def queues(patient: Patient) -> Iterator[Result]:
    """Nothing piles up, and nothing was given up."""
    target = patient.target
    for name, url in (("main lane", target.queue_url), ("slow lane", target.slow_queue_url)):
        waiting = _waiting(patient, url)
        if waiting > LONG_QUEUE:
            yield warning(
                "queues",
                f"{waiting} hints wait in the {name}",
                "Look at the fan-out's errors and its concurrency; destinations may be slow.",
            )
        else:
            yield ok("queues", f"{waiting} hints wait in the {name}")
    dead = _waiting(patient, target.dead_letter_queue_url)
    if dead:
        yield failed(
            "queues",
            f"{dead} records are in the dead-letter queue",
            "Look for record.kept in the fan-out's log; mend that, then redrive the queue.",
        )
    else:
        yield ok("queues", "the dead-letter queue is empty")


def _waiting(patient: Patient, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    answer = patient.target.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def sweeper(patient: Patient) -> Iterator[Result]:
    """Nothing is overdue for longer than sweeps are apart."""
    limit = patient.clock() - SWEPT_WITHIN * max(patient.target.time_scale, 0.05)
    read, late = 0, []
    for batch in patient.log.owing():
        read += len(batch)
        late += [event for event in batch if event.due_at is not None and event.due_at < limit]
        if read >= MOST_READ:
            break
    if not late:
        yield ok("sweeper", f"{read} events owe work, none is overdue")
        return
    keys = ", ".join(event.event_key for event in late[:MOST_SHOWN])
    yield failed(
        "sweeper",
        f"{len(late)} events are overdue and were not swept: {keys}",
        "Look at the sweeper's log and its schedule; is the rule switched off?",
    )


def alarms(patient: Patient) -> Iterator[Result]:
    """None of the stack's alarms is ringing."""
    if patient.target.is_local:
        yield skipped("alarms", "the local stack has none")
        return
    stack = patient.target.id.split("/")[1] if "/" in patient.target.id else patient.target.id
    client = patient.target.client("cloudwatch")
    ringing = [
        alarm["AlarmName"]
        for page in client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{stack}-")
        for alarm in page["MetricAlarms"]
        if alarm["StateValue"] == "ALARM"
    ]
    for name in ringing:
        yield failed("alarms", f"{name} is ringing", "Its description says what to do.")
    if not ringing:
        yield ok("alarms", "none is ringing")
