"""Fan out when something of ours fails: nothing is lost, and nothing delivered twice."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from spectrum_forwarder.domain.delivery import Answer, Status
from spectrum_forwarder.domain.event import pack
from spectrum_forwarder.domain.ports import StoredEvent
from spectrum_forwarder.domain.timing import Timing

from tests.support.in_memory.table import MemoryTable
from tests.support.make import body_of, destination_of, event_of, stored_of
from tests.support.waiting import PATIENCE
from tests.support.world import VISIBILITY, World

KEY = "main:spc-msg-1"
MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture
def world() -> World:
    """A world with one quick destination, `crm`."""
    world = World()
    world.add_quick(destination_of("crm"))
    return world


# ---- Too little time ----------------------------------------------------------------------------


def test_what_could_not_end_in_time_is_not_begun_but_hinted_at(world: World) -> None:
    hint = world.put(stored_of())
    assert world.fan_out(hint, deadline=world.clock() + 11) == []
    assert world.sender.sent == []
    assert world.outcome() == ("pending", 0, None)
    world.poll()
    assert world.outcome() == ("delivered", 1, None)


def test_what_the_sender_could_not_begin_is_hinted_at(world: World) -> None:
    hint = world.put(stored_of())
    world.sender.not_before = world.clock() + 50
    assert world.fan_out(hint) == []
    assert world.outcome() == ("pending", 0, None)
    world.poll()
    assert world.outcome() == ("delivered", 1, None)


def test_waiting_for_time_is_never_poison(world: World) -> None:
    world.put(stored_of())
    for _ in range(20):
        world.fan_out(world.hint(KEY), deadline=world.clock() + 11)
    world.poll()
    assert world.outcome() == ("delivered", 1, None)


def test_an_attempt_must_end_within_the_invocation_and_the_claim(world: World) -> None:
    hint = world.put(stored_of())
    world.fan_out(hint, deadline=world.clock() + 40)
    assert world.sender.sent[0].begin_by == world.clock() - 0.01 + 40 - 10 - 2


# ---- Our own failures ---------------------------------------------------------------------------

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


def test_a_claim_that_was_not_answered_is_asked_for_until_it_is(world: World) -> None:
    """It was made, and holds the event: nobody else could have it for 75 s."""
    hints = [world.put(stored_of(f"m{number}")) for number in range(3)]
    began = world.clock()
    world.table.lose("claim", times=5)
    assert world.fan_out(*hints) == []
    assert world.clock() - began < 1
    assert sorted(attempt.event_key for attempt in world.sender.sent) == sorted(
        hint.event_key for hint in hints
    )
    assert all(world.row(hint.event_key).due_at is None for hint in hints)


def test_a_claim_that_is_not_answered_keeps_no_other_waiting(world: World) -> None:
    first, *others = [world.put(stored_of(f"m{number}")) for number in range(4)]
    recorded: list[str] = []
    world.table.lose("claim", times=1)
    sleep = world.sleep

    def noted(seconds: float) -> None:
        recorded.extend(h.event_key for h in others if world.row(h.event_key).due_at is None)
        sleep(seconds)

    world.sleep = noted
    assert world.fan_out(first, *others) == []
    assert recorded == [hint.event_key for hint in others]
    assert world.outcome(event_key=first.event_key) == ("delivered", 1, None)


def test_a_claim_that_is_never_answered_is_left_until_it_ends(world: World) -> None:
    hint, began = world.put(stored_of()), world.clock()
    world.memory_queue.send_hint(KEY)
    world.table.lose("claim")
    world.poll()
    assert world.sender.sent == []
    assert world.clock() - began <= 21  # others need the worker, too
    world.table.lost.clear()
    world.live(world.timing.claim() - (world.clock() - began) + 1)
    assert world.outcome(event_key=hint.event_key) == ("delivered", 1, None)
    assert len(world.sent_to("crm")) == 1


def test_a_claim_that_is_refused_by_the_table_is_not_insisted_on(world: World) -> None:
    """It says that nothing was done: throttled, it had better be left alone."""
    hint = world.put(stored_of())
    world.table.fail("claim", times=1)
    assert world.fan_out(hint) == [hint.id]
    assert world.table.calls.count("claim") == 1


def test_an_event_whose_claim_cannot_be_ended_comes_again_when_that_ends(world: World) -> None:
    world.put(StoredEvent(event_of(), None, world.bodies.put(pack(body_of()))))
    world.memory_queue.send_hint(KEY)
    world.payloads.fail("get", times=1)
    world.table.fail("record", times=1)
    world.table.fail("note", times=1)
    world.poll()
    (queued,) = world.memory_queue.queued
    assert queued.at == world.row().claimed_until
    world.live(76)
    assert world.outcome() == ("delivered", 1, None)


def test_a_failed_record_is_repeated_and_not_the_delivery(world: World) -> None:
    hint = world.put(stored_of())
    world.table.fail("record", times=4)
    assert world.fan_out(hint) == []
    assert world.outcome() == ("delivered", 1, None)
    assert len(world.sender.sent) == 1


def test_a_failed_record_does_not_hold_up_the_other_attempts(world: World) -> None:
    hints = [world.put(stored_of(f"m{number}")) for number in range(5)]
    world.table.fail("record", times=3)
    assert world.fan_out(*hints) == []
    assert len(world.sender.sent) == 5
    assert all(world.row(hint.event_key).expires_at for hint in hints)


def test_failed_records_are_repeated_in_their_order(world: World) -> None:
    """The first has waited for the longest: its claim ends first."""
    hints = [world.put(stored_of(f"m{n}")) for n in range(3)]
    world.sender.script["crm"] = [Answer(status=503, seconds=0.01)] * 3
    world.table.fail("record", times=3)
    assert world.fan_out(*hints) == []
    hinted_at = [queued.read().event_key for queued in world.memory_queue.queued]
    assert hinted_at == ["main:m0", "main:m1", "main:m2"]


def test_a_record_that_takes_long_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hints = [world.put(stored_of(f"m{number}")) for number in range(3)]
    together = threading.Barrier(len(hints))
    record_of = MemoryTable.record

    def record(self: MemoryTable, event_key: str, **outcome: Any) -> bool:
        together.wait(timeout=PATIENCE)  # fails unless all are under way at once
        return record_of(self, event_key, **outcome)

    monkeypatch.setattr(MemoryTable, "record", record)
    with ThreadPoolExecutor(len(hints)) as threads:
        world.in_parallel = threads.map
        assert world.fan_out(*hints) == []
    assert all(world.row(hint.event_key).expires_at for hint in hints)


def test_a_record_that_keeps_failing_keeps_the_queue_record(world: World) -> None:
    hint = world.put(stored_of())
    world.table.fail("record", "note")
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
    assert world.outcome() == ("dead_lettered", 0, "payload_missing")
    assert world.facts.named("delivery.dead_lettered")


def test_a_bucket_that_is_down_for_a_day_is_no_poison(world: World) -> None:
    name = world.bodies.put(pack(body_of()))
    world.put(StoredEvent(event_of(), None, name))
    world.payloads.fail("get")
    world.live(24 * HOUR)
    world.payloads.down.clear()
    world.live(HOUR)
    assert world.outcome() == ("delivered", 1, None)


def test_a_table_that_is_down_for_half_a_day_loses_nothing(world: World) -> None:
    world.table.fail("put", "claim", "record", "overdue")
    for number in range(10):
        world.receive(body_of(f"m{number}"))
    world.live(12 * HOUR)
    world.table.down.clear()
    world.live(HOUR)
    assert len(world.sender.sent) == 10
    assert all(row.expires_at for row in world.rows.rows.values())


def test_a_short_failure_of_the_table_delays_what_was_queued_whole_by_seconds(world: World) -> None:
    """Not by the queue's visibility timeout, which is a minute and a half."""
    world.table.fail("put", "claim", "overdue")
    world.receive()
    world.live(20)
    world.table.down.clear()
    world.live(10)
    assert world.outcome() == ("delivered", 1, None)


