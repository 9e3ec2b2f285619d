"""A sender that answers from a script."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.outbound import Attempt


@dataclass
class MemorySender:
    """The `Sender` port: answers from a script by destination, 200 where none is left.

    Some events may be refused always.
    """

    script: dict[str, list[Answer]] = field(default_factory=dict)
    sent: list[Attempt] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)

    def send(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Answer]]:
        for attempt in attempts:
            self.sent.append(attempt)
            if attempt.event_key in self.refuses:
                yield attempt, Answer(status=500, seconds=0.01)
                continue
            answers = self.script.get(attempt.destination, [])
            yield attempt, answers.pop(0) if answers else Answer(status=200, seconds=0.01)
