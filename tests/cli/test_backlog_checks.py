"""What `doctor` says of hints: that they stand for what is overdue, that they lack, that they are
copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws
from spectrum_cli.doctor import backlog, canary
from spectrum_cli.doctor.model import Check, Patient
from spectrum_cli.terminal.verdicts import Result, Verdict
from spectrum_forwarder.adapters import event_log
from spectrum_forwarder.adapters.event_log import DynamoEventLog
from spectrum_forwarder.adapters.event_queue import SqsEventQueue
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.domain.ports import SHARDS
from spectrum_forwarder.domain.timing import Timing

from tests.support.aws import create_queue, create_table
from tests.support.in_memory.objects import MemoryPayloads
from tests.support.make import NOW, stored_of

REGION = "us-east-1"


class Ward:
    """A stack's table and lanes, and the patient that they amount to."""

    def __init__(self) -> None:
        self.sqs = boto3.client("sqs", region_name=REGION)
        dynamodb = boto3.client("dynamodb", region_name=REGION)
        main, slow = create_queue(self.sqs, "main"), create_queue(self.sqs, "slow")
        name = create_table(dynamodb)
        clients: dict[str, Any] = {"sqs": self.sqs, "dynamodb": dynamodb}
        target = SimpleNamespace(
            table=name,
            queue_url=main,
            slow_queue_url=slow,
            time_scale=1.0,
            client=clients.__getitem__,
        )
        self.table = DynamoEventTable(dynamodb, name)
        self.queue = SqsEventQueue(self.sqs, main_url=main, slow_url=slow)
        self.patient = cast(
            Patient,
            SimpleNamespace(
                target=target,
                log=DynamoEventLog(dynamodb, name, MemoryPayloads()),
                clock=lambda: NOW,
            ),
        )

    def owe(self, count: int, *, hints: int, overdue: float = 900.0) -> None:
        """So many events have been overdue for so long, and so many hints stand for each."""
        for number in range(count):
            stored = stored_of(f"m{number}")
            self.table.put(stored, receipt="r", now=NOW - overdue - 75, due_at=NOW - overdue)
            for _ in range(hints):
                self.queue.send_hint(stored.event.key, slow=number % 2 == 0)

    def says(self, check: Check) -> Result:
        (result,) = check(self.patient)
        return result


@pytest.fixture
def ward(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ward]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield Ward()


def test_hints_that_are_copies_are_called_that(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "LONG_QUEUE", 50)
    ward.owe(10, hints=7)
    result = ward.says(backlog.hints)
    assert result.verdict is Verdict.WARNING
    assert result.said == "70 hints stand for 10 events that owe work now: most are copies"
    assert "purge" in result.next_step
    assert "event.queued_whole" in result.next_step


def test_a_backlog_with_a_hint_for_each_is_none_of_copies(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "LONG_QUEUE", 10)
    ward.owe(20, hints=1)
    assert ward.says(backlog.hints) == Result(
        "hints", Verdict.OK, "20 hints stand for 20 events that owe work now"
    )


def test_fresh_events_count_as_owing(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their hints stand although nothing is overdue yet."""
    monkeypatch.setattr(backlog, "LONG_QUEUE", 10)
    ward.owe(20, hints=1, overdue=-Timing().hint_slack)
    assert ward.says(backlog.hints).verdict is Verdict.OK


def test_what_is_overdue_while_its_hint_waits_is_not_the_sweepers_fault(ward: Ward) -> None:
    ward.owe(20, hints=1)
    result = ward.says(backlog.sweeper)
    assert result.verdict is Verdict.WARNING
    assert "their hints wait in the lanes" in result.said
    assert "fan-out" in result.next_step


def test_the_sweepers_check_reads_no_event_of_a_backlog(ward: Ward) -> None:
    """Two thousand were read beside a backlog, which took a minute just when it was asked."""
    ward.owe(120, hints=0)
    reads: list[str] = []
    events = ward.patient.target.client("dynamodb").meta.events
    events.register("before-call.dynamodb", lambda model, **_: reads.append(model.name))
    assert "120 events are overdue" in ward.says(backlog.sweeper).said
    assert set(reads) == {"Query"}
    # Two counts of each shard, twice; and the keys that are shown.
    assert len(reads) <= 5 * SHARDS


def test_of_a_backlog_many_events_are_looked_up_side_by_side(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`destinations resume` took 36 s: it read a hundred events after the other."""
    monkeypatch.setattr(event_log, "READ_AT_ONCE", 2)
    ward.owe(60, hints=0)
    reads: list[str] = []
    events = ward.patient.target.client("dynamodb").meta.events
    events.register("before-call.dynamodb", lambda model, **_: reads.append(model.name))
    found = [event.event_key for batch in ward.patient.log.owing() for event in batch]
    assert len(set(found)) == len(found) == 60
    assert reads.count("Query") == SHARDS
    assert reads.count("BatchGetItem") >= 30


def test_beside_a_backlog_the_canarys_turn_is_not_waited_for(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "LONG_QUEUE", 10)
    ward.owe(12, hints=1)
    result = canary.settled(ward.patient, "forwarder-canary:none")
    assert result.verdict is Verdict.SKIPPED
    assert "12 hints stand there too" in result.said


def test_what_is_overdue_without_its_hint_was_not_swept(ward: Ward) -> None:
    ward.owe(20, hints=0)
    result = ward.says(backlog.sweeper)
    assert result.verdict is Verdict.FAILED
    assert "were not swept" in result.said
