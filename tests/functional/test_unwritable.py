"""Outcomes that cannot be written: nothing is delivered again for it, and nothing given up."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import Answer, Attempted, Delivery, Status, planned
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.ports import StoredEvent
from spectrum_forwarder.fanout.fitting import ROOM, cut

from tests.functional.test_replay import Operator
from tests.support.in_memory.table import MemoryTable
from tests.support.item_size import LARGEST_ITEM
from tests.support.make import destination_of, event_of, stored_of
from tests.support.world import World

KEY = "main:spc-msg-1"
HOUR, DAY = 3600.0, 86_400.0
# 0.1.0 has kept bodies of up to so many bytes in the item.
INLINE = 350_000
MANY = 150


@pytest.fixture
def world() -> World:
    """A world with one quick destination, `crm`."""
    world = World()
    world.add_quick(destination_of("crm"))
    return world


@dataclass
class Refusing:
    """A table that refuses calls: those whose name, and whose deliveries, `refuses` says."""

    table: MemoryTable
    refuses: Callable[[str, dict[str, Any]], bool]
    after: bool = False
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            self.calls.append(name)
            refused = self.refuses(name, named)
            if refused and not self.after:
                raise TableUnavailable("ThrottlingException")
            answer = getattr(self.table, name)(*given, **named)
            if refused:
                raise TableUnavailable("ReadTimeoutError")
            return answer

        return call


def refuse(world: World, *names: str, after: bool = False) -> Refusing:
    """Let the table refuse all calls of these methods, from now on; `after` their effect."""
    table = Refusing(world.rows, lambda name, _: name in names, after=after)
    world.table = cast(Any, table)
    world.store = world.store._replace(table=cast(Any, table))
    return table


def many(world: World, attempts: int = 20) -> dict[str, Delivery]:
    """Deliveries that are due, with as much history as is kept."""
    history = (Attempted(world.clock() - HOUR, 1000, "connection_refused"),) * attempts
    made = (replace(planned(f"erp-{n}", world.clock()), history=history) for n in range(MANY))
    return {delivery.destination: delivery for delivery in made}


def put_large(world: World, size: int = INLINE) -> None:
    """An event of many failing destinations, its body in the item; all have one attempt to go."""
    packed = StoredEvent(event_of(), random.Random(1).randbytes(size))
    world.put(packed)
    deliveries = many(world)
    world.add_quick(*(destination_of(name, max_attempts=1) for name in deliveries))
    world.sender.script = {name: [Answer(status=500)] for name in deliveries}
    world.row().deliveries = deliveries


@pytest.fixture
def _unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies are as they are: what cannot be packed makes items large."""
    monkeypatch.setattr("spectrum_forwarder.fanout.plan.unpack", bytes)


# ---- Too large ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("_unpacked")
def test_a_record_that_outgrows_the_item_moves_the_body_to_the_bucket(world: World) -> None:
    put_large(world)
    body = world.row().stored.packed
    assert world.fan_out(world.hint(KEY)) == []
    row = world.row()
    assert (row.stored.packed, row.claims, row.strikes) == (None, 0, 0)
    assert world.bodies.get(row.stored.payload or "") == body
    assert {d.status for d in (row.deliveries or {}).values()} == {Status.DEAD_LETTERED}
    assert {len(d.history) for d in (row.deliveries or {}).values()} == {20}
    assert len(world.sender.sent) == MANY
    assert world.facts.named("record.fitted") == [
        {"event_key": KEY, "in_bucket": True, "attempts_kept": None, "without_answers": None}
    ]


def test_a_record_that_fits_is_not_told_as_made_to_fit(world: World) -> None:
    world.put(stored_of())
    assert world.fan_out(world.hint(KEY)) == []
    assert world.facts.named("delivery.attempted")
    assert world.facts.named("record.fitted") == []


def test_histories_are_cut_to_five_attempts_then_to_one_then_to_none() -> None:
    """The newest ones stay."""
    past = tuple(Attempted(float(number), 10, "500") for number in range(9))
    delivery = replace(planned("crm", 0.0), history=past)
    left = [(kept, fewer["crm"].history) for kept, fewer in cut({"crm": delivery})]
    assert left == [(5, past[-5:]), (1, past[-1:]), (0, ())]


@pytest.mark.usefixtures("_unpacked")
def test_where_the_bucket_is_down_histories_are_cut(world: World) -> None:
    put_large(world)
    world.payloads.fail("put")
    assert world.fan_out(world.hint(KEY)) == []
    row = world.row()
    assert row.stored.packed is not None
    assert {len(d.history) for d in (row.deliveries or {}).values()} == {1}
    assert {d.status for d in (row.deliveries or {}).values()} == {Status.DEAD_LETTERED}
    assert world.facts.named("record.fitted")[0]["attempts_kept"] == 1


@pytest.mark.usefixtures("_unpacked")
def test_a_table_with_a_lower_limit_is_believed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fits by our own reckoning, and not by the table's, is made smaller all the same."""
    monkeypatch.setattr("spectrum_forwarder.fanout.fitting.ROOM", 10 * LARGEST_ITEM)
    put_large(world)
    assert world.fan_out(world.hint(KEY)) == []
    assert world.row().stored.packed is None
    assert len(world.sender.sent) == MANY


