"""Keeping: when records come again that are not done with, and what is told of the cause."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.errors import QueueUnavailable, TableUnavailable
from spectrum_forwarder.domain.line import Place
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import QueueRecord
from spectrum_forwarder.fanout.keeping import Keeping

from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.facts import FactList
from tests.support.make import NOW

RECORD = QueueRecord("r-1", "main:1", receives=1)
LINE = QueueRecord("r-2", "#line crm/chat")
CAUSE = TableUnavailable("down")


class Shown:
    """A queue that notes which records it is to show again, and when."""

    def __init__(self, *, down: bool = False) -> None:
        self.down = down
        self.asked: list[list[tuple[str, float]]] = []

    def show_again(self, records: Sequence[tuple[QueueRecord, float]]) -> None:
        self.asked.append([(record.id, seconds) for record, seconds in records])
        if self.down:
            raise QueueUnavailable("down")


def keeping(queue: Shown | None = None) -> tuple[Keeping, FactList]:
    facts = FactList()
    return Keeping(cast(Any, queue or Shown()), ManualClock(NOW), facts, Timing()), facts


def led(event_key: str, drains: str | None = "crm/chat") -> QueueRecord:
    return QueueRecord("led", event_key, drains=drains, place=Place("1", event_key, NOW))


def test_a_record_is_kept_with_the_end_of_its_claim() -> None:
    kept, facts = keeping()
    kept.keep(RECORD, CAUSE)
    kept.keep(LINE, CAUSE, until=NOW + 75)
    assert kept.kept == [(RECORD, 0.0), (LINE, NOW + 75)]
    assert facts.named("record.kept")[0] == {"event_key": "main:1", "cause": "down"}


@pytest.mark.parametrize(
    ("untils", "kept_until"), [([0.0], 0.0), ([NOW + 75, 0.0], NOW + 75), ([5.0, 7.0, 6.0], 7.0)]
)
def test_a_hint_at_a_line_comes_again_when_the_last_claim_in_it_has_ended(
    untils: list[float], kept_until: float
) -> None:
    kept, _ = keeping()
    for number, until in enumerate(untils):
        kept.keep(led(f"main:{number}"), CAUSE, until=until)
    kept.keep(led("main:9", drains="erp/chat"), CAUSE, until=NOW + 900)
    assert kept.kept == []
    kept.keep_with("crm/other", LINE)
    assert kept.kept == []
    kept.keep_with("crm/chat", LINE)
    kept.keep_with("crm/chat", RECORD)  # what is kept once is done with
    assert kept.kept == [(LINE, kept_until)]


@pytest.mark.parametrize(
    ("until", "receives", "seconds"),
    [(0.0, 1, 5.0), (0.0, 2, 5.625), (NOW + 75, 1, 75.0), (NOW + 4, 1, 5.0)],
)
def test_a_record_comes_again_soon_but_not_before_its_claim_ends(
    until: float, receives: int, seconds: float
) -> None:
    queue = Shown()
    kept, _ = keeping(queue)
    kept.keep(replace(RECORD, receives=receives), CAUSE, until=until)
    assert kept.show_again(deadline=NOW + 1) == ["r-1"]
    assert queue.asked == [[("r-1", seconds)]]


@pytest.mark.parametrize(("left", "asks"), [(0.25, 1), (0.0, 0), (-1.0, 0)])
def test_where_no_time_is_left_the_queue_shows_them_by_itself(left: float, asks: int) -> None:
    queue = Shown(down=True)
    kept, _ = keeping(queue)
    kept.keep(RECORD, CAUSE)
    assert kept.show_again(deadline=NOW + left) == ["r-1"]
    assert len(queue.asked) == asks


def test_where_nothing_is_kept_nothing_is_asked_of_the_queue() -> None:
    queue = Shown()
    assert keeping(queue)[0].show_again(deadline=NOW + 9) == []
    assert queue.asked == []


def test_of_an_error_that_may_quote_a_body_its_kind_and_place_are_told() -> None:
    def read() -> None:
        raise ValueError("secret")

    def read_all() -> None:
        read()

    kept, facts = keeping()
    with pytest.raises(ValueError, match="secret") as caught:
        read_all()
    kept.keep(RECORD, caught.value)
    kept.keep(RECORD, ValueError("never raised"))
    told = [fact["cause"] for fact in facts.named("record.kept")]
    assert told == ["ValueError in read", "ValueError"]
