"""Indexes and lines in DynamoDB: what a place says, how long it is kept, and what is counted."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.health_board import _read_line, _write_line
from spectrum_forwarder.adapters.waiting_table import DynamoLines
from spectrum_forwarder.domain.line import Line, Place

from tests.support.in_memory.clock import ManualClock
from tests.support.make import NOW

AT = "00000001800000/00000001800000/main:1"
DAY = 86_400


class Table:
    """One that keeps what it is given, and gives all of it back."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def put_item(self, *, Item: dict[str, Any], **_: object) -> None:
        self.items.append(Item)

    def query(self, **_: object) -> dict[str, Any]:
        return {"Items": self.items}


@pytest.mark.parametrize(
    ("line", "expires_at"), [("crm", None), ("crm/chat", {"N": str(int(NOW) + 21 * DAY)})]
)
@pytest.mark.parametrize("probed_at", [0.0, NOW - 5])
def test_a_place_is_kept_until_it_is_left_but_for_one_in_a_conversation(
    line: str, expires_at: object, probed_at: float
) -> None:
    table = Table()
    lines = DynamoLines(cast(Any, table), "t", clock=ManualClock(NOW))
    lines.put(line, Place(AT, "main:1", NOW - 60, probed_at))
    (item,) = table.items
    assert item.get("expires_at") == expires_at
    assert ("probed_at" in item) is bool(probed_at)
    found = lines.first("crm/chat", limit=1)
    assert list(found) == [Place(AT, "main:1", NOW - 60)]
    assert found[0].probed_at == probed_at


@pytest.mark.parametrize(
    ("how", "only"),
    [
        ({}, None),
        ({"in_main": False}, None),
        ({"in_main": True}, "attribute_not_exists(overdue_since)"),
    ],
)
def test_all_that_is_owed_is_counted_if_nothing_else_is_asked(
    how: dict[str, bool], only: object
) -> None:
    asked: list[object] = []

    def query(**arguments: object) -> dict[str, int]:
        asked.append(arguments.get("FilterExpression"))
        return {"Count": 7 - len(asked)}

    table = DynamoEventTable(cast(Any, SimpleNamespace(query=query)), "t")
    owing = table.owing(3, now=NOW, soon=NOW + 75, **how)
    assert asked == [only, only]
    assert (owing.overdue, owing.soon) == (5, 1)


def test_a_line_of_before_there_were_rates_has_none_and_no_pace() -> None:
    line = Line(NOW - 60, "a", NOW + 75, NOW - 5)
    item = _write_line(line)
    assert _read_line(item) == line
    for name in ("next_at", "pace", "paced_at"):
        del item[name]
    assert _read_line(item) == line
    paced = replace(line, next_at=NOW + 1, pace=2.5, paced_at=NOW - 1)
    assert _read_line(_write_line(paced)) == paced
