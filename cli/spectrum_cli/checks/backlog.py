"""Does what was accepted get done: the table, the queues, the sweeper, the alarms?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from spectrum_cli.checks.model import Patient, Result, failed, ok, recent, skipped, warning

if TYPE_CHECKING:
    from spectrum_forwarder.domain.hints import Lack

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


def hints(patient: Patient) -> Iterator[Result]:
    """The hints in the lanes are not many more than the events that owe work now."""
    standing, owing = _standing(patient), _owing(patient)
    said = f"{standing} hints stand for {owing} events that owe work now"
    if standing > LONG_QUEUE and standing > 2 * owing:
        yield warning(
            "hints",
            f"{said}: most are copies",
            "Each is refused, in front of fresh events. They drain by themselves; or purge both "
            "lanes, unless the log has event.queued_whole: docs/operations.md, Hints that are "
            "copies.",
        )
    else:
        yield ok("hints", said)


def _standing(patient: Patient) -> int:
    from spectrum_forwarder.adapters.event_queue import SqsEventQueue  # noqa: PLC0415 (boto3)

    target = patient.target
    lanes = {"main_url": target.queue_url, "slow_url": target.slow_queue_url}
    return SqsEventQueue(target.client("sqs"), **lanes).depth()


def _owing(patient: Patient) -> int:
    """How many events owe work now, by the sweeper's own count."""
    from spectrum_forwarder.adapters.event_table import DynamoEventTable  # noqa: PLC0415 (boto3)
    from spectrum_forwarder.domain.ports import SHARDS  # noqa: PLC0415
    from spectrum_forwarder.domain.timing import Timing  # noqa: PLC0415

    target, now = patient.target, patient.clock()
    soon = now + Timing(target.time_scale).hint_slack
    table = DynamoEventTable(target.client("dynamodb"), target.table)
    counted = [table.owing(shard, now=now, soon=soon) for shard in range(SHARDS)]
    return sum(owing.overdue + owing.soon for owing in counted)


def _lack(patient: Patient) -> Lack:
    from spectrum_forwarder.domain.hints import lack  # noqa: PLC0415 (not for --help)

    return lack(_owing(patient), _standing(patient))


def sweeper(patient: Patient) -> Iterator[Result]:
    """Nothing is overdue for longer than sweeps are apart, unless its hint stands in a lane."""
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
    if not _lack(patient).fresh:
        yield warning(
            "sweeper",
            f"{len(late)} events are overdue, and their hints wait in the lanes: {keys}",
            "The fan-out is behind, or away: look at its errors, throttles and concurrency. "
            "Nothing is lost, and nothing is to be hinted at again.",
        )
        return
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
    stack = patient.target.name
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
