"""A sender whose attempts take their answers' time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer
from spectrum_forwarder.domain.outbound import Attempt

from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.sender import MemorySender


@dataclass
class TimedSender(MemorySender):
    """A sender whose attempts take their answers' time, and that begins none too late.

    It is busy until `not_before`; `meanwhile` happens while attempts are on their way.
    """

    clock: ManualClock = field(default_factory=ManualClock)
    not_before: float = 0.0
    meanwhile: Callable[[], object] = lambda: None

    def send(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Answer]]:
        began = ended = self.clock.now = max(self.clock(), self.not_before)
        answered = []
        for attempt in attempts:
            if began > attempt.begin_by:
                answered.append((attempt, NOT_STARTED))
                continue
            answered += list(super().send([attempt]))
        self.meanwhile()
        for attempt, answer in sorted(answered, key=lambda pair: pair[1].seconds):
            ended = max(ended, began + answer.seconds)
            self.clock.now = ended
            yield attempt, answer
