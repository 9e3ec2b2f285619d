"""A destination that is down for hours, while events go on coming, and what follows."""

import itertools
from dataclasses import dataclass

from spectrum_forwarder.domain.delivery import Answer

from tests.support.make import body_of, destination_of
from tests.support.world import World

MINUTE = 60.0
BUSY = Answer(status=503, seconds=0.01)
AT_ONCE = Answer(status=200, seconds=0.0)


@dataclass(frozen=True)
class Outage:
    """How it went on: seconds until the last of all `events` that waited had arrived.

    The one that the breaker was probed with goes first, and is no inversion. `attempts` are those
    that were counted of each.
    """

    events: int
    seconds: float
    inversions: int
    attempts: list[int]


def outage(hours: float) -> Outage:
    """An event each 30 s while it is down, and after; it is back between two of them."""
    world = World()
    world.add_quick(destination_of("crm"))
    world.sender.script["crm"] = [BUSY] * 1_000_000
    names = [f"m{number:05}" for number in range(round(hours * 120))]
    for even, odd in zip(names[::2], names[1::2], strict=True):
        a_minute(world, even, odd)
    # In this world each waits for the answer of the one before: so it comes at once.
    world.sender.script["crm"] = [AT_ONCE] * 1_000_000
    back, tried = world.clock(), len(world.sender.sent)
    while pending(world, names):
        a_minute(world, f"new-{world.clock():.0f}", f"new-{world.clock() + 1:.0f}")
    order = [attempt.event_key.removeprefix("main:") for attempt in world.sender.sent[tried:]]
    known = set(names)
    waited = [name for name in order[1:] if name in known]
    before_their_turn = [name for name in order[1 : len(waited) + 1] if name not in known]
    inversions = sum(a > b for a, b in itertools.pairwise(waited))
    return Outage(
        len(names),
        world.clock() - back,
        inversions + len(before_their_turn),
        [world.delivery("crm", f"main:{name}").attempts for name in names],
    )


def pending(world: World, names: list[str]) -> bool:
    """Whether any of them has not arrived."""
    return any(not world.delivery("crm", f"main:{name}").settled for name in names)


def a_minute(world: World, *names: str) -> None:
    """A minute with as many events, a sweep at its end."""
    for name in names:
        assert world.receive(body_of(name)).status == 200
        world.live(MINUTE / len(names))
    world.sweep()
    world.poll()
