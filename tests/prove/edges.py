"""Small worlds at the edges of the core: ids that repeat for other events, requests spoilt on their
way.
"""

from tests.prove.scenarios import BODIES, HOUR, Scenario, deliver
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


EDGES = (
    Scenario("a known webhook's requests, spoilt on their way", _spoilt),
    Scenario("a full stop in an id", _full_stop),
    Scenario("one id for two events at once", _one_id_at_once),
    Scenario("a reaction and its end, one id", _a_reaction_and_its_end),
    Scenario("one id in two chats, both repeated", _one_id_in_two_chats),
    Scenario("typing, twice and an hour later", _typing_twice),
)
LONG_EDGES = (Scenario("typing twice while the table is down", _typing_while_the_table_is_down),)
