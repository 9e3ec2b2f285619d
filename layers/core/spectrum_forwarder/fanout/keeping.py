"""Keeping: the queue records that are not done with, because something of ours failed."""

import contextlib
import traceback

from spectrum_forwarder.domain.errors import ForwarderError, Unavailable
from spectrum_forwarder.domain.ports import Clock, EventQueue, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import QueueRecord


class Keeping:
    """One invocation's. They come again soon: whole events are nowhere else, and hints would hide
    that they lack.
    """

    def __init__(self, queue: EventQueue, clock: Clock, facts: Facts, timing: Timing) -> None:
        self._queue = queue
        self._clock = clock
        self._facts = facts
        self._timing = timing
        # With each, until when its event is claimed: before, it would be looked at in vain.
        self.kept: list[tuple[QueueRecord, float]] = []
        # The lines in which somebody could not be led, with the same.
        self._failed_in: dict[str, float] = {}

    def keep(self, record: QueueRecord, cause: Exception, *, until: float = 0.0) -> None:
        """Have the record come again, not before `until` (Unix seconds), where its claim ends.

        What stands in a line comes again with that.
        """
        if record.place is None:
            self.kept.append((record, until))
        else:
            line = record.drains or ""
            self._failed_in[line] = max(until, self._failed_in.get(line, until))
        self._facts("record.kept", event_key=record.event_key, cause=_described(cause))

    def keep_with(self, line: str, record: QueueRecord) -> None:
        """Have a hint at a line come again if somebody who stands there could not be led."""
        until = self._failed_in.pop(line, None)
        if until is not None:
            self.kept.append((record, until))

    def show_again(self, *, deadline: float) -> list[str]:
        """Have them shown again long before the queue would; return their ids."""
        now = self._clock()
        if self.kept and now < deadline:
            # Else, and if this fails too, the queue shows them after its visibility timeout.
            with contextlib.suppress(Unavailable):
                self._queue.show_again(
                    [
                        (record, max(self._timing.comes_again(record.receives), until - now))
                        for record, until in self.kept
                    ]
                )
        return [record.id for record, _ in self.kept]


def _described(error: Exception) -> str:
    """What an error of ours says; of any other, which may quote a body, its kind and place."""
    if isinstance(error, ForwarderError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {frames[-1].name}" if frames else type(error).__name__
