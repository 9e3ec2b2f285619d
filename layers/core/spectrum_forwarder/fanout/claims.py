"""Claims: what becomes of a claimed event that comes to no outcome, or to an unwritable one."""

from collections.abc import Callable
from dataclasses import dataclass

from spectrum_forwarder.domain.delivery import Deliveries
from spectrum_forwarder.domain.errors import Unavailable
from spectrum_forwarder.domain.ports import Clock, Facts, Payloads
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import Claimed, EventTable, Record
from spectrum_forwarder.fanout.fitting import Form, write_fitted

# For how long an event of which nothing can be written down is left alone: at first, and at most.
FIRST_HOLD, LONGEST_HOLD = 120.0, 3600.0


@dataclass(frozen=True, slots=True)
class Claims:
    """Writes under a claim."""

    table: EventTable
    payloads: Payloads
    clock: Clock
    facts: Facts
    timing: Timing

    def prove(self, claimed: Claimed, deliveries: Deliveries) -> bool:
        """Show that what an attempt comes to could be written down; raise TableUnavailable.

        Asked where a claim has ended without a record before: an event of which nothing can be
        recorded would be delivered with each claim. False where another owner holds it by now.
        """
        return self.fit(
            claimed,
            deliveries,
            lambda form: self.table.prove(
                claimed.event_key,
                owner=claimed.owner,
                deliveries=form.deliveries,
                payload=form.payload,
            ),
        )

    def hold(self, claimed: Claimed, cause: Unavailable) -> bool:
        """Keep the event from being claimed for a while, longer each time: nothing can be written.

        The worker has come through it, and says so: this is no poison. False where not even that
        can be written.
        """
        doublings = min(claimed.unrecorded, 10)
        pause = min(FIRST_HOLD * 2**doublings, LONGEST_HOLD) * self.timing.scale
        try:
            self._note_down(claimed, self.clock() + pause, None, None)
        except Unavailable:
            pause = 0.0
        self.facts(
            "outcome.unwritten",
            event_key=claimed.event_key,
            cause=str(cause),
            held_seconds=round(pause),
        )
        return bool(pause)

    def release(self, claimed: Claimed) -> float:
        """End a claim under which nothing could be done, for a fault of ours that is no poison.

        Returns until when it holds all the same (Unix seconds). The queue record is kept and comes
        back then; should it get lost, the sweeper looks later.
        """
        due_at = self.clock() + self.timing.hint_slack
        try:
            record = Record(None, due_at, None)
            self.table.record(claimed.event_key, owner=claimed.owner, record=record)
        except Unavailable:
            try:
                self._note_down(claimed, self.clock(), None, None)
            except Unavailable as error:
                self.facts("claim.unreleased", event_key=claimed.event_key, cause=str(error))
                return claimed.until
        return 0.0

    def note(self, claimed: Claimed, deliveries: Deliveries, cause: Unavailable) -> bool:
        """Note how the deliveries stand, where that cannot be recorded for this cause.

        Returns whether it is written down now.
        """
        now = self.clock()
        try:
            noted = self.fit(
                claimed,
                deliveries,
                lambda form: self._note_down(claimed, now, form.deliveries, form.payload),
            )
        except Unavailable:
            return False
        if noted:
            self.facts("outcome.noted", event_key=claimed.event_key, cause=str(cause))
        return noted

    def fit(self, claimed: Claimed, deliveries: Deliveries, write: Callable[[Form], bool]) -> bool:
        """Write what fits; raise ItemTooLarge and whatever `write` does."""
        return write_fitted(claimed, deliveries, self.payloads, self.facts, write)

    def _note_down(
        self, claimed: Claimed, until: float, deliveries: Deliveries | None, payload: str | None
    ) -> bool:
        return self.table.note(
            claimed.event_key,
            owner=claimed.owner,
            until=until,
            notes=claimed.unrecorded + 1,
            deliveries=deliveries,
            payload=payload,
        )
