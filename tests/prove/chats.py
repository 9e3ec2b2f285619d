"""Conversations at one ordered destination, on one timeline, one of which may fail."""

import statistics
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime

from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.order import Order
from spectrum_forwarder.domain.outbound import Attempt

from tests.prove.lives import EVERY, WARM_UP, Crowd, Life
from tests.support.make import changed

CONVERSATIONS, FAILING = 10, 0
ANSWER = 0.02


def conversation(event_key: str) -> int:
    """They take turns."""
    return number_of(event_key) % CONVERSATIONS


def number_of(event_key: str) -> int:
    return int(event_key.removeprefix("main:m"))


class Agent(Crowd):
    """Takes every event, in whatever order it comes."""

    def _arrive(self, attempt: Attempt) -> Answer:
        self.first_at.setdefault(attempt.event_key, self.timeline())
        return Answer(status=200, seconds=ANSWER)


class Refusing(Agent):
    """Answers 500 to each event of one conversation from the moment that the stack is warm."""

    def _arrive(self, attempt: Attempt) -> Answer:
        now = self.timeline()
        warm = now >= self.timeline.began + WARM_UP * EVERY
        if warm and conversation(attempt.event_key) == FAILING:
            self.refused.append(now)
            return Answer(status=500, seconds=ANSWER)
        return super()._arrive(attempt)


class Chats(Life):
    """An event of each conversation in turn, for so many seconds, at one ordered destination."""

    def __init__(self, agent: type[Agent], *, seconds: float = 300.0) -> None:
        super().__init__(events=int(seconds / EVERY), crowd=agent)
        self.add("agent", order=Order())

    def _said(self, number: int) -> bytes:
        body, at = super()._said(number), datetime.fromtimestamp(self.timeline(), UTC)
        space = {"id": f"space-{number % CONVERSATIONS}"}
        return changed(body, space=space, message={"timestamp": at.isoformat()})

    def medians(self) -> Mapping[int, float]:
        """Seconds from request to arrival at the median, of each conversation that never fails."""
        found = defaultdict[int, list[float]](list)
        for number, seconds in enumerate(self.latencies(), WARM_UP):
            found[number % CONVERSATIONS].append(seconds)
        return {
            space: statistics.median(seconds)
            for space, seconds in found.items()
            if space != FAILING
        }

    @property
    def inversions(self) -> int:
        """How many events arrived after a younger one of their conversation."""
        furthest, found = defaultdict[int, int](int), 0
        for key in sorted(self.sender.first_at, key=self.sender.first_at.__getitem__):
            space, number = conversation(key), number_of(key)
            found += number < furthest[space]
            furthest[space] = max(furthest[space], number)
        return found
