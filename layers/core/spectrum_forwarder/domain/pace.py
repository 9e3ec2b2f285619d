"""Pace: how soon a line's next one may go, and what an answer says of going too soon."""

from dataclasses import dataclass
from itertools import takewhile

from spectrum_forwarder.domain.delivery import Answer, Delivery
from spectrum_forwarder.domain.retry import LONGEST_RETRY_AFTER

# Of a destination's rate so much is used: the rest is room for what comes closer together on its
# way than it left. What was not used for so long (seconds) may be caught up with.
USED, CAUGHT_UP = 0.95, 0.02
# A destination that is asked too much, and does not say until when, is left alone for so long.
REST = 1.0
# Refused for that so often in a row, it may be the event.
MOST_REFUSALS = 3
TOO_MANY, UNAVAILABLE = 429, 503


@dataclass(slots=True)
class Pace:
    """The times at which attempts may begin: `rate` a second (None: any), not before `next_at`."""

    rate: float | None
    next_at: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next one may begin."""
        return max(0.0, self.next_at - now)

    def begin(self, now: float) -> float:
        """Give one its time, which may be over already, and return it."""
        at = max(self.next_at, now - CAUGHT_UP)
        if self.rate is not None:
            self.next_at = at + 1 / (USED * self.rate)
        return at

    def rest(self, until: float) -> None:
        """None begins before then."""
        self.next_at = max(self.next_at, until)


def rest_asked_for(answer: Answer) -> float | None:
    """For how long (seconds, an hour at most) the destination wants nothing, if it says so."""
    if answer.status == TOO_MANY or (answer.status == UNAVAILABLE and answer.retry_after):
        return min(answer.retry_after or REST, LONGEST_RETRY_AFTER)
    return None


def came_too_soon(answer: Answer, delivery: Delivery) -> bool:
    """Whether a refusal is the pace's fault and no attempt of the delivery's own.

    One that is refused so time and again may be refused for itself: it counts, or it would hold up
    its line for ever.
    """
    if rest_asked_for(answer) is None:
        return False
    same = takewhile(lambda past: past.answer == str(answer), reversed(delivery.history))
    return sum(1 for _ in same) < MOST_REFUSALS
