"""What all senders have in common: attempts are begun as they come, and answered in any order.

Owns the loop between whoever makes attempts and those who carry them out, in threads of their own.
"""

from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Protocol

from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.outbound import Attempt

# How often it is looked whether an attempt has had its time.
TICK_SECONDS = 0.1

Outcome = tuple[Attempt, Answer]
# An error among them is ours: it is raised where it can be seen.
Outcomes = SimpleQueue[Outcome | BaseException]


class Sending(Protocol):
    """The attempts of one call of `send` that one sender carries out; each gets an outcome."""

    def begin(self, attempt: Attempt) -> None:
        """Begin it as soon as there is room, without waiting here."""

    def complete(self) -> None:
        """Hear that no more attempts will come."""

    def look(self) -> None:
        """Give up what has had its time; called every tick."""

    def stop(self) -> None:
        """Break off what is under way, and let go of everything."""


class Carrier(Protocol):
    """Carries attempts out; the seam behind a `Sender`."""

    def open(self, outcomes: Outcomes) -> Sending:
        """Take attempts, and put each one's outcome as it comes."""


def send(attempts: Iterable[Attempt], choose: Callable[[Attempt], Carrier]) -> Iterator[Outcome]:
    """Give each attempt to its carrier as it comes, then yield all outcomes as they come.

    The attempts are made meanwhile: what takes long to make holds up none that came before it.
    """
    outcomes: Outcomes = SimpleQueue()
    sendings: dict[Carrier, Sending] = {}
    expected = 0
    try:
        for attempt in attempts:
            carrier = choose(attempt)
            if carrier not in sendings:
                sendings[carrier] = carrier.open(outcomes)
            sendings[carrier].begin(attempt)
            expected += 1
        for sending in sendings.values():
            sending.complete()
        while expected:
            try:
                outcome = outcomes.get(timeout=TICK_SECONDS)
            except Empty:
                for sending in sendings.values():
                    sending.look()
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            expected -= 1
            yield outcome
    finally:
        for sending in sendings.values():
            sending.stop()
