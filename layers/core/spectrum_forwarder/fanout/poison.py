"""Poison: an event under which workers keep ending is handled alone, and at last given up."""

from dataclasses import dataclass

from spectrum_forwarder.domain.delivery import Status, settled
from spectrum_forwarder.domain.errors import Unavailable
from spectrum_forwarder.domain.worker_ports import EventTable
from spectrum_forwarder.fanout.claims import Claims
from spectrum_forwarder.fanout.judge import Outcome
from spectrum_forwarder.fanout.keeping import Keeping
from spectrum_forwarder.fanout.take import Taken

# Claims without a record from which on an event is handled alone.
SUSPECT_CLAIMS = 2
# Tries alone after which it is given up.
POISON_STRIKES = 3


def is_suspect(taken: Taken) -> bool:
    """Whether several workers have ended under it."""
    return taken.claimed.claims >= SUSPECT_CLAIMS


def given_up(taken: Taken, reason: str) -> Outcome:
    """The outcome that dead-letters whatever the event still owes."""
    return Outcome(
        taken,
        {
            identity: delivery
            if delivery.settled
            else settled(delivery, Status.DEAD_LETTERED, reason)
            for identity, delivery in taken.deliveries.items()
        },
    )


@dataclass(frozen=True, slots=True)
class Strikes:
    """Counts the tries alone."""

    table: EventTable
    claims: Claims
    keeping: Keeping

    def count(self, taken: Taken) -> int | None:
        """Count one more; None where that fails, and the event is left for later."""
        try:
            return self.table.strike(taken.claimed.event_key, owner=taken.claimed.owner)
        except Unavailable as error:
            # It may have been counted all the same, and nobody has died.
            held_until = self.claims.release(taken.claimed)
            self.keeping.keep(taken.record, error, until=held_until)
            return None
