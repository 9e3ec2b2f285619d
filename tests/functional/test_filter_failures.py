"""Filters that cannot be evaluated on an event: what becomes of it, and who is told how often."""

import json
from typing import Any

import pytest
from spectrum_forwarder.adapters.destination_registry import read_destination
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.event import pack
from spectrum_forwarder.domain.ports import StoredEvent

from tests.support.make import destination_of, event_of, stored_of
from tests.support.world import World

KEY = "main:spc-msg-1"
ENTRY: dict[str, Any] = {
    "name": "crm",
    "url": "https://crm.example.com/",
    "signing_secret": "5e" * 32,
    # Whatever has no text makes it fail, and what it raises quotes the value.
    "filter": "contains(message.sender, 'order')",
}


def crm(**changes: object) -> Destination:
    return read_destination(ENTRY | changes)


@pytest.fixture
def world() -> World:
    return World()


def of_body(body: bytes) -> StoredEvent:
    return StoredEvent(event_of()._replace(body=body), pack(body))


@pytest.mark.parametrize("wanted", [{}, {"on_filter_error": "deliver"}])
def test_an_event_on_which_the_filter_fails_is_delivered_and_counted(
    world: World, wanted: dict[str, str]
) -> None:
    world.add_quick(crm(**wanted))
    world.fan_out(world.put(stored_of()))
    assert world.outcome() == ("delivered", 1, None)
    assert world.facts.named("filter.failed") == [
        {
            "event_key": KEY,
            "destination": "crm",
            "cause": "JMESPathTypeError",
            "then": "deliver",
        }
    ]


def test_skip_leaves_out_the_event_on_which_the_filter_fails(world: World) -> None:
    world.add_quick(crm(on_filter_error="skip"))
    world.fan_out(world.put(stored_of()))
    assert world.outcome() == ("filtered", 0, "filter_failed")
    assert world.sender.sent == []
    (told,) = world.facts.named("filter.failed")
    assert told["then"] == "skip"
    (filtered,) = world.facts.named("delivery.filtered")
    assert filtered["reason"] == "filter_failed"


@pytest.mark.parametrize(("wanted", "status"), [("deliver", "delivered"), ("skip", "filtered")])
@pytest.mark.parametrize("body", [b"no json", b"\xff", b"[" * 100_000])
def test_a_body_that_no_filter_can_read_goes_by_the_same_rule(
    world: World, wanted: str, status: str, body: bytes
) -> None:
    world.add_quick(crm(on_filter_error=wanted))
    world.fan_out(world.put(of_body(body)))
    assert world.outcome()[0] == status
    assert len(world.facts.named("filter.failed")) == 1


def test_without_a_filter_nothing_can_fail(world: World) -> None:
    world.add_quick(crm(filter=None, on_filter_error="skip"))
    world.fan_out(world.put(of_body(b"no json")))
    assert world.outcome()[0] == "delivered"
    assert world.facts.named("filter.failed") == []


def test_a_filter_that_does_not_take_an_event_has_not_failed(world: World) -> None:
    world.add_quick(crm(filter="event == 'other'", on_filter_error="skip"))
    world.fan_out(world.put(stored_of()))
    assert world.outcome() == ("filtered", 0, None)
    assert world.facts.named("filter.failed") == []


def test_a_delivery_that_waits_or_is_retried_is_told_of_once(world: World) -> None:
    world.sender.script["crm"] = [Answer(status=503), Answer(status=503)]
    world.add_quick(crm(enabled=False))
    world.receive()
    world.live(3600.0)
    assert world.outcome() == ("pending", 0, "paused")
    assert world.facts.named("filter.failed") == []
    world.add_quick(crm())
    world.live(6 * 3600.0)
    assert world.outcome() == ("delivered", 3, None)
    assert len(world.facts.named("filter.failed")) == 1


def test_what_a_filter_raises_is_told_without_what_it_quotes(world: World) -> None:
    world.add_quick(crm())
    world.fan_out(world.put(stored_of()))
    told = json.dumps(world.facts.told, default=str)
    assert "+15550100" not in told
    assert "contains" not in told


def test_one_destinations_filter_fails_for_that_one_alone(world: World) -> None:
    world.add_quick(crm(on_filter_error="skip"))
    world.add_quick(destination_of("erp"))
    world.fan_out(world.put(stored_of()))
    assert world.outcome()[0] == "filtered"
    assert world.outcome("erp")[0] == "delivered"


@pytest.mark.parametrize("wanted", ["drop", "", 1, True, ["skip"], {}])
def test_another_word_for_what_to_do_is_refused(wanted: object) -> None:
    with pytest.raises(InvalidEntry, match="on_filter_error must be 'deliver' or 'skip'"):
        crm(on_filter_error=wanted)
