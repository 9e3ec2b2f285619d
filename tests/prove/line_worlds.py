"""Small worlds in which deliveries stand in lines, to be run through every sequence of faults."""

from collections.abc import Callable
from dataclasses import replace

from spectrum_forwarder.domain.line import hint_to
from spectrum_forwarder.domain.order import destination_in

from tests.prove.ledger import Invariant
from tests.prove.scenarios import DAY, HOUR, REFUSED, Scenario, deliver
from tests.prove.stack import DELIVERED
from tests.prove.world import World
from tests.support.make import body_of

# Whose way has been open for so long has gone it, whatever befell a worker or two (seconds).
PROMPTLY = 900.0
TAKES_ITS_TIME = replace(DELIVERED, seconds=2.0)


def resume(world: World, name: str = "crm", *, hints: int = 1) -> None:
    """What `forwarder destinations resume` does."""
    world.registry.add(name, enabled=True)
    for _ in range(hints):
        world.queue.send_hint(hint_to(world.registry.identity(name)), slow=True)
    world.later(PROMPTLY, lambda: _require_empty(world, name))


def _require_empty(world: World, name: str) -> None:
    if name not in world.registry.names():
        return
    identity = world.registry.identity(name)
    places = world.lines.places.items()
    stand = [line for line, of in places if of and destination_in(line) == identity]
    if not world.registry.waits(identity) and stand:
        world.ledger.breach(Invariant.PROMPT, f"{name}: {world.lines.left()}")


def _paused(world: World, *keys: str) -> None:
    world.registry.add("crm", enabled=False)
    deliver(world, *keys)


def _resumed(world: World) -> None:
    _paused(world, "main:m1", "main:m2")
    world.later(5.0, lambda: resume(world))


def _unhinted(world: World) -> None:
    _paused(world, "main:m1")
    world.later(5.0, lambda: resume(world, hints=0))


def _two_drainers(world: World) -> None:
    _paused(world, "main:m1", "main:m2")
    world.consumers["crm"].default = TAKES_ITS_TIME
    world.later(5.0, lambda: resume(world, hints=2))
    world.later(6.0, lambda: resume(world))


def _paused_while_it_drains(world: World) -> None:
    _paused(world, "main:m1", "main:m2")
    world.consumers["crm"].default = TAKES_ITS_TIME
    world.later(5.0, lambda: resume(world))
    world.later(5.5, lambda: world.registry.add("crm", enabled=False))
    world.later(70.0, lambda: resume(world))


def _newcomer(world: World) -> None:
    _paused(world, "main:m1")
    world.consumers["crm"].default = TAKES_ITS_TIME
    world.later(5.0, lambda: resume(world))
    world.later(6.0, lambda: deliver(world, "main:m2"))


def _refused_in_its_turn(world: World) -> None:
    _paused(world, "main:m1")
    world.consumers["crm"].answers = [REFUSED]
    world.later(5.0, lambda: resume(world))


def _purged(world: World) -> None:
    _paused(world, "main:m1")
    world.later(5.0, lambda: resume(world))
    world.later(5.0, world.purge)


def _removed(world: World) -> None:
    _paused(world, "main:m1")
    world.later(5.0, lambda: world.registry.remove("crm"))


def _renamed(world: World) -> None:
    _paused(world, "main:m1")
    world.later(4.0, lambda: world.registry.add("crm", name="sales"))
    world.later(5.0, lambda: resume(world))


def _mended(world: World) -> None:
    world.registry.spoil("crm", url="ftp://elsewhere")
    deliver(world, "main:m1")
    world.later(5.0, lambda: resume(world, hints=0))


def _replayed(world: World) -> None:
    _paused(world, "main:m1")
    world.later(5.0, lambda: world.replay("main:m1"))
    world.later(6.0, lambda: resume(world))


def _down(service: str, seconds: float) -> Callable[[World], None]:
    """A paused destination beside one that is well, while a service is down."""

    def begin(world: World) -> None:
        # What merely waits must not depend on being allowed to loop.
        world.may_loop = False
        world.later(0.0, lambda: world.fates.down.add(service))
        _paused(world, "main:m1", "main:m2")
        world.later(seconds, lambda: world.fates.down.discard(service))
        world.later(seconds + 5.0, lambda: resume(world))

    return begin