def test_a_failure_of_the_table_delays_a_hint_by_an_eighth_of_its_length(world: World) -> None:
    world.put(stored_of())
    world.memory_queue.send_hint(KEY)
    world.table.fail("claim", "overdue")
    world.live(160)
    world.table.down.clear()
    world.live(30)
    assert world.outcome() == ("delivered", 1, None)


def test_what_is_kept_under_a_claim_does_not_come_again_before_it_ends(world: World) -> None:
    """Before, it would be refused and acknowledged, and nobody would look but the sweeper."""
    world.put(stored_of())
    world.memory_queue.send_hint(KEY)
    world.table.fail("record", "note")
    world.poll()
    (queued,) = world.memory_queue.queued
    assert queued.at >= (world.row().claimed_until or 0.0)
    assert queued.at - world.clock() <= Timing().claim()


def test_settings_that_cannot_be_read_delay_a_batch_by_seconds(world: World) -> None:
    world.put(stored_of())
    world.memory_queue.send_hint(KEY)
    world.targets.fail("load", times=1)
    world.poll()
    (queued,) = world.memory_queue.queued
    assert queued.at - world.clock() == Timing().comes_again(1)


def test_queue_that_cannot_show_a_record_again_shows_it_late(world: World) -> None:
    world.put(stored_of())
    world.memory_queue.send_hint(KEY)
    world.table.fail("claim", times=1)
    world.queue.fail("show_again")
    world.poll()
    (queued,) = world.memory_queue.queued
    assert queued.at - world.clock() == VISIBILITY


