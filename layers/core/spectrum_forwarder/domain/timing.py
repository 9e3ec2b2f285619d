"""How long everything waits, in one place, and scaled together for the local stack."""

from dataclasses import dataclass

# A claim outlasts the fan-out function's timeout (60 s in the template; a test holds it).
CLAIM = 75.0
# Overdue events are queued again this long after they were last queued: a backlog must be able to
# drain meanwhile, or each sweep would add a copy of it.
BACKLOG = 600.0
# Hints can be delayed at most this long by SQS; what is due later is left to the sweeper.
LONGEST_HINT_DELAY = 900.0
# Even a local queue needs so long, however time is scaled.
SHORTEST_CLAIM = 5.0
# An answer comes this much after the attempt's own time limit at the latest.
SETTLING = 5.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations in seconds. `scale` shortens all of them but those that wait on real networks."""

    scale: float = 1.0

    def claim(self, longest_attempt: float = 0.0) -> float:
        """How long a claim holds, given the longest time limit of an attempt under it."""
        return max(CLAIM * self.scale, SHORTEST_CLAIM, longest_attempt + SETTLING)

    @property
    def backlog(self) -> float:
        """After which an event that was queued and not yet looked at is queued again."""
        return max(BACKLOG * self.scale, 2 * SHORTEST_CLAIM)

    def hint_slack(self, *, slow: bool) -> float:
        """How late a hint may be before the sweeper repeats it: the slow lane may have a queue."""
        return self.backlog if slow else self.claim()

    @property
    def longest_hint_delay(self) -> float:
        """How far ahead a hint can be sent."""
        return LONGEST_HINT_DELAY * min(self.scale, 1.0)

    def patience(self, age: float) -> float:
        """How long what has waited for so long may wait on: a quarter, and at most an hour.

        Growing with age keeps a long wait cheap, and ends it late by a quarter at most.
        """
        return min(age / 4, 3600.0 * self.scale)

    def hold(self, age: float) -> float:
        """How long a delivery of that age waits for an operator: a minute at first, later more."""
        return max(60.0 * self.scale, self.patience(age))
