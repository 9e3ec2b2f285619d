"""Small worlds with an ordered destination, to be run through every sequence of faults."""

from collections.abc import Callable
from dataclasses import replace

from spectrum_forwarder.domain.order import Hold

from tests.prove.ledger import Invariant
from tests.prove.line_worlds import resume
from tests.prove.scenarios import HOUR, REFUSED, Scenario
from tests.prove.stack import DELIVERED
from tests.prove.world import World
from tests.support.make import body_of, changed

TAKES_ITS_TIME = replace(DELIVERED, seconds=6.0)
# Where nothing fails, each has had its turn by then (seconds).
SOON = 30.0


def said(world: World, number: int, space: str = "space-1") -> None:
    """Spectrum delivers what was said as the number says, in a chat."""
    name, at = f"m{number}-{space}", f"2027-01-15T08:00:{number:02}Z"
    body = changed(body_of(name), space={"id": space}, message={"timestamp": at})
    world.deliver(body, f"main:{name}")


def ordered(world: World, **fields: object) -> None:
    """The destination is ordered, from its beginning on."""
    world.registry.add("crm", order="conversation", **fields)


def _two(world: World) -> None:
    ordered(world)
    said(world, 2)
    world.later(0.5, lambda: said(world, 1))


def _straggler(world: World) -> None:
    ordered(world)
    said(world, 2)
    world.later(20.0, lambda: said(world, 1))


def _head_refused(world: World) -> None:
    _two(world)
    world.consumers["crm"].answers = [REFUSED]


def _straggler_while_the_head_waits(world: World) -> None:
    _straggler(world)
    world.consumers["crm"].answers = [REFUSED] * 3


def _comes_meanwhile(world: World) -> None:
    ordered(world)
    world.consumers["crm"].answers = [TAKES_ITS_TIME]
    said(world, 1)
    world.later(3.0, lambda: said(world, 2))
    world.later(3.0 + SOON, lambda: _require_none(world))


def _comes_before_it_is_let_go(world: World) -> None:
    """The hint to the second one finds the line held by who has just found it empty."""
    ordered(world)
    said(world, 1)
    let_go_of = world.lines.let_go

    def let_go(line: str, *, hold: Hold) -> None:
        vars(world.lines).pop("let_go", None)
        said(world, 2)
        world.wait(5.0)
        let_go_of(line, hold=hold)

    vars(world.lines)["let_go"] = let_go
    world.later(SOON, lambda: _require_none(world))


def _require_none(world: World) -> None:
    if not world.fates.struck and world.lines.left():
        world.ledger.breach(Invariant.TURN, ", ".join(world.lines.left()))


def _two_workers(world: World) -> None:
    _comes_meanwhile(world)
    for seconds in (2.5, 4.0, 7.0):
        world.later(seconds, lambda: _call(world))


def _call(world: World) -> None:
    """All lines are hinted at once more."""
    for line in list(world.lines.places):
        world.queue.send_hint(f"#line {line}", slow=True)


def _paused(world: World) -> None:
    ordered(world, enabled=False)
    said(world, 2)
    said(world, 1)
    world.later(10.0, lambda: resume(world))


def _paused_while_it_goes_on(world: World) -> None:
    ordered(world)
    world.consumers["crm"].default = TAKES_ITS_TIME
    said(world, 1)
    said(world, 2)
    world.later(4.0, lambda: world.registry.add("crm", enabled=False))
    world.later(100.0, lambda: resume(world))


def _removed(world: World) -> None:
    ordered(world)
    world.consumers["crm"].answers = [REFUSED]
    said(world, 1)
    said(world, 2)
    world.later(5.0, lambda: world.registry.remove("crm"))


def _purged(world: World) -> None:
    _two(world)
    world.later(1.0, world.purge)


def _two_conversations(world: World) -> None:
    ordered(world)
    said(world, 1)
    said(world, 1, "space-2")


def _two_destinations(world: World) -> None:
    ordered(world)
    world.registry.add("erp", order="conversation")
    said(world, 1)