@pytest.mark.usefixtures("_unpacked")
def test_a_record_leaves_room_for_the_next_claim(world: World) -> None:
    put_large(world, INLINE + 20_000)
    world.sender.script["erp-1"] = [Answer(status=500), Answer(status=500)]
    world.add_quick(destination_of("erp-1", max_attempts=2))
    world.fan_out(world.hint(KEY))
    inline = len(world.row().stored.packed or b"")
    assert inline == 0 or inline < ROOM - 10_000


def test_a_replay_goes_before_the_history_that_has_no_room(world: World) -> None:
    put_large(world)
    for delivery in (deliveries := many(world)).values():
        deliveries[delivery.destination] = replace(delivery, status=Status.DELIVERED)
    row = world.row()
    row.deliveries, row.due_at, row.expires_at = deliveries, None, world.clock() + DAY
    reopened = Operator(world).replay(to={"crm", "erp-0"})
    assert reopened.destinations == ("crm", "erp-0")
    assert {len(d.history) for n, d in (row.deliveries or {}).items() if n != "crm"} == {5}


# ---- Unwritable for another reason --------------------------------------------------------------


def test_what_cannot_be_recorded_is_noted_and_not_delivered_again(world: World) -> None:
    """As with a throttled index: it refuses what changes it, and nothing else."""
    world.put(stored_of())
    refuse(world, "record")
    world.live(DAY)
    assert len(world.sender.sent) == 1
    assert world.outcome() == ("delivered", 1, None)
    assert world.row().due_at is not None
    assert world.facts.named("outcome.noted")
    refuse(world)
    world.live(HOUR)
    assert (world.row().due_at, world.row().unrecorded) == (None, 0)
    assert world.outcome() == ("delivered", 1, None)
    assert len(world.sender.sent) == 1


def test_retries_go_on_while_they_can_only_be_noted(world: World) -> None:
    world.put(stored_of())
    world.sender.script["crm"] = [Answer(status=500)] * 3
    refuse(world, "record")
    world.live(3 * HOUR)
    assert world.outcome() == ("delivered", 4, None)
    assert len(world.sender.sent) == 4


def test_what_was_given_up_is_told_once_though_it_was_noted_first(world: World) -> None:
    world.put(stored_of())
    world.sender.script["crm"] = [Answer(status=410)]
    table = refuse(world, "record")
    world.live(2 * HOUR)
    table.refuses = lambda *_: False
    world.live(HOUR)
    assert world.row().due_at is None
    assert len(world.facts.named("delivery.dead_lettered")) == 1


NOTHING: Iterable[tuple[str, ...]] = (
    ("record", "prove", "note"),
    ("record", "prove", "note of deliveries"),
)


@pytest.mark.parametrize("refused", NOTHING, ids=["no note", "no deliveries"])
def test_what_cannot_be_written_down_at_all_is_delivered_once_and_is_no_poison(
    world: World, refused: tuple[str, ...]
) -> None:
    def refuses(name: str, named: dict[str, Any]) -> bool:
        what = f"{name} of deliveries" if named.get("deliveries") is not None else name
        return name in refused or what in refused

    world.put(stored_of())
    table = refuse(world)
    table.refuses = refuses
    world.live(DAY)
    assert len(world.sender.sent) == 1
    assert world.row().strikes == 0
    # It was looked at as often as it was swept and its hint came back, at most.
    assert table.calls.count("claim") < 1000
    assert world.facts.named("outcome.unwritten")
    table.refuses = lambda *_: False
    world.live(2 * HOUR)
    assert world.outcome() == ("delivered", 1, None)
    assert world.row().due_at is None
    # The first delivery could not be written down: this one doubt was left.
    assert len(world.sender.sent) == 2


def test_an_event_of_which_nothing_can_be_written_is_left_alone_ever_longer(world: World) -> None:
    world.put(stored_of())
    table = refuse(world)
    table.refuses = lambda name, named: (
        name in ("record", "prove") or named.get("deliveries") is not None
    )
    world.live(DAY)
    held = [told["held_seconds"] for told in world.facts.named("outcome.unwritten")]
    assert held[:7] == [120, 240, 480, 960, 1920, 3600, 3600]
    assert table.calls.count("prove") < 40


def test_a_strike_that_failed_after_all_counts_no_death(world: World) -> None:
    world.put(stored_of())
    for owner in ("dead-1", "dead-2"):
        world.rows.claim(KEY, owner=owner, now=world.clock(), until=world.clock() + 1)
        world.clock.advance(100)
    refuse(world, "strike", after=True)
    world.live(DAY)
    assert world.row().strikes <= 1
    refuse(world)
    world.live(HOUR)
    assert world.outcome() == ("delivered", 1, None)


def test_a_claim_that_can_only_be_noted_as_released_is_no_poison(world: World) -> None:
    world.put(StoredEvent(event_of(), None, "payloads/none"))
    world.payloads.fail("get")
    refuse(world, "record")
    world.live(DAY)
    assert (world.row().claims, world.row().strikes) == (0, 0)
    assert world.row().deliveries in (None, {}) or world.outcome()[0] == "pending"
