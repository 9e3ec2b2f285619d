"""Fan out: what becomes of each delivery, in which lane, and what it costs."""

from dataclasses import replace

import pytest
from spectrum_forwarder.domain.delivery import Answer, Status
from spectrum_forwarder.domain.event import pack
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.ports import StoredEvent
from spectrum_forwarder.domain.worker_ports import QueueRecord

from tests.support.make import body_of, destination_of, event_of, stored_of
from tests.support.world import World

KEY = "main:spc-msg-1"
BUSY = Answer(status=503, seconds=0.01)
LATE = Answer(status=200, seconds=3.0)
MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture
def world() -> World:
    """A world with one quick destination, `crm`."""
    world = World()
    world.add_quick(destination_of("crm"))
    return world


# ---- Calm weather -------------------------------------------------------------------------------


def test_an_event_is_delivered_byte_for_byte_and_settled(world: World) -> None:
    assert world.fan_out(world.put(stored_of())) == []
    assert [attempt.body for attempt in world.sender.sent] == [body_of()]
    assert world.outcome() == ("delivered", 1, None)
    assert (world.row().due_at, world.row().expires_at) == (None, world.clock() + 14 * 86_400)


def test_calm_weather_costs_two_table_calls_an_event_and_no_hint(world: World) -> None:
    hints = [world.put(stored_of(f"m{number}")) for number in range(10)]
    world.fan_out(*hints)
    assert sorted(world.table.calls) == ["claim"] * 10 + ["record"] * 10
    assert world.health.calls == ["load", "lines"]
    assert world.targets.calls == ["load"]
    assert world.queue.calls == []


def test_every_destination_gets_its_own_signature_and_one_id(world: World) -> None:
    world.add_quick(destination_of("erp"))
    world.fan_out(world.put(stored_of()))
    to_crm, to_erp = world.sender.sent
    assert to_crm.headers["webhook-id"] == to_erp.headers["webhook-id"] == KEY
    assert to_crm.headers["X-Spectrum-Signature"] != to_erp.headers["X-Spectrum-Signature"]


def test_what_a_destinations_kind_has_of_its_own_goes_along_with_each_attempt(
    world: World,
) -> None:
    world.add_quick(destination_of("fn", kind="lambda", options={"path": "/hook"}))
    world.fan_out(world.put(stored_of()))
    sent = {attempt.destination: attempt for attempt in world.sender.sent}
    assert (sent["fn"].kind, sent["fn"].options) == ("lambda", {"path": "/hook"})
    assert (sent["crm"].kind, sent["crm"].options) == ("http", {})


