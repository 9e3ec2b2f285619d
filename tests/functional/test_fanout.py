"""Fan out: what becomes of each delivery, and that nothing is sent twice or lost."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from spectrum_forwarder.domain.delivery import Answer, Status
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.event import pack
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.ports import QueueRecord, StoredEvent

from tests.support.make import body_of, destination_of, event_of, stored_of
from tests.support.world import World

KEY = "main:spc-msg-1"
BUSY = Answer(status=503, seconds=0.01)
FINE = Answer(status=200, seconds=0.01)
LATE = Answer(status=200, seconds=3.0)
MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture
def world() -> World:
    """A world with one quick destination, `crm`."""
    world = World()
    add_quick(world, destination_of("crm"))
    return world


def add_quick(world: World, *destinations: Destination) -> None:
    world.add(*destinations)
    for destination in destinations:
        world.board.health[destination.name] = Health(quick=True)


def broken(world: World, open_for: float) -> Health:
    until = world.clock() + open_for
    return Health(failures=20, failing_since=1.0, open_until=until, trips=1, quick=True)


def outcome(world: World, name: str = "crm") -> tuple[str, int, str | None]:
    delivery = world.delivery(name)
    return delivery.status.value, delivery.attempts, delivery.reason or delivery.waiting_for


# ---- Calm weather ------------------------------------------------------------------------------


def test_an_event_is_delivered_byte_for_byte_and_settled(world: World) -> None:
    assert world.fan_out(world.put(stored_of())) == []
    assert [attempt.body for attempt in world.sender.sent] == [body_of()]
    assert outcome(world) == ("delivered", 1, None)
    assert (world.row().due_at, world.row().expires_at) == (None, world.clock() + 14 * 86_400)


def test_calm_weather_costs_two_table_calls_an_event_and_no_hint(world: World) -> None:
    hints = [world.put(stored_of(f"m{number}")) for number in range(10)]
    world.fan_out(*hints)
    assert sorted(world.table.calls) == ["claim"] * 10 + ["record"] * 10
    assert world.health.calls == ["load"]
    assert world.targets.calls == ["load"]
    assert world.queue.calls == []


def test_every_destination_gets_its_own_signature_and_one_id(world: World) -> None:
    add_quick(world, destination_of("erp"))
    world.fan_out(world.put(stored_of()))
    to_crm, to_erp = world.sender.sent
    assert to_crm.headers["webhook-id"] == to_erp.headers["webhook-id"] == KEY
    assert to_crm.headers["X-Spectrum-Signature"] != to_erp.headers["X-Spectrum-Signature"]


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


# ---- Whole events ------------------------------------------------------------------------------


def whole(stored: StoredEvent) -> QueueRecord:
    kept = replace(stored, event=replace(stored.event, body=b""))
    return QueueRecord("record-1", stored.event.key, whole=kept)


def test_a_whole_event_is_stored_and_delivered(world: World) -> None:
    assert world.fan_out(whole(stored_of())) == []
    assert outcome(world) == ("delivered", 1, None)
    assert world.sender.sent[0].body == body_of()


def test_a_whole_event_that_is_stored_already_is_delivered_once(world: World) -> None:
    world.fan_out(world.put(stored_of()))
    world.fan_out(whole(stored_of()))
    assert len(world.sender.sent) == 1


def test_a_whole_event_is_kept_while_the_table_is_down(world: World) -> None:
    world.table.fail("put", times=1)
    assert world.fan_out(whole(stored_of())) == ["record-1"]
    assert world.fan_out(whole(stored_of())) == []
    assert outcome(world) == ("delivered", 1, None)


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
    assert outcome(world) == ("delivered", 1, None)


# ---- Retries -----------------------------------------------------------------------------------


def test_a_failed_delivery_is_retried_until_it_works(world: World) -> None:
    world.sender.script["crm"] = [BUSY, Answer(error="timeout", seconds=0.4)]
    world.receive()
    world.live(MINUTE)
    assert outcome(world) == ("delivered", 3, None)
    first, second, third = (float(a.headers["webhook-timestamp"]) for a in world.sender.sent)
    assert 3 <= second - first <= 8
    assert 23 <= third - second <= 38
    assert len({attempt.headers["webhook-id"] for attempt in world.sender.sent}) == 1


def test_others_are_not_repeated_by_a_retry(world: World) -> None:
    add_quick(world, destination_of("erp"))
    world.sender.script["crm"] = [BUSY, BUSY]
    world.receive()
    world.live(MINUTE)
    assert (len(world.sent_to("crm")), len(world.sent_to("erp"))) == (3, 1)


def test_a_retry_after_is_waited_for(world: World) -> None:
    world.sender.script["crm"] = [Answer(status=429, seconds=0.01, retry_after=200.0)]
    world.receive()
    world.live(199)
    assert outcome(world) == ("pending", 1, None)
    world.live(3)
    assert outcome(world) == ("delivered", 2, None)


def test_what_is_due_later_than_a_hint_can_wait_is_left_to_the_sweeper(world: World) -> None:
    world.sender.script["crm"] = [Answer(status=429, seconds=0.01, retry_after=HOUR)]
    world.receive()
    world.live(1)
    assert world.memory_queue.queued == []
    world.live(HOUR + 2 * MINUTE)
    assert outcome(world) == ("delivered", 2, None)


def test_410_is_dead_lettered_and_told(world: World) -> None:
    world.sender.script["crm"] = [Answer(status=410, seconds=0.01)]
    world.fan_out(world.put(stored_of()))
    assert outcome(world) == ("dead_lettered", 1, "gone")
    assert world.row().expires_at is not None
    assert world.facts.named("delivery.dead_lettered") == [
        {"event_key": KEY, "destination": "crm", "reason": "gone", "attempts": 1}
    ]


def test_after_the_last_attempt_it_is_dead_lettered_and_told_once(world: World) -> None:
    add_quick(world, destination_of("crm", max_attempts=3), destination_of("erp"))
    world.sender.script = {"crm": [BUSY] * 9, "erp": [BUSY] * 4}
    world.receive()
    world.live(HOUR)
    assert outcome(world) == ("dead_lettered", 3, "exhausted: 503")
    assert outcome(world, "erp") == ("delivered", 5, None)
    assert len(world.facts.named("delivery.dead_lettered")) == 1


def test_a_lost_hint_only_delays(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    world.queue.fail("send_hint", times=2)
    world.receive()
    world.live(5 * MINUTE)
    assert outcome(world) == ("delivered", 2, None)


def test_every_lost_queue_record_only_delays(world: World) -> None:
    world.sender.script["crm"] = [BUSY] * 3
    world.receive()
    for _ in range(60):
        world.memory_queue.queued.clear()
        world.live(MINUTE + 1)
    assert outcome(world) == ("delivered", 4, None)


# ---- Which destinations ------------------------------------------------------------------------


def test_a_filter_settles_what_it_does_not_take(world: World) -> None:
    add_quick(world, destination_of("erp", takes=lambda _: False))
    world.fan_out(world.put(stored_of()))
    assert outcome(world, "erp") == ("filtered", 0, None)
    assert world.sent_to("erp") == []


def test_a_filter_that_cannot_be_evaluated_takes_the_event(world: World) -> None:
    def takes(content: object) -> bool:
        raise KeyError(content)

    add_quick(world, destination_of("erp", takes=takes))
    world.fan_out(world.put(stored_of()))
    assert outcome(world, "erp") == ("delivered", 1, None)


def test_a_filter_added_later_does_not_stop_a_retry(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    world.receive()
    world.live(1)
    world.add(destination_of("crm", takes=lambda _: False))
    world.live(MINUTE)
    assert outcome(world) == ("delivered", 2, None)


def test_destinations_are_decided_at_the_first_claim(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    world.receive()
    world.live(1)
    add_quick(world, destination_of("new"))
    world.live(MINUTE)
    assert list(world.row().deliveries or {}) == ["crm"]
    assert world.sent_to("new") == []


def test_a_removed_destination_is_settled_as_such(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    world.receive()
    world.live(1)
    del world.destinations.usable["crm"]
    world.live(MINUTE)
    assert outcome(world) == ("removed", 1, None)
    assert world.row().expires_at is not None


def test_a_broken_entry_waits_until_it_is_mended(world: World) -> None:
    world.destinations.broken["erp"] = "its url is wrong"
    world.receive()
    world.live(10 * MINUTE)
    assert outcome(world) == ("delivered", 1, None)
    assert outcome(world, "erp") == ("pending", 0, "broken_entry")
    del world.destinations.broken["erp"]
    world.add(destination_of("erp"))
    world.live(10 * MINUTE)
    assert outcome(world, "erp") == ("delivered", 1, None)


def test_a_paused_destination_waits_without_using_up_attempts(world: World) -> None:
    world.add(destination_of("crm", enabled=False))
    world.receive()
    world.live(24 * HOUR)
    assert outcome(world) == ("pending", 0, "paused")
    assert world.table.calls.count("claim") < 100
    world.add(destination_of("crm"))
    world.live(2 * HOUR)
    assert outcome(world) == ("delivered", 1, None)


# ---- The breaker -------------------------------------------------------------------------------


def test_an_outage_uses_up_few_attempts_and_ends_in_delivery(world: World) -> None:
    world.sender.script["crm"] = [BUSY] * 10_000
    for number in range(30):
        world.receive(body_of(f"m{number}"))
        world.live(20)
    assert world.facts.named("breaker.opened")
    attempts = len(world.sender.sent)
    world.live(HOUR)
    assert len(world.sender.sent) - attempts < 30
    waiting = [world.delivery("crm", f"main:m{number}") for number in range(30)]
    assert all(delivery.status is Status.PENDING for delivery in waiting)
    world.sender.script["crm"].clear()
    world.live(7 * HOUR)
    done = [world.delivery("crm", f"main:m{number}") for number in range(30)]
    assert all(delivery.status is Status.DELIVERED for delivery in done)
    assert world.facts.named("breaker.closed")


def test_behind_an_open_breaker_an_event_waits_without_an_attempt(world: World) -> None:
    world.board.health["crm"] = broken(world, 30)
    world.receive()
    world.live(20)
    assert outcome(world) == ("pending", 0, "breaker")
    world.live(20)
    assert outcome(world) == ("delivered", 1, None)


def test_one_event_probes_and_the_others_wait(world: World) -> None:
    world.board.health["crm"] = broken(world, 0)
    world.sender.script["crm"] = [BUSY]
    world.fan_out(*[world.put(stored_of(f"m{number}")) for number in range(5)])
    assert len(world.sender.sent) == 1


def test_others_do_not_notice_an_open_breaker(world: World) -> None:
    add_quick(world, destination_of("erp"))
    world.board.health["crm"] = broken(world, 30)
    world.fan_out(world.put(stored_of()))
    assert outcome(world, "erp") == ("delivered", 1, None)


def test_what_a_breaker_holds_for_days_is_dead_lettered(world: World) -> None:
    world.sender.script["crm"] = [BUSY] * 100_000
    world.board.health["crm"] = broken(world, 0)
    world.receive()
    world.receive(body_of("m2"))
    world.live(4.2 * 24 * HOUR)
    assert {d.status for r in world.rows.rows.values() for d in (r.deliveries or {}).values()} == {
        Status.DEAD_LETTERED
    }


# ---- The slow lane -----------------------------------------------------------------------------


def test_an_unproven_destination_is_served_in_the_slow_lane(world: World) -> None:
    world.add(destination_of("new"))
    world.fan_out(world.put(stored_of()))
    assert outcome(world) == ("delivered", 1, None)
    assert outcome(world, "new") == ("pending", 0, None)
    assert [(queued.slow, queued.at) for queued in world.memory_queue.queued] == [
        (True, world.clock())
    ]
    world.poll()
    assert outcome(world, "new") == ("delivered", 1, None)


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
    assert outcome(world) == ("pending", 3, None)


def test_what_the_main_lane_leaves_to_the_slow_one_is_hinted_at_there(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    world.receive()
    world.live(1)
    world.board.health["crm"] = Health()
    world.live(MINUTE)
    assert outcome(world) == ("delivered", 2, None)


# ---- Too little time ---------------------------------------------------------------------------


def test_what_could_not_end_in_time_is_not_begun_but_hinted_at(world: World) -> None:
    hint = world.put(stored_of())
    assert world.fan_out(hint, deadline=world.clock() + 11) == []
    assert world.sender.sent == []
    assert outcome(world) == ("pending", 0, None)
    world.poll()
    assert outcome(world) == ("delivered", 1, None)


def test_what_the_sender_could_not_begin_is_hinted_at(world: World) -> None:
    hint = world.put(stored_of())
    world.sender.not_before = world.clock() + 50
    assert world.fan_out(hint) == []
    assert outcome(world) == ("pending", 0, None)
    world.poll()
    assert outcome(world) == ("delivered", 1, None)


def test_waiting_for_time_is_never_poison(world: World) -> None:
    world.put(stored_of())
    for _ in range(20):
        world.fan_out(world.hint(KEY), deadline=world.clock() + 11)
    world.poll()
    assert outcome(world) == ("delivered", 1, None)


def test_an_attempt_must_end_within_the_invocation_and_the_claim(world: World) -> None:
    hint = world.put(stored_of())
    world.fan_out(hint, deadline=world.clock() + 40)
    assert world.sender.sent[0].begin_by == world.clock() - 0.01 + 40 - 10 - 2


# ---- Our own failures --------------------------------------------------------------------------

PUT_DOWN: list[Callable[[World], None]] = [
    lambda world: world.targets.fail("load", times=1),
    lambda world: world.health.fail("load", times=1),
    lambda world: world.table.fail("claim", times=3),
]


@pytest.mark.parametrize("put_down", PUT_DOWN, ids=["destinations", "health", "table"])
def test_a_failure_of_ours_keeps_all_records(
    world: World, put_down: Callable[[World], None]
) -> None:
    hints = [world.put(stored_of(f"m{number}")) for number in range(3)]
    put_down(world)
    assert world.fan_out(*hints) == [hint.id for hint in hints]
    assert world.sender.sent == []
    assert world.fan_out(*hints) == []
    assert len(world.sender.sent) == 3


def test_a_failed_claim_keeps_its_own_record_alone(world: World) -> None:
    hints = [world.put(stored_of(f"m{number}")) for number in range(3)]
    world.table.fail("claim", times=1)
    assert world.fan_out(*hints) == [hints[0].id]
    assert len(world.sender.sent) == 2


def test_a_failed_record_is_repeated_and_not_the_delivery(world: World) -> None:
    hint = world.put(stored_of())
    world.table.fail("record", times=4)
    assert world.fan_out(hint) == []
    assert outcome(world) == ("delivered", 1, None)
    assert len(world.sender.sent) == 1


def test_a_failed_record_does_not_hold_up_the_other_attempts(world: World) -> None:
    hints = [world.put(stored_of(f"m{number}")) for number in range(5)]
    world.table.fail("record", times=3)
    assert world.fan_out(*hints) == []
    assert len(world.sender.sent) == 5
    assert all(world.row(hint.event_key).expires_at for hint in hints)


def test_a_record_that_keeps_failing_keeps_the_queue_record(world: World) -> None:
    hint = world.put(stored_of())
    world.table.fail("record")
    began = world.clock()
    assert world.fan_out(hint) == [hint.id]
    assert world.clock() - began <= 57
    assert world.facts.named("record.kept")


def test_a_record_under_a_lost_claim_changes_nothing(world: World) -> None:
    hint = world.put(stored_of())
    world.sender.meanwhile = lambda: world.rows.claim(
        KEY, owner="other", now=world.clock() + 80, until=world.clock() + 155
    )
    assert world.fan_out(hint) == []
    assert world.row().owner == "other"
    assert world.row().deliveries is None
    assert world.facts.named("claim.lost") == [{"event_key": KEY}]


def test_a_missing_body_is_dead_lettered(world: World) -> None:
    hint = world.put(StoredEvent(event_of(), None, "payloads/none"))
    assert world.fan_out(hint) == []
    assert outcome(world) == ("dead_lettered", 0, "payload_missing")
    assert world.facts.named("delivery.dead_lettered")


def test_a_bucket_that_is_down_for_a_day_is_no_poison(world: World) -> None:
    name = world.bodies.put(pack(body_of()))
    world.put(StoredEvent(event_of(), None, name))
    world.payloads.fail("get")
    world.live(24 * HOUR)
    world.payloads.down.clear()
    world.live(HOUR)
    assert outcome(world) == ("delivered", 1, None)


def test_a_table_that_is_down_for_half_a_day_loses_nothing(world: World) -> None:
    world.table.fail("put", "claim", "record", "overdue")
    for number in range(10):
        world.receive(body_of(f"m{number}"))
    world.live(12 * HOUR)
    world.table.down.clear()
    world.live(HOUR)
    assert len(world.sender.sent) == 10
    assert all(row.expires_at for row in world.rows.rows.values())


def test_one_events_broken_body_does_not_hold_up_the_others(world: World) -> None:
    spoilt = world.put(StoredEvent(event_of("spoilt"), b"not packed"))
    good = world.put(stored_of())
    assert world.fan_out(spoilt, good) == [spoilt.id]
    assert outcome(world) == ("delivered", 1, None)
    (told,) = world.facts.named("record.kept")
    assert told["event_key"] == "main:spoilt"


def test_an_item_that_cannot_be_read_does_not_hold_up_the_others(world: World) -> None:
    spoilt, good = world.put(stored_of("spoilt")), world.put(stored_of())
    world.row("main:spoilt").stored = None  # type: ignore[assignment]
    assert world.fan_out(spoilt, good) == [spoilt.id]
    assert outcome(world) == ("delivered", 1, None)
    (told,) = world.facts.named("record.kept")
    assert told["cause"] == "AttributeError in claim"


# ---- Poison ------------------------------------------------------------------------------------


class WorkerDied(BaseException):
    """Ends an invocation as a killed worker does: nothing is recorded."""


def die_over(world: World, event_key: str) -> Callable[[object], bool]:
    """A filter that kills the worker when it sees the event."""

    def takes(content: object) -> bool:
        if event_key.split(":", 1)[1] in str(content):
            raise WorkerDied
        return True

    return takes


def test_poison_is_dead_lettered_and_its_companions_are_delivered(world: World) -> None:
    add_quick(world, destination_of("crm", takes=die_over(world, "main:poison")))
    keys = [f"main:m{number}" for number in range(4)]
    hints = [world.put(stored_of(key.split(":")[1])) for key in ("main:poison", *keys)]
    for _ in range(8):
        try:
            world.fan_out(*hints)
        except WorkerDied:
            world.clock.advance(400)
    poison = world.delivery("crm", "main:poison")
    assert (poison.status, poison.reason) == (Status.DEAD_LETTERED, "poison")
    assert [world.delivery("crm", key).status for key in keys] == [Status.DELIVERED] * 4
    assert len(world.sender.sent) == 4


def test_one_worker_that_died_makes_no_poison(world: World) -> None:
    add_quick(world, destination_of("crm", timeout_seconds=30.0))
    hints = [world.put(stored_of(f"m{number}")) for number in range(10)]
    for hint in hints:
        world.rows.claim(hint.event_key, owner="dead", now=world.clock(), until=world.clock() + 1)
    world.clock.advance(100)
    world.sender.script["crm"] = [Answer(status=200, seconds=29.0)] * 10
    world.fan_out(*hints)
    world.live(HOUR)
    assert all(world.delivery("crm", h.event_key).status is Status.DELIVERED for h in hints)
    assert len(world.sender.sent) == 10
