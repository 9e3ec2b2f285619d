"""Items: how an event stands in the table, and what is read of one that lacks what came later."""

import pytest
from spectrum_forwarder.adapters import items
from spectrum_forwarder.domain.event import FORMAT
from spectrum_forwarder.domain.ports import Existing

from tests.support.make import NOW, stored_of


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (10, "10"), (100.0, "100"), (1.5, "1.5"), (2.0004, "2"), (-1.25, "-1.25")],
)
def test_a_number_is_written_to_the_millisecond(value: float, written: str) -> None:
    assert items.number(value) == {"N": written}


def test_what_an_item_lacks_is_not_there() -> None:
    assert items.read_existing({}) == Existing(
        due_at=None,
        claimed_until=0,
        received_at=0.0,
        fingerprint=None,
        packed=None,
        payload=None,
        signed_id=None,
        signed_at=None,
        webhook_id=None,
    )
    assert items.format_of({}) == 0


def test_what_an_item_has_is_read() -> None:
    stored = stored_of(received_at=NOW)
    item = items.new_item(stored, receipt="r-1", due_at=NOW + 75)
    item["claim_until"] = items.number(NOW + 60)
    found = items.read_existing(item)
    assert (found.due_at, found.claimed_until, found.received_at) == (NOW + 75, NOW + 60, NOW)
    assert (found.packed, found.fingerprint) == (stored.packed, stored.event.fingerprint)
    assert (found.signed_at, found.webhook_id) == (stored.event.signed_at, stored.event.webhook_id)
    assert items.format_of(item) == FORMAT


def test_an_item_says_nothing_of_what_its_event_has_not() -> None:
    item = items.new_item(stored_of(), receipt="r-1", due_at=NOW)
    unsaid = {"via", "scheme", "also", "payload", "sid", "content_encoding", "first_id"}
    assert not unsaid & item.keys()
    assert "S" not in [kind for value in item.values() for kind, text in value.items() if not text]