def test_invocation_out_of_time_asks_nothing_more_of_the_queue(world: World) -> None:
    hint = world.put(stored_of())
    world.table.fail("claim")
    assert world.fan_out(hint, deadline=world.clock()) == [hint.id]
    assert "show_again" not in world.queue.calls


def test_one_events_broken_body_does_not_hold_up_the_others(world: World) -> None:
    spoilt = world.put(StoredEvent(event_of("spoilt"), b"not packed"))
    good = world.put(stored_of())
    assert world.fan_out(spoilt, good) == [spoilt.id]
    assert world.outcome() == ("delivered", 1, None)
    (told,) = world.facts.named("record.kept")
    assert told["event_key"] == "main:spoilt"


def test_an_item_that_cannot_be_read_does_not_hold_up_the_others(world: World) -> None:
    spoilt, good = world.put(stored_of("spoilt")), world.put(stored_of())
    world.row("main:spoilt").stored = None  # type: ignore[assignment]
    assert world.fan_out(spoilt, good) == [spoilt.id]
    assert world.outcome() == ("delivered", 1, None)
    (told,) = world.facts.named("record.kept")
    assert told["cause"] == "AttributeError in claim"


# ---- Poison -------------------------------------------------------------------------------------


# Promised: docs/decisions/006.
POISON_TRIES = 3


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
    world.add_quick(destination_of("crm", takes=die_over(world, "main:poison")))
    keys = [f"main:m{number}" for number in range(4)]
    hints = [world.put(stored_of(key.split(":")[1])) for key in ("main:poison", *keys)]
    died = 0
    for _ in range(8):
        try:
            world.fan_out(*hints)
        except WorkerDied:
            died += 1
            world.clock.advance(400)
    # Once beside the others, and then in each of its tries alone.
    assert died == 1 + POISON_TRIES
    poison = world.delivery("crm", "main:poison")
    assert (poison.status, poison.reason) == (Status.DEAD_LETTERED, "poison")
    assert [world.delivery("crm", key).status for key in keys] == [Status.DELIVERED] * 4
    assert len(world.sender.sent) == 4


def test_one_worker_that_died_makes_no_poison(world: World) -> None:
    world.add_quick(destination_of("crm", timeout_seconds=30.0))
    hints = [world.put(stored_of(f"m{number}")) for number in range(10)]
    for hint in hints:
        world.rows.claim(hint.event_key, owner="dead", now=world.clock(), until=world.clock() + 1)
    world.clock.advance(100)
    world.sender.script["crm"] = [Answer(status=200, seconds=29.0)] * 10
    world.fan_out(*hints)
    world.live(HOUR)
    assert all(world.delivery("crm", h.event_key).status is Status.DELIVERED for h in hints)
    assert len(world.sender.sent) == 10
