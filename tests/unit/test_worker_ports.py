"""What workers are told: when an event is doubtful, and when it came due."""

from dataclasses import replace

import pytest
from spectrum_forwarder.domain.worker_ports import Claimed, Overdue, QueueRecord

from tests.support.make import NOW

CLAIMED = Claimed("main:1", "a", NOW + 75, 1, "wh_1", NOW, None, None, b"", None, None, 1)


@pytest.mark.parametrize(
    ("claims", "unrecorded", "is_doubtful"),
    [(1, 0, False), (2, 0, True), (1, 1, True), (3, 2, True)],
)
def test_an_event_is_doubtful_once_a_claim_of_it_has_ended_without_a_record(
    claims: int, unrecorded: int, is_doubtful: bool
) -> None:
    claimed = replace(CLAIMED, claims=claims, unrecorded=unrecorded)
    assert claimed.is_doubtful is is_doubtful


def test_a_destination_knows_the_first_webhook_that_an_event_may_have_come_through() -> None:
    assert CLAIMED.came_through == "wh_1"
    assert replace(CLAIMED, first_id="wh_0").came_through == "wh_0"


@pytest.mark.parametrize(
    ("since", "came_due", "was_swept"),
    [(None, NOW, False), (NOW, NOW, False), (NOW - 1, NOW - 1, True)],
)
def test_an_event_that_was_swept_says_when_it_first_came_due(
    since: float | None, came_due: float, was_swept: bool
) -> None:
    overdue = Overdue("main:1", NOW, since)
    assert (overdue.came_due, overdue.was_swept) == (came_due, was_swept)


def test_a_hint_that_says_no_more_is_received_for_the_first_time_in_the_main_lane() -> None:
    hint = QueueRecord("id", "main:1")
    assert (hint.receives, hint.slow_lane, hint.late, hint.not_before) == (1, False, False, 0.0)


def test_a_receipt_does_not_stand_in_a_representation() -> None:
    assert "receipt-1" not in repr(QueueRecord("id", "main:1", receipt="receipt-1"))


def test_a_body_does_not_stand_in_a_representation() -> None:
    assert "canary" not in repr(replace(CLAIMED, packed=b"canary"))
