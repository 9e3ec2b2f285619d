"""Watch: tell once a minute which breakers are open, and since when their destinations have failed.

Workers tell when a breaker opens and closes. That one is open still is told from here, so that an
alarm does not depend on there being something to deliver; and only of destinations that something
would be delivered to, so that it ends where one is removed or paused.
"""

from collections.abc import Mapping

from spectrum_forwarder.domain.destination import born_as
from spectrum_forwarder.domain.errors import RegistryUnavailable, TableUnavailable
from spectrum_forwarder.domain.ports import Clock, Facts
from spectrum_forwarder.domain.worker_ports import DestinationRegistry, HealthBoard


def watch(
    board: HealthBoard, destinations: DestinationRegistry, *, clock: Clock, facts: Facts
) -> None:
    """Tell `breaker.open` for each open breaker; `seconds` since its destination's last success."""
    try:
        health = board.load()
    except TableUnavailable as error:
        facts("breakers.unread", cause=str(error))
        return
    open_ones = {identity: state for identity, state in health.items() if state.broken}
    # In calm weather the secret is not read.
    if not open_ones:
        return
    watched = _watched(destinations)
    for identity, state in open_ones.items():
        name = born_as(identity) if watched is None else watched.get(identity)
        if name is not None:
            seconds = round(clock() - state.failing_since)
            facts("breaker.open", destination=name, seconds=seconds)


def _watched(destinations: DestinationRegistry) -> Mapping[str, str] | None:
    """The names of the destinations that are configured and enabled, by identity; None where nobody
    knows, and any may be.
    """
    try:
        usable = destinations.load().usable
    except RegistryUnavailable:
        return None  # told where it was read
    return {identity: known.name for identity, known in usable.items() if known.enabled}
