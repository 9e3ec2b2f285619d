"""What is asked of AWS, where no emulator can tell the difference."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from spectrum_forwarder.adapters.event_log import DynamoEventLog
from spectrum_forwarder.adapters.event_queue import SqsEventQueue
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.waiting_table import DynamoLines
from spectrum_forwarder.domain.order import line_of
from spectrum_forwarder.domain.worker_ports import QueueRecord

from tests.support.make import NOW


class Recorder:
    """Stands for a client: what it was asked, and nothing found."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def __getattr__(self, _: str) -> Any:
        def ask(**arguments: Any) -> dict[str, Any]:
            self.asked.append(arguments)
            return {"Items": [], "Count": 0}

        return ask


LINE = line_of("crm", "chat")
READS: dict[str, Callable[[Any], object]] = {
    "the first of a line": lambda client: DynamoLines(client, "t").first("crm", limit=5),
    "who holds a line": lambda client: DynamoLines(client, "t").look(LINE, limit=5),
    "what stands": lambda client: DynamoEventTable(client, "t").standing("main:1", now=NOW),
    "an event": lambda client: DynamoEventLog(client, "t", cast(Any, None)).get("main:1"),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_every_read_by_which_something_is_decided_sees_all_that_was_written(
    read: Callable[[Any], object],
) -> None:
    client = Recorder()
    read(client)
    assert client.asked
    assert all(asked["ConsistentRead"] is True for asked in client.asked)


@pytest.mark.parametrize(("limit", "asked"), [(1, 2), (5, 6)])
def test_a_look_asks_for_the_holder_as_well(limit: int, asked: int) -> None:
    client = Recorder()
    DynamoLines(cast(Any, client), "t").look(LINE, limit=limit)
    assert [each["Limit"] for each in client.asked] == [asked]


@pytest.mark.parametrize(("limit", "pages"), [(1, 1), (3, 1), (4, 2), (100, 4)])
def test_a_line_is_counted_page_by_page_until_that_is_enough(limit: int, pages: int) -> None:
    starts: list[object] = []

    def query(**asked: Any) -> dict[str, Any]:
        starts.append(asked.get("ExclusiveStartKey"))
        more = {"LastEvaluatedKey": len(starts)} if len(starts) < 4 else {}
        return {"Count": 3, **more}

    client = SimpleNamespace(query=query)
    assert DynamoLines(cast(Any, client), "t").count(LINE, limit=limit) == 3 * pages
    assert starts == [None, 1, 2, 3][:pages]


def queue(client: Recorder) -> SqsEventQueue:
    return SqsEventQueue(cast(Any, client), main_url="main", slow_url="slow")


def test_a_hint_goes_at_once_by_the_main_lane_if_nothing_else_is_said() -> None:
    client = Recorder()
    queue(client).send_hint("main:1")
    (asked,) = client.asked
    assert (asked["QueueUrl"], asked["DelaySeconds"]) == ("main", 0)
    assert json.loads(asked["MessageBody"]) == {"event_key": "main:1"}


@pytest.mark.parametrize(
    ("delay", "seconds"), [(0.0, 0), (0.1, 1), (1.0, 1), (899.1, 900), (900.1, 900), (10**6, 900)]
)
def test_a_hint_is_delayed_by_whole_seconds_rounded_up_to_a_quarter_of_an_hour(
    delay: float, seconds: int
) -> None:
    client = Recorder()
    queue(client).send_hint("main:1", delay=delay)
    queue(client).send_hint("main:1", delay=delay, slow=True)
    assert [each["DelaySeconds"] for each in client.asked] == [seconds] * 2
    assert [each["QueueUrl"] for each in client.asked] == ["main", "slow"]


def shown(records: Sequence[tuple[QueueRecord, float]]) -> list[tuple[str, list[tuple[str, int]]]]:
    client = Recorder()
    queue(client).show_again(records)
    return [
        (
            asked["QueueUrl"],
            [(entry["ReceiptHandle"], entry["VisibilityTimeout"]) for entry in asked["Entries"]],
        )
        for asked in client.asked
    ]


def test_records_are_shown_again_in_their_own_lane_each_in_whole_seconds() -> None:
    main = QueueRecord("1", "main:1", receipt="a")
    slow = QueueRecord("2", "main:2", receipt="b", slow_lane=True)
    lost = QueueRecord("3", "main:3")
    assert shown([(main, 4.2), (slow, 5.0), (lost, 1.0)]) == [
        ("main", [("a", 5)]),
        ("slow", [("b", 5)]),
    ]
    assert shown([(slow, 5.0)]) == [("slow", [("b", 5)])]
