"""Does what was accepted get done: the table, the queues, the sweeper, the alarms?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from spectrum_cli.doctor.model import Patient, recent
from spectrum_cli.stack.wiring import event_queue, event_table
from spectrum_cli.terminal.verdicts import Result, failed, ok, skipped, warning

if TYPE_CHECKING:
    from spectrum_forwarder.domain.hints import Lack

# Hints that are waiting, from which on the fan-out is behind.
LONG_QUEUE = 1000
# A sweep is a minute apart; what is overdue by more than a few has not been swept.
SWEPT_WITHIN = 300.0
MOST_SHOWN = 5
END_OF_TIME = 10.0**11


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
    """Nothing piles up."""
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


def dead_letters(patient: Patient) -> Iterator[Result]:
    """Nothing was given up by the queues."""
    dead = _waiting(patient, patient.target.dead_letter_queue_url)
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
    there, owing = standing(patient), _owing(patient)
    said = f"{there} hints stand for {owing} events that owe work now"
    if there > LONG_QUEUE and there > 2 * owing:
        yield warning(
            "hints",
            f"{said}: most are copies",
            "Each is refused, in front of fresh events. They drain by themselves; or purge both "
            "lanes, unless the log has event.queued_whole: docs/operations.md, Hints that are "
            "copies.",
        )
    else:
        yield ok("hints", said)


def standing(patient: Patient) -> int:
    """How many hints stand in both lanes."""
    return sum(event_queue(patient.target).depth())


def _owed(patient: Patient, *, overdue_by: float, due_by: float) -> tuple[int, int]:
    """How many events are due by these times (Unix seconds), by the sweeper's own count."""
    from spectrum_forwarder.domain.ports import SHARDS  # noqa: PLC0415 (not for --help)

    table = event_table(patient.target)
    counted = [table.owing(shard, now=overdue_by, soon=due_by) for shard in range(SHARDS)]
    overdue = sum(owing.overdue for owing in counted)
    return overdue, overdue + sum(owing.soon for owing in counted)


def _owing(patient: Patient) -> int:
    """How many events owe work now."""
    from spectrum_forwarder.domain.timing import Timing  # noqa: PLC0415 (not for --help)

    now = patient.clock()
    soon = now + Timing(patient.target.time_scale).hint_slack
    return _owed(patient, overdue_by=now, due_by=soon)[1]


def _lack(patient: Patient) -> Lack:
    from spectrum_forwarder.domain.hints import lack  # noqa: PLC0415 (not for --help)

    return lack(_owing(patient), standing(patient))


def sweeper(patient: Patient) -> Iterator[Result]:
    """Nothing is overdue for longer than sweeps are apart, unless its hint stands in a lane.

    Reads the index alone: the events themselves are many just when this is asked.
    """
    limit = patient.clock() - SWEPT_WITHIN * max(patient.target.time_scale, 0.05)
    late, all_of_them = _owed(patient, overdue_by=limit, due_by=END_OF_TIME)
    if not late:
        yield ok("sweeper", f"{all_of_them} events owe work, none is overdue")
        return
    keys = ", ".join(_some_overdue(patient, limit))
    if not _lack(patient).fresh:
        yield warning(
            "sweeper",
            f"{late} events are overdue, and their hints wait in the lanes: {keys}",
            "The fan-out is behind, or away: look at its errors, throttles and concurrency. "
            "Nothing is lost, and nothing is to be hinted at again.",
        )
        return
    yield failed(
        "sweeper",
        f"{late} events are overdue and were not swept: {keys}",
        "Look at the sweeper's log and its schedule; is the rule switched off?",
    )


def _some_overdue(patient: Patient, limit: float) -> list[str]:
    """A few keys of events that are overdue by then."""
    from spectrum_forwarder.domain.ports import SHARDS  # noqa: PLC0415 (not for --help)

    table = event_table(patient.target)
    found: list[str] = []
    for shard in range(SHARDS):
        page = next(table.overdue(shard, now=limit), [])
        found += [overdue.event_key for overdue in page]
        if len(found) >= MOST_SHOWN:
            break
    return found[:MOST_SHOWN]


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
