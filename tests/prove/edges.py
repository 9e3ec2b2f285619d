"""Small worlds at the edges of the core: ids that repeat for other events, requests spoilt on their
way, settings that are old.
"""

from tests.prove.scenarios import BODIES, HOUR, REFUSED, Scenario, deliver
from tests.prove.stack import DELIVERED
from tests.prove.upstream import SPOILT
from tests.prove.world import World
from tests.support.make import body_of, changed

TYPING = (
    b'{"event":"messages","space":{"id":"space-1"},'
    b'"message":{"id":"typing-1","content":{"type":"typing","state":"start"}}}'
)
IN_ANOTHER_CHAT = changed(BODIES["main:m1"], space={"id": "space-2"})
TAKEN_BACK = changed(BODIES["main:m1"], message={"subtype": "reaction_removed"})


def _one_id_in_two_chats(world: World) -> None:
    deliver(world, "main:m1")
    world.later(1.0, lambda: world.deliver(IN_ANOTHER_CHAT, "another chat"))
    world.later(5.0, lambda: world.deliver(IN_ANOTHER_CHAT, "another chat"))
    deliver(world, "main:m1")


def _one_id_at_once(world: World) -> None:
    deliver(world, "main:m1")
    world.deliver(IN_ANOTHER_CHAT, "another chat")


def _a_reaction_and_its_end(world: World) -> None:
    deliver(world, "main:m1")
    world.later(3.0, lambda: world.deliver(TAKEN_BACK, "taken back"))


def _typing_twice(world: World) -> None:
    world.deliver(TYPING, "typing")
    world.later(20.0, lambda: world.deliver(TYPING, "typing"))
    world.later(HOUR, lambda: world.deliver(TYPING, "typing again"))


def _typing_while_the_table_is_down(world: World) -> None:
    world.fates.down.add("table")
    world.deliver(TYPING, "typing")
    world.later(HOUR, lambda: world.deliver(TYPING, "typing again"))
    world.later(2 * HOUR, lambda: world.fates.down.remove("table"))


def _full_stop(world: World) -> None:
    world.deliver(body_of("1764234300.000100"), "main:1764234300.000100")


def _spoilt(world: World) -> None:
    for spoilt in SPOILT:
        world.deliver(body_of(spoilt), spoilt, spoilt=spoilt)


def _added_under_an_old_copy(world: World) -> None:
    """One worker knows the new destination, the next one not yet."""
    world.warm(1, 2)
    world.later(1.0, lambda: world.registry.add("bot"))
    world.later(1.5, lambda: deliver(world, "main:m1"))


def _replayed_to_what_was_just_added(world: World) -> None:
    world.warm(0, 1, 2)
    deliver(world, "main:m1")
    world.later(20.0, lambda: world.registry.add("bot"))
    world.later(20.1, lambda: world.replay("main:m1", to="bot"))


def _unread_since_it_was_added(world: World) -> None:
    """Secrets Manager fails once one worker knows the new destination."""
    _added_under_an_old_copy(world)
    world.later(2.0, lambda: world.fates.down.add("secrets"))
    world.later(2 * HOUR, lambda: world.fates.down.remove("secrets"))


def _nameless_for_a_while(world: World) -> None:
    world.consumers["crm"].answers = [REFUSED]
    deliver(world, "main:m1")
    world.later(2.0, lambda: world.registry.spoil("crm", id=None, name="crm "))
    world.later(2 * HOUR, lambda: world.registry.add("crm"))


def _another_of_its_name(world: World) -> None:
    """What the first one is owed is none of the second one's business."""
    world.consumers["crm"].default = REFUSED
    deliver(world, "main:m1")
    world.later(100.0, lambda: world.registry.remove("crm"))
    world.later(110.0, lambda: setattr(world.consumers["crm"], "default", DELIVERED))
    world.later(115.0, lambda: world.registry.add("crm"))


EDGES = (
    Scenario("a known webhook's requests, spoilt on their way", _spoilt),
    Scenario("a full stop in an id", _full_stop),
    Scenario("one id for two events at once", _one_id_at_once),
    Scenario("a reaction and its end, one id", _a_reaction_and_its_end),
    Scenario("one id in two chats, both repeated", _one_id_in_two_chats),
    Scenario("typing, twice and an hour later", _typing_twice),
    Scenario("a destination added, which one worker does not know yet", _added_under_an_old_copy),
    Scenario("a replay to what was just added", _replayed_to_what_was_just_added),
)
LONG_EDGES = (
    Scenario("typing twice while the table is down", _typing_while_the_table_is_down),
    Scenario("a destination added, then the secrets down for 2 h", _unread_since_it_was_added),
    Scenario("an entry nameless for 2 h", _nameless_for_a_while),
    Scenario("a destination removed, another of its name added", _another_of_its_name),
)
