"""Lines: what a place is ordered by."""

import json
from datetime import UTC, datetime

import pytest
from spectrum_forwarder.domain.line import Place, position_of

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