def test_each_attempt_is_told_in_one_line_without_content(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    world.fan_out(world.put(stored_of()))
    (told,) = world.facts.named("delivery.attempted")
    assert (told["event_key"], told["destination"], told["answer"]) == (KEY, "crm", "503")
    assert (told["attempt"], told["ms"], told["status"]) == (1, 10, "pending")
    secrets = [destination_of("crm").signing_secret, "hello", "+15550100", "v0=", "v1,"]
    assert not any(secret in repr(world.facts.told) for secret in secrets)


def test_an_event_without_destinations_is_settled(world: World) -> None:
    world.destinations.usable.clear()
    world.fan_out(world.put(stored_of()))
    assert world.row().deliveries == {}
    assert world.row().expires_at is not None


def test_a_hint_to_an_event_that_somebody_holds_is_acknowledged(world: World) -> None:
    hint = world.put(stored_of())
    world.rows.claim(KEY, owner="other", now=world.clock(), until=world.clock() + 75)
    assert world.fan_out(hint) == []
    assert world.sender.sent == []


@pytest.mark.parametrize("event_key", [KEY, "main:none"])
def test_a_hint_to_what_owes_nothing_is_acknowledged(world: World, event_key: str) -> None:
    world.fan_out(world.put(stored_of()))
    assert world.fan_out(world.hint(event_key)) == []
    assert len(world.sender.sent) == 1


def test_two_hints_to_one_event_deliver_it_once(world: World) -> None:
    hint = world.put(stored_of())
    world.fan_out(hint, hint)
    assert len(world.sender.sent) == 1


# ---- Whole events -------------------------------------------------------------------------------


def whole(stored: StoredEvent) -> QueueRecord:
    kept = stored._replace(event=stored.event._replace(body=b""))
    return QueueRecord("record-1", stored.event.key, whole=kept)


def test_a_whole_event_is_stored_and_delivered(world: World) -> None:
    assert world.fan_out(whole(stored_of())) == []
    assert world.outcome() == ("delivered", 1, None)
    assert world.sender.sent[0].body == body_of()


def test_a_whole_event_that_is_stored_already_is_delivered_once(world: World) -> None:
    world.fan_out(world.put(stored_of()))
    world.fan_out(whole(stored_of()))
    assert len(world.sender.sent) == 1


def test_a_whole_event_is_kept_while_the_table_is_down(world: World) -> None:
    world.table.fail("put", times=1)
    assert world.fan_out(whole(stored_of())) == ["record-1"]
    assert world.fan_out(whole(stored_of())) == []
    assert world.outcome() == ("delivered", 1, None)


def test_a_large_whole_event_goes_to_the_bucket_first(world: World) -> None:
    noise = world.rng.randbytes(500_000)
    stored = StoredEvent(event_of(), pack(noise))
    assert world.fan_out(whole(stored)) == []
    assert (world.row().stored.packed, world.sender.sent[0].body) == (None, noise)


def test_what_was_received_while_the_table_was_down_arrives(world: World) -> None:
    world.table.fail("put")
    world.receive()
    world.table.down.clear()
    world.live(1)
    assert world.outcome() == ("delivered", 1, None)


# ---- Which destinations -------------------------------------------------------------------------


def test_a_filter_settles_what_it_does_not_take(world: World) -> None:
    world.add_quick(destination_of("erp", takes=lambda _: False))
    world.fan_out(world.put(stored_of()))
    assert world.outcome("erp") == ("filtered", 0, None)
    assert world.sent_to("erp") == []


def test_a_filter_that_cannot_be_evaluated_takes_the_event(world: World) -> None:
    def takes(content: object) -> bool:
        raise KeyError(content)

    world.add_quick(destination_of("erp", takes=takes))
    world.fan_out(world.put(stored_of()))
    assert world.outcome("erp") == ("delivered", 1, None)


def test_a_filter_added_later_does_not_stop_a_retry(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    world.receive()
    world.live(1)
    world.add(destination_of("crm", takes=lambda _: False))
    world.live(MINUTE)
    assert world.outcome() == ("delivered", 2, None)


def test_destinations_are_decided_at_the_first_claim(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    world.receive()
    world.live(1)
    world.add_quick(destination_of("new"))
    world.live(MINUTE)
    assert list(world.row().deliveries or {}) == ["crm"]
    assert world.sent_to("new") == []


def test_a_removed_destination_is_settled_as_such(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    world.receive()
    world.live(1)
    del world.destinations.usable["crm"]
    world.live(2 * MINUTE)
    assert world.outcome() == ("removed", 1, None)
    assert world.row().expires_at is not None


def test_a_broken_entry_waits_until_it_is_mended(world: World) -> None:
    world.destinations.broken["erp"] = "its url is wrong"
    world.receive()
    world.live(10 * MINUTE)
    assert world.outcome() == ("delivered", 1, None)
    assert world.outcome("erp") == ("pending", 0, "broken_entry")
    del world.destinations.broken["erp"]
    world.add(destination_of("erp"))
    world.live(10 * MINUTE)
    assert world.outcome("erp") == ("delivered", 1, None)


def test_a_paused_destination_waits_without_using_up_attempts(world: World) -> None:
    world.add(destination_of("crm", enabled=False))
    world.receive()
    world.live(24 * HOUR)
    assert world.outcome() == ("pending", 0, "paused")
    assert world.table.calls.count("claim") < 100
    world.add(destination_of("crm"))
    world.live(2 * HOUR)
    assert world.outcome() == ("delivered", 1, None)


# ---- The slow lane ------------------------------------------------------------------------------


def test_an_unproven_destination_is_served_in_the_slow_lane(world: World) -> None:
    world.add(destination_of("new"))
    world.fan_out(world.put(stored_of()))
    assert world.outcome() == ("delivered", 1, None)
    assert world.outcome("new") == ("pending", 0, None)
    assert [(queued.slow, queued.at) for queued in world.memory_queue.queued] == [
        (True, world.clock())
    ]
    world.poll()
    assert world.outcome("new") == ("delivered", 1, None)


def test_a_proven_destination_is_served_in_the_main_lane(world: World) -> None:
    world.add(destination_of("new"))
    world.receive()
    world.live(10)
    world.fan_out(world.put(stored_of("m2")))
    assert world.delivery("new", "main:m2").status is Status.DELIVERED


def test_a_destination_that_becomes_slow_leaves_the_main_lane(world: World) -> None:
    world.sender.script["crm"] = [LATE, LATE]
    world.receive()
    world.live(10)
    world.fan_out(world.put(stored_of("m2")))
    assert world.sent_to("crm") == world.sender.sent[:1]
    world.poll()
    assert world.delivery("crm", "main:m2").status is Status.DELIVERED


def test_lanes_do_not_multiply_hints(world: World) -> None:
    world.add(destination_of("slow"))
    world.sender.script = {"crm": [BUSY] * 99, "slow": [replace(LATE, status=503)] * 99}
    world.receive()
    for _ in range(30):
        world.live(MINUTE)
        assert len(world.memory_queue.queued) <= 2
    assert "strike" not in world.table.calls


def test_a_hint_too_many_is_the_last_of_its_line(world: World) -> None:
    world.sender.script["crm"] = [BUSY] * 99
    world.receive()
    world.live(1)
    for _ in range(20):
        assert world.fan_out(world.hint(KEY)) == []
    assert len(world.memory_queue.queued) == 1
    world.live(MINUTE)
    assert world.outcome() == ("pending", 3, None)


def test_what_the_main_lane_leaves_to_the_slow_one_is_hinted_at_there(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    world.receive()
    world.live(1)
    world.board.health["crm"] = Health()
    world.live(MINUTE)
    assert world.outcome() == ("delivered", 2, None)
