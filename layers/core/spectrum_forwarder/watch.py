"""Watch: tell once a minute which breakers are open and which lines stand, and have these drained.

Workers tell when a breaker opens and closes. That one is open still is told from here, so that an
alarm does not depend on there being something to deliver; and only of destinations that something
would be delivered to, so that it ends where one is removed or paused.
"""

from spectrum_forwarder.domain.destination import Destinations, born_as, keeps_waiting
from spectrum_forwarder.domain.errors import RegistryUnavailable, TableUnavailable
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.line_ports import HealthBoard
from spectrum_forwarder.domain.ports import Clock, EventQueue, Facts
from spectrum_forwarder.domain.worker_ports import DestinationRegistry
from spectrum_forwarder.fanout.lines.call import hint_at


def watch(
    board: HealthBoard,
    destinations: DestinationRegistry,
    queue: EventQueue,
    *,
    clock: Clock,
    facts: Facts,
) -> None:
    """Tell `breaker.open` for each open breaker; `seconds` since its destination's last success.

    And `line.stands` for each line, `seconds` since it began to; one whose way seems open is hinted
    at, so that no other hint to it needs to be reliable.
    """
    try:
        health, lines = board.load(), board.lines()
    except TableUnavailable as error:
        facts("breakers.unread", cause=str(error))
        return
    open_ones = {identity: state for identity, state in health.items() if state.broken}
    # In calm weather the secret is not read.
    if not open_ones and not lines:
        return
    known, now = _known(destinations), clock()
    for identity, state in open_ones.items():
        name = _watched(known, identity)
        if name is not None:
            facts("breaker.open", destination=name, seconds=round(now - state.failing_since))
    for identity, line in lines.items():
        if line.stands:
            name = born_as(identity) if known is None else known.name_of(identity)
            facts("line.stands", destination=name, seconds=round(now - line.since))
        state = health.get(identity, Health())
        closed = state.holds_back(now)
        paused = known is not None and keeps_waiting(known, identity)
        goes_on = max(line.held_until, line.next_at) <= now
        if goes_on and not closed and not paused:
            hint_at(queue, identity, facts)


def _known(destinations: DestinationRegistry) -> Destinations | None:
    """The destinations; None where nobody knows, and any may be."""
    try:
        return destinations.load()
    except RegistryUnavailable:
        return None  # told where it was read


def _watched(known: Destinations | None, identity: str) -> str | None:
    """What it is called, if anything would be delivered to it: configured and enabled."""
    if known is None:
        return born_as(identity)
    destination = known.usable.get(identity)
    return destination.name if destination is not None and destination.enabled else None