def _replayed_in_order(world: World) -> None:
    """The younger one is begun first, while a third is taken."""
    ordered(world)
    run: dict[str | None, float] = {}
    said(world, 1)
    said(world, 2)
    world.later(20.0, lambda: world.replay("main:m2-space-1", in_order=run))
    world.later(20.2, lambda: world.replay("main:m1-space-1", in_order=run))
    world.later(20.2, lambda: said(world, 30))


def _mended(world: World) -> None:
    ordered(world)
    world.registry.spoil("crm", url="ftp://elsewhere")
    said(world, 2)
    said(world, 1)
    world.later(10.0, lambda: resume(world, hints=0))


def _fails_for_an_hour(world: World) -> None:
    ordered(world)
    for number in range(6):
        said(world, number)
        said(world, number, "space-2")
    world.consumers["crm"].default = REFUSED
    world.later(HOUR, lambda: setattr(world.consumers["crm"], "default", DELIVERED))


def _chat(world: World) -> None:
    """Thirty come in no order within a minute, and every third attempt fails."""
    ordered(world)
    world.consumers["crm"].answers = [DELIVERED, DELIVERED, REFUSED] * 20
    for number in range(30):
        shuffled = number * 7 % 30
        world.later(2.0 * number, lambda n=shuffled: said(world, n, f"space-{n % 3}"))  # type: ignore[misc]


BATCH = {"window": 2, "max": 3, "wait": 8}
TOO_MUCH = replace(REFUSED, status=422)


def _batch(world: World) -> None:
    ordered(world, batch=BATCH)
    for number in (2, 1, 3):
        said(world, number)


def _batch_refused(world: World) -> None:
    _batch(world)
    world.consumers["crm"].answers = [REFUSED]


def _batch_too_much(world: World) -> None:
    _batch(world)
    world.consumers["crm"].answers = [TOO_MUCH]


def _batch_and_one_that_comes_meanwhile(world: World) -> None:
    ordered(world, batch=BATCH)
    world.consumers["crm"].answers = [TAKES_ITS_TIME]
    said(world, 1)
    said(world, 2)
    world.later(3.5, lambda: said(world, 4))
    world.later(6.5, lambda: _call(world))
    world.later(20.0, lambda: said(world, 3))


def _down(service: str) -> Callable[[World], None]:
    def begin(world: World) -> None:
        _two(world)
        world.later(1.0, lambda: world.fates.down.add(service))
        world.later(10 * HOUR, lambda: world.fates.down.discard(service))

    return begin


# From the smallest to the largest.
ORDERED = (
    Scenario("ordered, the younger one first", _two),
    Scenario("ordered, two destinations", _two_destinations, ("crm", "erp")),
    Scenario("ordered, two conversations", _two_conversations),
    Scenario("ordered, all hints lost", _purged),
    Scenario("ordered, a straggler", _straggler),
    Scenario("ordered, the head refused once", _head_refused),
    Scenario("ordered, the entry mended", _mended),
    Scenario("ordered, paused and resumed", _paused),
    Scenario("ordered, removed with a line", _removed),
    Scenario("ordered, one that comes meanwhile", _comes_meanwhile),
    Scenario("ordered, one that comes before it is let go", _comes_before_it_is_let_go),
    Scenario("ordered, hinted at by everybody", _two_workers),
    Scenario("ordered, paused while it goes on", _paused_while_it_goes_on),
    Scenario("ordered, a straggler while the head waits", _straggler_while_the_head_waits),
    Scenario("ordered, replayed in order", _replayed_in_order),
    Scenario("a batch", _batch),
    Scenario("a batch refused once", _batch_refused),
    Scenario("a batch that is too much", _batch_too_much),
    Scenario("a batch, and one that comes meanwhile", _batch_and_one_that_comes_meanwhile),
)
LONG_ORDERED = (
    Scenario("ordered, refused for an hour", _fails_for_an_hour),
    Scenario("ordered, thirty in three conversations, some refused", _chat),
    Scenario("ordered, the lines down for 10 h", _down("lines")),
    Scenario("ordered, no hold can be taken for 10 h", _down("lines.take")),
    Scenario("ordered, no place can be freed for 10 h", _down("lines.free")),
)
