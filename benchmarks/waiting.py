"""What a million deliveries cost that wait for a week: counted in the use cases, at list prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.order import Order

from benchmarks.bill import INVOCATION, SQS_REQUEST, WRITE_UNIT
from tests.support.make import body_of, destination_of
from tests.support.world import World

WEEK, MINUTE = 7 * 86_400.0, 60.0
EVENTS, BATCH = 200, 10
READ_UNIT = 0.125
# Write units of a call for an event of up to 1 KB. An entry of an index is moved by two, and what
# moves a due time moves one; the record that settles an event removes it, by one. The last ones
# write the line's row.
UNITS = {
    **{"claim": 1, "record": 3, "postpone": 3, "put": 1, "free": 1},
    **dict.fromkeys(("stand", "hold", "take", "let_go", "take_down"), 1),
}
# Read units of a page of a line in four parts, and of a look at a place that was left.
READS = {"first": 4, "standing": 1, "look": 1}
# What `paced` destinations get (a second), and how far apart events come that find no other.
RATE, APART = 10, 2.0


def counted(*, paused: bool) -> Counter[str]:
    """Calls, and hints sent, from the first claim on; `paused` for a week, and then drained."""
    world = World()
    world.add_quick(destination_of("crm", enabled=not paused))
    for number in range(EVENTS):
        world.receive(body_of(f"m{number}"))
    noted = _noting(world)
    if paused:
        world.live(WEEK)
        world.add(destination_of("crm"))
    world.live(2 * MINUTE)
    return noted()


def counted_at_a_pace(*, rate: float | None, apart: float) -> Counter[str]:
    """The same of one with a rate, or none, whose events come so far apart (seconds)."""
    return _counted_as_they_come(destination_of("crm", rate=rate), apart)


def counted_in_order(order: Order | None, *, apart: float) -> Counter[str]:
    """The same of one that is ordered, or not; all events are of one conversation."""
    return _counted_as_they_come(destination_of("crm", order=order), apart)


def _counted_as_they_come(destination: Destination, apart: float) -> Counter[str]:
    world = World()
    world.add_quick(destination)
    noted = _noting(world)
    for number in range(EVENTS):
        world.receive(body_of(f"m{number}"))
        world.live(apart)
    world.live(2 * MINUTE)
    # The receiver's own are no matter of lines.
    return noted() - Counter({"put": EVENTS, "hints": EVENTS})


def _noting(world: World) -> Callable[[], Counter[str]]:
    sent, taps = world.memory_queue.sent, (world.table, world.lines, world.health)
    for tap in taps:
        tap.calls.clear()

    def noted() -> Counter[str]:
        assert len(world.sent_to("crm")) == EVENTS
        calls = Counter(call for tap in taps for call in tap.calls)
        return calls + Counter({"hints": world.memory_queue.sent - sent})

    return noted


def lines() -> dict[str, float]:
    """Dollars a million deliveries, more than those that need not wait, by line item."""
    return _dollars(counted(paused=True), counted(paused=False))


def at_a_pace(apart: float) -> dict[str, float]:
    """Dollars a million deliveries to one with a rate, more than without it, by line item."""
    return _dollars(
        counted_at_a_pace(rate=RATE, apart=apart), counted_at_a_pace(rate=None, apart=apart)
    )


def in_order(apart: float) -> dict[str, float]:
    """Dollars a million deliveries to an ordered one, more than to another, by line item."""
    return _dollars(counted_in_order(Order(), apart=apart), counted_in_order(None, apart=apart))


def _dollars(waiting: Counter[str], others: Counter[str]) -> dict[str, float]:
    more = {name: (waiting[name] - others[name]) / EVENTS for name in waiting}
    writes = {name: UNITS[name] * more.get(name, 0.0) * WRITE_UNIT for name in UNITS}
    reads = sum(READS[name] * more.get(name, 0.0) for name in READS) * READ_UNIT
    hints = more["hints"]
    return {
        "lines: places taken and given up": writes["put"] + writes["free"],
        "lines: their rows": sum(
            writes[name] for name in ("stand", "hold", "take", "let_go", "take_down")
        ),
        "table: claims": writes["claim"],
        "table: records, each moving the due time": writes["record"],
        "table: due times moved on by the sweeper": writes["postpone"],
        "reads of lines and places": reads,
        "queue: hints": hints * (1 + 2 / BATCH) * SQS_REQUEST,
        "fan-out: invocations": more["claim"] * INVOCATION / BATCH,
    }


def table(found: Mapping[str, float]) -> str:
    """The bill as Markdown."""
    head = ["| more for a week in line | dollars a million |", "|---|---:|"]
    rows = [f"| {name} | {dollars:.2f} |" for name, dollars in found.items()]
    return "\n".join([*head, *rows, f"| **sum** | **{sum(found.values()):.2f}** |"])
