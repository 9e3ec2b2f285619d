"""A delivery is `removed` only where that is certain, and bound to a destination, not to a name."""

from dataclasses import replace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.errors import RegistryUnavailable
from spectrum_forwarder.domain.health import Health

from tests.functional.test_replay import Operator
from tests.support.in_memory.registries import CopiedDestinations
from tests.support.make import destination_of, stored_of
from tests.support.taps import Tap
from tests.support.world import World

KEY = "main:spc-msg-1"
BUSY = Answer(status=503, seconds=0.01)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
OLD = destination_of("crm", id="crm.aaaaaa", url="https://old.example.com/")
NEW = destination_of("crm", id="crm.bbbbbb", url="https://new.example.com/")


class Worker:
    """An instance of the fan-out with a copy of the registry of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.copy = CopiedDestinations(world.destinations, world.clock)
        self.copy.load()
        self._targets = Tap(self.copy, RegistryUnavailable)

    def works(self) -> None:
        """From now on this one gets all invocations."""
        self._world.targets = self._targets


@pytest.fixture
def world() -> World:
    """A world with one quick destination, `crm`."""
    world = World()
    world.add_quick(destination_of("crm"))
    return world


def bound(world: World, *, by: Worker) -> None:
    """An event that is bound for all that this worker knows, and attempted by the main lane."""
    world.receive()
    by.works()
    world.fan_out(world.hint(KEY))


def addresses(world: World) -> list[str]:
    return [attempt.url for attempt in world.sender.sent]


def replay_by_the_tables_clock(world: World) -> None:
    """To `bot`: the table tells whole seconds, and up to one of them is cut off."""
    world.clock.advance(-0.9)
    Operator(world).replay(to={"bot"})
    world.clock.advance(0.9)


# ---- Copies of the registry that are old --------------------------------------------------------


def test_a_stale_copy_does_not_settle_what_a_fresh_one_bound(world: World) -> None:
    stale = Worker(world)
    world.clock.advance(5)
    world.add(destination_of("bot"))
    stale.copy.down = True  # Secrets Manager fails this worker
    bound(world, by=Worker(world))
    stale.works()
    world.live(25)
    assert world.outcome("bot") == ("pending", 0, "unknown_destination")
    world.live(HOUR)
    assert world.outcome("bot") == ("pending", 0, "unknown_destination")
    stale.copy.down = False
    world.live(HOUR)
    assert world.outcome("bot") == ("delivered", 1, None)


def test_a_stale_copy_is_read_again_for_a_destination_that_it_does_not_hold(world: World) -> None:
    stale = Worker(world)
    world.clock.advance(5)
    world.add(destination_of("bot"))
    bound(world, by=Worker(world))
    stale.works()
    world.poll()
    assert world.outcome("bot") == ("delivered", 1, None)
    assert stale.copy.reads == 2


def test_a_replay_right_after_add_delivers_all_at_once(world: World) -> None:
    keys = [f"main:m{number}" for number in range(40)]
    for key in keys:
        world.receive(stored_of(key.removeprefix("main:")).event.body)
    worker = Worker(world)
    worker.works()
    world.live(3)
    world.add(destination_of("bot"))
    began = world.clock()
    for key in keys:
        Operator(world).replay(key, to={"bot"})
    world.live(1)
    assert [world.outcome("bot", key)[0] for key in keys] == ["delivered"] * 40
    assert {attempt.event_key for attempt in world.sent_to("bot")} == set(keys)
    assert world.clock() - began <= 1
    # Once an invocation: what the one before has read might be older than the operator's word.
    assert worker.copy.reads == 1 + len(keys) // 10


@pytest.mark.parametrize("off", [-300.0, 20.0])
def test_an_operators_clock_that_is_wrong_settles_nothing(world: World, off: float) -> None:
    world.receive()
    worker = Worker(world)
    worker.works()
    world.live(3)
    world.add(destination_of("bot"))
    world.clock.advance(off)
    Operator(world).replay(to={"bot"})
    world.clock.advance(-off)
    world.live(2 * MINUTE)
    assert world.outcome("bot") == ("delivered", 1, None)


def test_a_replay_right_after_add_is_delivered_at_once_by_a_worker_that_has_just_begun(
    world: World,
) -> None:
    """By the table's clock, in whole seconds, the replay was before the worker read its copy."""
    world.receive()
    world.live(3)
    Worker(world).works()
    world.clock.advance(0.3)
    world.add(destination_of("bot"))
    replay_by_the_tables_clock(world)
    world.live(1)
    assert world.outcome("bot") == ("delivered", 1, None)