def _many(world: World) -> None:
    """More than one step takes; every fifth is refused, and some come meanwhile."""
    world.registry.add("crm", enabled=False)
    for number in range(60):
        world.deliver(body_of(f"m{number}"), f"main:m{number}")
    world.consumers["crm"].answers = [REFUSED, *[DELIVERED] * 4] * 12
    world.later(2 * DAY, lambda: resume(world))
    for number in range(60, 70):
        body, key = body_of(f"m{number}"), f"main:m{number}"
        world.later(2 * DAY + number - 58, lambda b=body, k=key: world.deliver(b, k))  # type: ignore[misc]


def _outage_with_one_that_fails_for_ever(world: World) -> None:
    for number in range(15):
        world.deliver(body_of(f"m{number}"), f"main:m{number}")
    world.consumers["crm"].default = REFUSED
    for minute in range(1, 180):
        body, key = body_of(f"later-{minute}"), f"main:later-{minute}"
        world.later(60.0 * minute, lambda b=body, k=key: world.deliver(b, k))  # type: ignore[misc]

    def well() -> None:
        world.consumers["crm"].default = DELIVERED
        world.later(PROMPTLY, lambda: _require_empty(world, "crm"))

    world.later(3 * HOUR, well)


# ---- At a pace: an attempt every other second, or one at a time


def _paced(world: World) -> None:
    world.registry.add("crm", rate=0.5)
    deliver(world, "main:m1", "main:m2")
    world.later(PROMPTLY, lambda: _require_empty(world, "crm"))


def _paced_and_refused(world: World) -> None:
    world.consumers["crm"].answers = [REFUSED]
    _paced(world)


def _paced_and_asked_to_rest(world: World) -> None:
    world.consumers["crm"].answers = [replace(REFUSED, status=429, retry_after=8.0)]
    _paced(world)


def _one_at_a_time(world: World) -> None:
    world.registry.add("crm", max_in_flight=1)
    world.consumers["crm"].default = TAKES_ITS_TIME
    deliver(world, "main:m1", "main:m2")
    # A stray hint, while one is in flight.
    world.later(1.0, lambda: world.queue.send_hint(hint_to(world.registry.identity("crm"))))
    world.later(PROMPTLY, lambda: _require_empty(world, "crm"))


def _paced_handed_on(world: World) -> None:
    """Who drains has found the line empty; the next one begins at once."""
    world.registry.add("crm", rate=0.5)
    deliver(world, "main:m1")
    world.later(1.0, lambda: deliver(world, "main:m2"))
    world.later(PROMPTLY, lambda: _require_empty(world, "crm"))


def _comes_as_it_is_empty(world: World) -> None:
    """While it is held still: the hint finds that, and nobody sweeps."""
    world.registry.add("crm", rate=10)
    deliver(world, "main:m1")
    world.sweeping = False

    def come() -> None:
        deliver(world, "main:m2")
        world.let_pass(1.0)

    def look() -> None:
        _require_empty(world, "crm")
        world.sweeping = True

    world.lines.when_empty.append(come)
    world.later(60.0, look)


# From the smallest to the largest.
LINES = (
    Scenario("resumed, and nobody says so", _unhinted),
    Scenario("an entry mended", _mended),
    Scenario("resumed, all hints lost", _purged),
    Scenario("renamed with a line", _renamed),
    Scenario("removed with a line", _removed),
    Scenario("refused when its turn comes", _refused_in_its_turn),
    Scenario("replayed while it stands", _replayed),
    Scenario("one that comes while others go out", _newcomer),
    Scenario("two in line", _resumed, ("crm", "erp")),
    Scenario("two in line, two drainers", _two_drainers),
    Scenario("paused again while it drains", _paused_while_it_drains),
    Scenario("paced, handed on", _paced_handed_on),
    Scenario("paced, two at once", _paced),
    Scenario("paced, one refused", _paced_and_refused),
    Scenario("paced, and asked to rest", _paced_and_asked_to_rest),
    Scenario("one at a time", _one_at_a_time),
    Scenario("the lines down for a minute", _down("lines", 60.0), ("crm", "erp")),
)
LONG_LINES = (
    # Undisturbed alone: where a call fails, the sweeper's minute is what is left.
    Scenario("paced, one comes as the line is found empty", _comes_as_it_is_empty),
    Scenario("60 in line, some refused, some new", _many),
    Scenario("down for 3 h, an event a minute", _outage_with_one_that_fails_for_ever),
    Scenario("the lines down for 10 h", _down("lines", 10 * HOUR), ("crm", "erp")),
    Scenario("no line can be held for 10 h", _down("table.hold", 10 * HOUR), ("crm", "erp")),
)
