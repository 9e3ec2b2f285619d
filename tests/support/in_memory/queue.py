"""Both lanes of the queue in memory; bodies are those of the real ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from spectrum_forwarder.adapters.event_queue import encode_event, encode_hint, read_record
from spectrum_forwarder.domain.ports import Depth, StoredEvent
from spectrum_forwarder.domain.worker_ports import QueueRecord

from tests.support.in_memory.clock import ManualClock


@dataclass
class Queued:
    """One record in a memory queue; visible from `at` on, which a receive moves.

    Until `delayed_until` it is delayed, as it was sent.
    """

    id: str
    body: str
    slow: bool
    at: float
    delayed_until: float = 0.0
    receives: int = 0

    def read(self) -> QueueRecord:
        """What a receive gives."""
        self.receives += 1
        attributes = {"ApproximateReceiveCount": str(self.receives)}
        return read_record(
            {
                "messageId": self.id,
                "receiptHandle": self.id,
                "body": self.body,
                "attributes": attributes,
            }
        )


class MemoryQueue:
    """The `EventQueue` port; bodies are those of the real queue."""

    def __init__(self, clock: ManualClock) -> None:
        self.queued: list[Queued] = []
        self._clock = clock
        self._sent = 0

    def send_hint(self, event_key: str, *, delay: float = 0.0, slow: bool = False) -> None:
        self._put(encode_hint(event_key, slow=slow), delay, slow)

    def send_hints(self, event_keys: Sequence[str]) -> Sequence[str]:
        for event_key in event_keys:
            self.send_hint(event_key)
        return []

    def show_again(self, records: Sequence[tuple[QueueRecord, float]]) -> None:
        seconds = {record.receipt: seconds for record, seconds in records}
        for queued in self.queued:
            if queued.id in seconds:
                queued.at = self._clock() + seconds[queued.id]

    def depth(self) -> Depth:
        standing = [q.slow for q in self.queued if q.delayed_until <= self._clock()]
        return Depth(standing.count(False), standing.count(True))

    def send_event(self, stored: StoredEvent) -> None:
        self._put(encode_event(stored), 0.0, slow=False)

    @property
    def sent(self) -> int:
        """How many records were ever sent."""
        return self._sent

    def visible(self) -> list[Queued]:
        """What a consumer would get now, oldest first."""
        return [queued for queued in self.queued if queued.at <= self._clock()]

    def _put(self, body: str, delay: float, slow: bool) -> None:
        self._sent += 1
        at = self._clock() + delay
        self.queued.append(Queued(f"record-{self._sent}", body, slow, at, delayed_until=at))
