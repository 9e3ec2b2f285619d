"""Watch: tell once a minute which breakers are open, and since when their destinations have failed.

Workers tell when a breaker opens and closes. That one is open still is told from here, so that an
alarm does not depend on there being something to deliver.
"""

from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.ports import Clock, Facts
from spectrum_forwarder.domain.worker_ports import HealthBoard


def watch(board: HealthBoard, *, clock: Clock, facts: Facts) -> None:
    """Tell `breaker.open` for each open breaker; `seconds` since its destination's last success."""
    try:
        health = board.load()
    except TableUnavailable as error:
        facts("breakers.unread", cause=str(error))
        return
    for destination, state in health.items():
        if state.broken:
            seconds = round(clock() - state.failing_since)
            facts("breaker.open", destination=destination, seconds=seconds)
