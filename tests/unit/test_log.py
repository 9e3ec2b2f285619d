"""The log: what is known of an event of which no more is said."""

import pytest
from spectrum_forwarder.domain.event import FORMAT, USUAL_SCHEME
from spectrum_forwarder.domain.log import LoggedEvent

from tests.support.make import NOW


def test_an_event_of_which_no_more_is_said_is_0_1_0s_and_nobody_has_looked_at_it() -> None:
    event = LoggedEvent("main:1", NOW, NOW, "w")
    assert (event.format, event.claims, event.owner, event.claimed_until) == (0, 0, "", 0.0)
    assert (event.scheme, event.deliveries, event.settled) == (USUAL_SCHEME, None, True)


@pytest.mark.parametrize(
    ("form", "readable"), [(0, True), (FORMAT, True), (FORMAT + 1, False), (FORMAT + 9, False)]
)
def test_what_a_later_version_stored_cannot_be_read(form: int, readable: bool) -> None:
    assert LoggedEvent("main:1", NOW, NOW, "w", format=form).readable is readable


def test_an_event_that_comes_due_is_not_settled() -> None:
    assert not LoggedEvent("main:1", NOW, NOW, "w", due_at=0.0).settled


def test_who_sent_it_does_not_stand_in_a_representation() -> None:
    """It may be a phone number."""
    event = LoggedEvent("main:1", NOW, NOW, "w", sender_id="+15550100173")
    assert event.sender_id == "+15550100173"
    assert "15550100173" not in repr(event)
