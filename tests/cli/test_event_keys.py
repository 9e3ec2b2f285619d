"""Which event is meant by what somebody copied from a consumer's log."""

from typing import Any

from spectrum_cli.events.keys import find
from spectrum_forwarder.domain.outbound import outgoing_id

EVENTS: Any = {key: key for key in ("main:webhook-id:evt_1", "main:m-1.2", "b:webhook-id:evt.3")}


def meant(given: str) -> Any:
    return find(given, EVENTS.get, lambda: ["main", "b"])


def test_an_event_is_found_by_its_key_and_by_the_id_that_it_went_out_under() -> None:
    for key in EVENTS:
        assert meant(key) == meant(outgoing_id(key, 1)) == key
    assert meant("evt_4") is None


def test_what_is_there_under_its_key_costs_no_look_at_the_sources() -> None:
    def unread() -> list[str]:
        raise AssertionError

    found: Any = find("main:m-1~2", EVENTS.get, unread)
    assert found == "main:m-1.2"
