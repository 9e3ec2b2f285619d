"""Replaying stored events: what is begun anew, what is left alone, and what failures do to it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import (
    EARLY,
    Answer,
    Delivery,
    Status,
    held,
    planned,
    standing,
)
from spectrum_forwarder.domain.errors import ItemTooLarge
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.worker_ports import Record
from spectrum_forwarder.replay import Hasten, Outcome, Reopened, Reopener, Replay, Wake

from tests.support.in_memory.log import MemoryLog
from tests.support.make import destination_of, stored_of
from tests.support.world import World

KEY = "main:spc-msg-1"
DAY = 86_400.0


class Operator:
    """Reopens events of a world, as the commands do."""

    def __init__(self, world: World, sleep: Callable[[float], None] | None = None) -> None:
        self._world = world
        self._owners = 0
        self.reopener = Reopener(
            log=MemoryLog(world.rows),
            table=cast(Any, world.table),
            queue=cast(Any, world.queue),
            clock=world.clock,
            sleep=sleep or world.clock.advance,
            timing=world.timing,
            new_owner=self._new_owner,
        )

    def _new_owner(self) -> str:
        self._owners += 1
        return f"operator-{self._owners}"

    def replay(
        self,
        event_key: str = KEY,
        *,
        to: set[str] | None = None,
        status: Status | None = None,
        begun_at: float | None = None,
    ) -> Reopened:
        change = Replay(
            configured=frozenset(self._world.destinations.load().ids()),
            destinations=None if to is None else frozenset(to),
            status=status,
            begun_at=self._world.clock() if begun_at is None else begun_at,
        )
        return self.reopener.reopen(event_key, change)


@pytest.fixture
def world() -> World:
    world = World()
    world.add(destination_of("crm"), destination_of("erp"))
    world.put(stored_of())
    return world


def deliver(world: World, seconds: float = 200.0) -> None:
    world.queue.send_hint(KEY)
    world.live(seconds)


def test_a_settled_event_is_delivered_once_more_under_the_same_id_and_marked(world: World) -> None:
    deliver(world)
    assert world.row().expires_at is not None
    replay = Operator(world).replay()
    assert replay == Reopened(KEY, Outcome.BEGUN, ("crm", "erp"))
    assert world.row().expires_at is None
    world.live(200)
    first, second = world.sent_to("crm")
    assert "X-Spectrum-Forwarder-Replay" not in first.headers
    assert second.headers["X-Spectrum-Forwarder-Replay"] == "1"
    assert second.headers["webhook-id"] == first.headers["webhook-id"] == KEY
    assert second.body == first.body
    assert world.delivery("crm").status is Status.DELIVERED
    assert len(world.delivery("crm").history) == 2
    assert world.row().due_at is None
    Operator(world).replay()
    world.live(200)
    assert world.sent_to("crm")[-1].headers["X-Spectrum-Forwarder-Replay"] == "2"


def test_only_the_deliveries_that_were_asked_for_are_repeated(world: World) -> None:
    world.sender.script["erp"] = [Answer(status=410)]
    deliver(world)
    assert Operator(world).replay(status=Status.DEAD_LETTERED).destinations == ("erp",)
    world.live(200)
    assert (len(world.sent_to("crm")), len(world.sent_to("erp"))) == (1, 2)
    assert Operator(world).replay(to={"crm"}).destinations == ("crm",)
    world.live(200)
    assert (len(world.sent_to("crm")), len(world.sent_to("erp"))) == (2, 2)


def test_a_destination_that_was_added_later_can_be_given_an_old_event(world: World) -> None:
    deliver(world)
    world.add(destination_of("late"))
    assert Operator(world).replay().destinations == ("crm", "erp")
    assert Operator(world).replay(to={"late"}, status=Status.DELIVERED).outcome is Outcome.NOTHING
    assert Operator(world).replay(to={"late"}).destinations == ("late",)
    world.live(200)
    (late,) = world.sent_to("late")
    assert late.headers["X-Spectrum-Forwarder-Replay"] == "1"


def test_a_destination_that_is_gone_keeps_its_old_delivery(world: World) -> None:
    deliver(world)
    del world.destinations.usable["erp"]
    assert Operator(world).replay().destinations == ("crm",)
    world.live(200)
    assert world.delivery("erp").status is Status.DELIVERED


def test_a_replay_has_all_its_attempts_and_is_retried_like_any_delivery(world: World) -> None:
    world.add_quick(destination_of("crm", max_attempts=8))
    world.sender.script["crm"] = [Answer(status=500)] * 8
    deliver(world, 5 * DAY)
    assert world.delivery("crm").status is Status.DEAD_LETTERED
    world.sender.script["crm"] = [Answer(status=500)]
    Operator(world).replay()
    world.live(DAY)
    replayed = world.delivery("crm")
    assert (replayed.status, replayed.attempts, replayed.replays) == (Status.DELIVERED, 2, 1)
    assert {a.headers.get("X-Spectrum-Forwarder-Replay") for a in world.sent_to("crm")[8:]} == {"1"}


def test_what_is_still_owed_is_left_alone(world: World) -> None:
    world.sender.script["crm"] = [Answer(status=500)] * 4
    assert Operator(world).replay().outcome is Outcome.NOTHING
    deliver(world, 10)
    before = world.delivery("crm")
    assert before.status is Status.PENDING
    assert Operator(world).replay().destinations == ("erp",)
    assert world.delivery("crm") == before


def test_an_event_that_is_not_there_is_told(world: World) -> None:
    assert Operator(world).replay("main:none").outcome is Outcome.UNKNOWN


def test_a_rerun_does_not_begin_again_what_was_begun(world: World) -> None:
    deliver(world)
    begun_at = world.clock()
    operator = Operator(world)
    assert operator.replay(begun_at=begun_at).outcome is Outcome.BEGUN
    assert operator.replay(begun_at=begun_at).outcome is Outcome.NOTHING
    world.live(200)
    assert operator.replay(begun_at=begun_at).outcome is Outcome.NOTHING
    assert len(world.sent_to("crm")) == 2
    assert operator.replay().outcome is Outcome.BEGUN


def test_a_lost_hint_is_told_and_the_sweeper_has_the_event(world: World) -> None:
    deliver(world)
    world.queue.fail("send_hint", times=1)
    assert not Operator(world).replay().hinted
    world.live(300)
    assert len(world.sent_to("crm")) == 2
    assert world.row().due_at is None


def test_killed_between_the_update_and_the_hint_it_is_delivered_all_the_same(world: World) -> None:
    deliver(world)

    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    operator = Operator(world)
    operator.reopener = replace(
        operator.reopener, queue=cast(Any, type("Q", (), {"send_hint": die})())
    )
    with pytest.raises(Killed):
        operator.replay(begun_at=world.clock())
    world.live(300)
    assert len(world.sent_to("crm")) == 2


def test_a_held_event_is_replayed_once_its_worker_has_recorded(world: World) -> None:
    deliver(world)
    Operator(world).replay(to={"crm"})
    held = world.rows.claim(KEY, owner="worker", now=world.clock(), until=world.clock() + 75)
    assert held is not None
    waits = 0

    def sleep(seconds: float) -> None:
        nonlocal waits
        waits += 1
        world.clock.advance(seconds)
        if waits == 3:
            assert held.deliveries is not None
            done = {n: replace(d, status=Status.DELIVERED) for n, d in held.deliveries.items()}
            record = Record(done, due_at=None, expires_at=world.clock() + DAY)
            assert world.rows.record(KEY, owner="worker", record=record)

    assert Operator(world, sleep).replay(to={"erp"}).outcome is Outcome.BEGUN
    assert waits == 3
    assert world.delivery("crm").status is Status.DELIVERED
    assert world.delivery("erp").status is Status.PENDING


def test_an_event_that_stays_held_is_told_as_busy(world: World) -> None:
    deliver(world)
    Operator(world).replay(to={"crm"})
    world.rows.claim(KEY, owner="worker", now=world.clock(), until=world.clock() + 75)
    assert Operator(world).replay(to={"erp"}).outcome is Outcome.BUSY
    assert len(world.sent_to("erp")) == 1


def test_a_claim_between_reading_and_writing_wins(world: World) -> None:
    deliver(world)
    Operator(world).replay(to={"crm"})
    operator = Operator(world)
    reads = 0

    class Racing(MemoryLog):
        def get(self, event_key: str) -> LoggedEvent | None:
            nonlocal reads
            reads += 1
            seen = super().get(event_key)
            if reads == 1:
                world.fan_out(world.hint(KEY))
            return seen

    operator.reopener = replace(operator.reopener, log=Racing(world.rows))
    assert operator.replay(to={"erp"}).outcome is Outcome.BEGUN
    assert reads == 2
    world.live(200)
    assert (len(world.sent_to("crm")), len(world.sent_to("erp"))) == (2, 2)
    assert world.delivery("crm").replays == 1


def test_a_worker_that_outlived_its_claim_cannot_undo_a_replay(world: World) -> None:
    deliver(world)
    Operator(world).replay(to={"crm"})
    held = world.rows.claim(KEY, owner="worker", now=world.clock(), until=world.clock() + 75)
    assert held is not None
    world.clock.advance(76)
    assert Operator(world).replay(to={"erp"}).outcome is Outcome.BEGUN
    late = Record(held.deliveries, due_at=None, expires_at=world.clock() + DAY)
    assert not world.rows.record(KEY, owner="worker", record=late)
    world.live(200)
    assert len(world.sent_to("erp")) == 2


def test_an_event_that_does_not_fit_however_short_its_history_is_told_as_too_large(
    world: World,
) -> None:
    deliver(world)
    tried: list[int] = []

    def reopen(*_: object, deliveries: dict[str, Delivery], **__: object) -> bool:
        tried.append(sum(len(delivery.history) for delivery in deliveries.values()))
        raise ItemTooLarge("too large")

    vars(world.table)["reopen"] = reopen
    with pytest.raises(ItemTooLarge, match="too large"):
        Operator(world).replay()
    assert tried == [2, 2, 2, 0]


def test_a_poisoned_event_gets_new_chances(world: World) -> None:
    deliver(world)
    world.row().claims, world.row().strikes = 5, 4
    Operator(world).replay()
    world.live(200)
    assert world.delivery("crm").status is Status.DELIVERED
    assert len(world.sent_to("crm")) == 2


def test_waking_brings_held_deliveries_forward_and_touches_no_other(world: World) -> None:
    world.lines.fail("put", times=1)  # as one that 0.1.0 has paused: it stands in no line
    world.add(destination_of("crm", enabled=False))
    world.sender.script["erp"] = [Answer(status=500)]
    deliver(world, 4)
    held, retried = world.delivery("crm"), world.delivery("erp")
    assert (held.waiting_for, held.stood_at) == ("paused", None)
    world.add(destination_of("crm"))
    at = world.clock() + 20
    assert Operator(world).reopener.reopen(KEY, Wake("crm", at)).destinations == ("crm",)
    assert world.delivery("crm").next_attempt_at == at
    assert world.delivery("erp") == retried
    assert Operator(world).reopener.reopen(KEY, Wake("erp", at)).outcome is Outcome.NOTHING
    world.live(2 * 60)  # behind those who have come since, if any
    assert len(world.sent_to("crm")) == 1


def test_waking_leaves_those_in_line_to_their_order(world: World) -> None:
    world.add(destination_of("crm", enabled=False))
    deliver(world, 4)
    held = world.delivery("crm")
    assert held.stood_at is not None
    wake = Wake("crm", world.clock())
    assert Operator(world).reopener.reopen(KEY, wake).outcome is Outcome.NOTHING
    assert world.delivery("crm") == held


# ---- Changes by themselves ---------------------------------------------------------------------

NOW = 1_800_000_000.0
LATER = NOW + 60
PENDING = replace(planned("crm", NOW - 60), next_attempt_at=LATER, attempts=2)
# Each delivery with whether it is had go on at once, and whether it is woken from a pause.
STATES = {
    "waits for a retry": (PENDING, True, False),
    "delivered": (replace(PENDING, status=Status.DELIVERED), False, False),
    "due": (replace(PENDING, next_attempt_at=NOW), False, False),
    "as good as due": (replace(PENDING, next_attempt_at=NOW + EARLY), False, False),
    "not yet due": (replace(PENDING, next_attempt_at=NOW + EARLY + 0.01), True, False),
    "held by a breaker": (held(PENDING, LATER, "breaker"), True, False),
    "paused": (held(PENDING, LATER, "paused"), False, True),
    "paused and settled": (
        replace(held(PENDING, LATER, "paused"), status=Status.DELIVERED),
        False,
        False,
    ),
    "in a line": (standing(PENDING, NOW - 5, LATER), False, False),
    "paused in a line": (standing(held(PENDING, LATER, "paused"), NOW, LATER), False, False),
}


def owed(delivery: Delivery) -> LoggedEvent:
    return LoggedEvent("main:1", NOW, NOW, "w", deliveries={"crm": delivery, "erp": PENDING})


@pytest.mark.parametrize(("delivery", "goes_on", "_"), STATES.values(), ids=STATES)
def test_what_waits_for_its_retry_alone_can_be_hastened(
    delivery: Delivery, goes_on: bool, _: bool
) -> None:
    both = frozenset({"crm", "erp"})
    changed = Hasten(both)(owed(delivery), NOW)
    assert changed.keys() == ({"crm", "erp"} if goes_on else {"erp"})
    assert all(each.next_attempt_at == NOW and each.attempts == 2 for each in changed.values())
    assert Hasten(both, frozenset({"erp"}))(owed(delivery), NOW).keys() == {"erp"}
    assert Hasten(frozenset())(owed(delivery), NOW) == {}


@pytest.mark.parametrize(("delivery", "_", "woken"), STATES.values(), ids=STATES)
def test_what_waits_for_a_pause_alone_is_woken(delivery: Delivery, _: bool, woken: bool) -> None:
    changed = Wake("crm", LATER)(owed(delivery), NOW)
    assert [each.next_attempt_at for each in changed.values()] == [LATER] * woken
    assert Wake("cms", LATER)(owed(delivery), NOW) == {}


def test_what_is_to_be_woken_in_the_past_is_due_now() -> None:
    (woken,) = Wake("crm", NOW - 5)(owed(held(PENDING, LATER, "paused")), NOW).values()
    assert woken.next_attempt_at == NOW


@pytest.mark.parametrize(("begun_at", "begins"), [(NOW, False), (NOW + 1, True)])
def test_what_was_begun_anew_at_that_time_or_later_is_not_begun_again(
    begun_at: float, begins: bool
) -> None:
    done = replace(planned("crm", NOW), status=Status.DELIVERED)
    once_more = Replay(frozenset({"crm"}), None, None, begun_at)
    assert bool(once_more(owed(replace(done, replays=1)), NOW)) == begins
    assert once_more(owed(done), NOW)


@pytest.mark.parametrize(("held_for", "waits"), [(10.0, True), (10.01, False)])
def test_an_event_that_is_held_is_waited_for_ten_seconds_and_no_longer(
    world: World, held_for: float, waits: bool
) -> None:
    deliver(world)
    Operator(world).replay(to={"crm"})
    world.rows.claim(KEY, owner="worker", now=world.clock(), until=world.clock() + held_for)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        world.clock.advance(seconds)

    outcome = Operator(world, sleep).replay(to={"erp"}).outcome
    assert outcome is (Outcome.BEGUN if waits else Outcome.BUSY)
    assert set(slept) == {0.25}
    assert len(slept) == 40
