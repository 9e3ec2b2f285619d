"""Lines: what a place is ordered by."""

import json
from datetime import UTC, datetime

import pytest
from spectrum_forwarder.domain.line import (
    Line,
    Place,
    hint_to,
    line_hinted_at,
    position_behind,
    position_of,
)

from tests.support.make import NOW

WEEK = 7 * 86_400


@pytest.mark.parametrize(
    ("said", "believed"),
    [(-WEEK, True), (WEEK, True), (-WEEK - 1, False), (WEEK + 1, False), (0, True)],
)
def test_a_message_time_is_believed_within_a_week(said: int, believed: bool) -> None:
    time = datetime.fromtimestamp(NOW + said, UTC).isoformat()
    body = json.dumps({"message": {"timestamp": time}}).encode()
    at = NOW + said if believed else NOW
    assert position_of(body, NOW, "main:1") == f"{at * 1000:014.0f}/{NOW * 1000:014.0f}/main:1"


def test_a_place_is_the_same_whenever_it_was_probed() -> None:
    assert Place("p", "main:1", NOW, 0.0) == Place("p", "main:1", NOW, 5.0)
    assert Place("p", "main:1", NOW) != Place("p", "main:1", NOW + 1)


def test_a_message_time_without_a_zone_is_in_utc() -> None:
    body = b'{"message": {"timestamp": "2027-01-15T08:00:00"}}'
    assert position_of(body, NOW, "main:1") == f"{NOW * 1000:014.0f}/{NOW * 1000:014.0f}/main:1"
    body = b'{"message": {"timestamp": "2027-01-15T08:00:01+00:00"}}'
    assert position_of(body, NOW, "main:1").startswith(f"{(NOW + 1) * 1000:014.0f}/")


@pytest.mark.parametrize(
    "body",
    [
        b"no JSON",
        b"{}",
        b"[]",
        b'{"message": {"timestamp": 5}}',
        b'{"message": {"timestamp": "yesterday"}}',
        b'{"message": {"timestamp": "0001-01-01T00:00:00+14:00"}}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_says_no_time_stands_where_it_arrived(body: bytes) -> None:
    assert position_of(body, NOW, "main:1") == f"{NOW * 1000:014.0f}/{NOW * 1000:014.0f}/main:1"


def test_who_stands_behind_stands_there_by_its_own_time_whatever_its_key_is() -> None:
    position = "01799999999000/01800000000500/main:a/b/c"
    behind = position_behind(position, NOW + 0.0625)
    assert behind == "01800000000062/0179999999900001800000000500/main:a/b/c"
    assert position < behind < "01800000000063/"


def test_a_line_stands_until_it_is_found_empty() -> None:
    assert Line(NOW).stands
    assert not Line(NOW, emptied_at=NOW + 1).stands
    new = Line(NOW)
    assert (new.held_until, new.next_at, new.pace, new.paced_at) == (0.0, 0.0, 0.0, 0.0)
    assert Place("p", "main:1", NOW).probed_at == 0.0


def test_a_hint_to_a_line_is_told_from_one_to_an_event() -> None:
    assert line_hinted_at(hint_to("crm/chat")) == "crm/chat"
    assert line_hinted_at("main:1") is None