def test_what_is_missing_is_looked_for_once_a_batch(world: World) -> None:
    stale = Worker(world)
    world.add(destination_of("bot"))
    keys = [f"main:m{number}" for number in range(10)]
    Worker(world).works()
    for key in keys:
        world.receive(stored_of(key.removeprefix("main:")).event.body)
        world.fan_out(world.hint(key))
    del world.destinations.usable["bot"]
    world.clock.advance(10)
    stale.works()
    world.fan_out(*[world.hint(key, slow=True) for key in keys])
    assert stale.copy.reads == 2
    assert {world.outcome("bot", key)[2] for key in keys} == {"unknown_destination"}


# ---- What was taken away ------------------------------------------------------------------------


def test_what_was_taken_away_is_settled_by_the_sweep_after_half_a_minute(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    world.receive()
    world.live(1)
    del world.destinations.usable["crm"]
    world.live(20)
    assert world.outcome() == ("pending", 1, "unknown_destination")
    world.live(2 * MINUTE)
    assert world.outcome() == ("removed", 1, None)
    (told,) = world.facts.named("delivery.removed")
    assert (told["event_key"], told["destination"], told["attempts"]) == (KEY, "crm", 1)


def test_nothing_is_settled_as_removed_while_secrets_manager_fails(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    worker = Worker(world)
    worker.works()
    world.receive()
    world.live(1)
    del world.destinations.usable["crm"]
    world.clock.advance(30)
    worker.copy.load()
    worker.copy.down = True
    looks = world.table.calls.count("claim")
    world.live(DAY)
    assert world.outcome() == ("pending", 1, "unknown_destination")
    # Each look costs, and an outage is long.
    assert world.table.calls.count("claim") - looks < 100
    worker.copy.down = False
    world.live(2 * HOUR)
    assert world.outcome() == ("removed", 1, None)


def test_an_entry_whose_name_cannot_be_read_is_nobodys_removal(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    world.receive()
    world.live(1)
    world.destinations.nameless = ["crm : name must be letters"]
    mended = world.destinations.usable.pop("crm")
    world.live(HOUR)
    assert world.outcome() == ("pending", 1, "unknown_destination")
    world.destinations.nameless.clear()
    world.add(mended)
    world.live(HOUR)
    assert world.outcome() == ("delivered", 2, None)


# ---- A name is not the thing --------------------------------------------------------------------


def owed(world: World, destination: Destination) -> None:
    """An event that the destination has refused once."""
    world.destinations.usable.clear()
    world.add_quick(destination)
    world.sender.script[destination.id] = [BUSY]
    world.receive()
    world.live(1)
    assert world.outcome(destination.id) == ("pending", 1, None)


@pytest.mark.parametrize("old", [OLD, replace(OLD, id="crm")], ids=["with an id", "without"])
def test_a_destination_added_again_under_its_name_inherits_nothing(
    world: World, old: Destination
) -> None:
    owed(world, old)
    del world.destinations.usable[old.id]
    world.add(NEW)
    world.live(2 * MINUTE)
    assert world.outcome(old.id) == ("removed", 1, None)
    assert addresses(world) == [old.url]
    world.receive(stored_of("m2").event.body)
    world.live(MINUTE)
    assert world.outcome(NEW.id, "main:m2") == ("delivered", 1, None)


def test_a_renamed_destination_keeps_what_it_is_owed_and_its_health(world: World) -> None:
    owed(world, OLD)
    world.destinations.usable[OLD.id] = replace(OLD, name="sales")
    world.fan_out(world.hint(KEY))
    world.live(MINUTE)
    assert world.outcome(OLD.id) == ("delivered", 2, None)
    assert [told["destination"] for told in world.facts.named("delivery.attempted")] == [
        "crm",
        "sales",
    ]
    # Quick still: the main lane has served it.
    assert not any(queued.slow for queued in world.memory_queue.queued)


def test_a_destination_added_again_is_not_blamed_for_the_old_ones_failures(world: World) -> None:
    owed(world, OLD)
    world.break_for(OLD.id, HOUR)
    del world.destinations.usable[OLD.id]
    world.add(NEW)
    world.receive(stored_of("m2").event.body)
    world.live(MINUTE)
    assert world.outcome(NEW.id, "main:m2") == ("delivered", 1, None)


def test_a_replay_of_old_events_goes_to_the_new_destination_only_when_told(world: World) -> None:
    owed(world, OLD)
    del world.destinations.usable[OLD.id]
    world.add(NEW)
    world.live(2 * MINUTE)
    operator = Operator(world)
    assert operator.replay().destinations == ()
    assert operator.replay(to={NEW.id}).destinations == (NEW.id,)
    world.live(MINUTE)
    assert addresses(world) == [OLD.url, NEW.url]


def test_a_breaker_is_told_by_the_name(world: World) -> None:
    world.destinations.usable.clear()
    world.add(replace(OLD, name="sales"))
    world.board.health[OLD.id] = Health(failures=20, failing_since=1.0, open_until=2.0, trips=1)
    world.receive()
    world.live(10)
    assert world.facts.named("breaker.closed") == [{"destination": "sales", "trips": 0}]


def test_what_a_filter_does_not_take_is_a_fact(world: World) -> None:
    world.add_quick(replace(OLD, takes=lambda _: False))
    world.receive()
    world.live(1)
    (told,) = world.facts.named("delivery.filtered")
    assert (told["event_key"], told["destination"]) == (KEY, "crm")


def test_deliveries_of_the_first_version_go_on_to_their_destination(world: World) -> None:
    """Stored by name, before there were identities; its entry has none."""
    world.sender.script["crm"] = [BUSY]
    world.receive()
    world.live(1)
    assert list(cast(Any, world.row().deliveries)) == ["crm"]
    world.add(destination_of("crm", url="https://moved.example.com/"))
    world.live(MINUTE)
    assert addresses(world)[-1] == "https://moved.example.com/"


# ---- Copies of the registry whose entries are old -----------------------------------------------


def none(_: object) -> bool:
    return False


def test_a_replay_right_after_a_new_filter_is_judged_by_that(world: World) -> None:
    world.add(destination_of("bot", takes=none))
    stale = Worker(world)
    stale.works()
    world.receive()
    world.live(3)
    assert world.outcome("bot")[0] == "filtered"
    world.add(destination_of("bot"))
    Operator(world).replay(to={"bot"})
    world.live(3)
    assert world.outcome("bot") == ("delivered", 1, None)


def test_a_replay_right_after_a_new_url_goes_there(world: World) -> None:
    world.add(destination_of("bot", url="https://old.example.com/"))
    stale = Worker(world)
    stale.works()
    world.receive()
    world.live(3)
    world.add(destination_of("bot", url="https://new.example.com/"))
    world.sender.sent.clear()
    Operator(world).replay(to={"bot"})
    world.live(3)
    assert addresses(world) == ["https://new.example.com/"]


def test_a_replay_right_after_a_new_url_goes_there_from_a_worker_that_has_just_begun(
    world: World,
) -> None:
    world.add(destination_of("bot", url="https://old.example.com/"))
    world.receive()
    world.live(3)
    Worker(world).works()
    world.clock.advance(0.3)
    world.add(destination_of("bot", url="https://new.example.com/"))
    world.sender.sent.clear()
    replay_by_the_tables_clock(world)
    world.live(3)
    assert addresses(world) == ["https://new.example.com/"]


def test_a_replay_is_not_filtered_by_a_copy_that_is_older(world: World) -> None:
    world.add(destination_of("bot", takes=none))
    stale = Worker(world)
    stale.works()
    world.receive()
    world.live(3)
    world.add(destination_of("bot"))
    stale.copy.down = True
    Operator(world).replay(to={"bot"})
    world.live(MINUTE)
    assert world.outcome("bot")[0] == "pending"
    stale.copy.down = False
    world.live(HOUR)
    assert world.outcome("bot") == ("delivered", 1, None)
