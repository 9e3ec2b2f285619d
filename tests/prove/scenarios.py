"""Small worlds to be run through every sequence of faults."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.health import Health

from tests.prove.faults import Script
from tests.prove.ledger import Breach
from tests.prove.stack import DELIVERED
from tests.prove.world import World
from tests.support.make import WEBHOOK, body_of

HOUR, DAY = 3600.0, 86_400.0
REFUSED = Answer(status=500, seconds=0.01)
SLOW = Answer(status=200, seconds=8.0)
ROTATED = WEBHOOK._replace(id="3f1c2b7e-0000-4000-8000-000000000002", signing_secret="7a" * 32)
# What writes down what became of a claim.
OUTCOMES = ("table.record", "table.prove", "table.note")
# None of these worlds is at rest only after a sixth of them; one with a mistake in it may be.
MOST_STEPS = 10_000
BODIES = {f"main:m{number}": body_of(f"m{number}") for number in (1, 2)}


def world_of(
    *quick: str,
    new: tuple[str, ...] = (),
    script: Script | None = None,
    told: list[str] | None = None,
) -> World:
    """A world with destinations that have proven to be quick, and others that are new."""
    names = (*quick, *new)
    world = World({name: {} for name in names}, script=script, told=told)
    world.registry.accept(ROTATED)
    for name in quick:
        world.health.health[world.registry.identity(name)] = Health(quick=True)
    return world


def deliver(world: World, *keys: str) -> None:
    """Spectrum delivers these events at once."""
    for key in keys:
        world.deliver(BODIES[key], key)


def _plain(world: World) -> None:
    deliver(world, "main:m1")


def _two_events(world: World) -> None:
    deliver(world, "main:m1", "main:m2")


def _refused_once(world: World) -> None:
    deliver(world, "main:m1")
    world.consumers["erp"].answers = [REFUSED]


def _two_events_refused_once(world: World) -> None:
    deliver(world, "main:m1", "main:m2")
    world.consumers["erp"].answers = [REFUSED]


def _mixed(world: World) -> None:
    deliver(world, "main:m1")
    world.consumers["erp"].answers = [REFUSED]
    world.consumers["bot"].default = SLOW


def _mixed_two(world: World) -> None:
    deliver(world, "main:m2")
    _mixed(world)


def _slow(world: World) -> None:
    deliver(world, "main:m1")
    world.consumers["bot"].default = replace(SLOW, seconds=9.5)
    # The hint is repeated while the destination still thinks.
    world.later(7.0, lambda: world.queue.send_hint("main:m1", slow=True))


def _copies(world: World) -> None:
    deliver(world, "main:m1", "main:m1")


def _copies_of_a_rotation(world: World) -> None:
    deliver(world, "main:m1")
    world.later(0.1, lambda: world.deliver(BODIES["main:m1"], "main:m1", webhook=ROTATED))


def _down(*services: str, seconds: float, first: bool = True) -> Callable[[World], None]:
    """Services go down, before the event comes or (`first` false) once it was answered."""

    def begin(world: World) -> None:
        if not first:
            deliver(world, "main:m1")
        world.later(0.0, lambda: world.fates.down.update(services))
        world.later(seconds, lambda: world.fates.down.difference_update(services))
        if first:
            deliver(world, "main:m1")

    return begin


def _paused(world: World) -> None:
    # What merely waits must not depend on being allowed to loop.
    world.may_loop = False
    deliver(world, "main:m1")
    world.registry.add("crm", enabled=False)
    world.later(20 * DAY, lambda: world.registry.add("crm", enabled=True))
    for day in range(40):
        world.later(day * DAY, world.expire)


def _paused_before_an_outage(world: World) -> None:
    world.registry.add("crm", enabled=False)
    for number in range(15):
        world.deliver(body_of(f"m{number}"), f"main:m{number}")
    consumer = world.consumers["crm"]
    consumer.default = REFUSED
    world.later(5 * DAY, lambda: world.registry.add("crm", enabled=True))
    world.later(5 * DAY + 4 * HOUR, lambda: setattr(consumer, "default", DELIVERED))


def _broken_entry(world: World) -> None:
    world.may_loop = False
    deliver(world, "main:m1")
    world.registry.spoil("crm", url="ftp://elsewhere")
    world.later(3 * HOUR, lambda: world.registry.add("crm"))


def _failing_beside_each_other(world: World) -> None:
    """Six destinations fail at times of their own, each four times within the reach of hints."""
    for number in range(6):
        name = f"bot-{number}"
        world.registry.add(name)
        world.health.health[world.registry.identity(name)] = Health(quick=True)
        world.consumers[name].answers = [REFUSED] * 4
    deliver(world, "main:m1")


def _outage(world: World) -> None:
    for number in range(15):
        world.deliver(body_of(f"m{number}"), f"main:m{number}")
    crm = world.consumers["crm"]
    crm.default = REFUSED
    world.later(2 * HOUR, lambda: setattr(crm, "default", DELIVERED))


def _poison(world: World) -> None:
    deliver(world, "main:m1", "main:m2")
    world.killers = {"main:m1"}


@dataclass(frozen=True)
class Scenario:
    """A small world. `inline` is the size (bytes) from which bodies go to the payload bucket."""

    name: str
    begin: Callable[[World], None]
    quick: tuple[str, ...] = ("crm",)
    new: tuple[str, ...] = ()
    inline: int | None = None

    def __str__(self) -> str:
        return self.name

    def play(self, script: Script, told: list[str] | None = None) -> tuple[World, list[Breach]]:
        """Run it under these faults."""
        world = self.begun(script, told)
        return world, world.settle()

    def begun(self, script: Script, told: list[str] | None = None) -> World:
        """As it begins, to be run under these faults."""
        world = world_of(*self.quick, new=self.new, script=script, told=told)
        world.most_steps = MOST_STEPS
        self.begin(world)
        return world


# From the smallest to the largest.
SCENARIOS = (
    Scenario("one event, one destination", _plain),
    Scenario("one event, a new destination", _plain, (), ("crm",)),
    Scenario("a large body", _plain, inline=50),
    Scenario("a destination that refuses once", _refused_once, ("erp",)),
    Scenario("a slow destination, its hint repeated", _slow, (), ("bot",)),
    Scenario("the table down for 30 s", _down("table", seconds=30.0)),
    Scenario("the queue down for 30 s", _down("queue", seconds=30.0)),
    Scenario("a copy by the same webhook", _copies),
    Scenario("a copy by a second webhook", _copies_of_a_rotation),
    Scenario("two destinations, one refuses once", _refused_once, ("crm", "erp")),
    Scenario("two events", _two_events),
    Scenario("two events, one refused once", _two_events_refused_once, ("crm", "erp")),
    Scenario("three destinations of three kinds", _mixed, ("crm", "erp"), ("bot",)),
    Scenario("two events, three destinations", _mixed_two, ("crm", "erp"), ("bot",)),
)

# Longer than can be run under every fault; each once.
CALAMITIES = (
    Scenario("an event that kills its worker", _poison),
    Scenario("a destination paused for 20 days", _paused),
    Scenario("an entry broken for 3 h", _broken_entry),
    Scenario("six destinations that fail four times", _failing_beside_each_other),
    Scenario("a destination down for 2 h", _outage),
    Scenario("a destination paused for 5 days, then down for 4 h", _paused_before_an_outage),
    Scenario(
        "the bucket down for 10 h", _down("payloads", seconds=10 * HOUR, first=False), inline=50
    ),
    Scenario("the table down for 10 h", _down("table", seconds=10 * HOUR)),
    Scenario("no outcome can be recorded for 10 h", _down("table.record", seconds=10 * HOUR)),
    Scenario("nothing can be written down for 10 h", _down(*OUTCOMES, seconds=10 * HOUR)),
    Scenario("the secrets down for 10 h", _down("secrets", seconds=10 * HOUR, first=False)),
    Scenario("the queue down for 10 h", _down("queue", seconds=10 * HOUR), (), ("crm",)),
)
