"""How long everything waits, in one place, and scaled together for the local stack."""

from typing import NamedTuple

# A record that is kept comes again after so many seconds, an eighth later each time, and after so
# many at the latest.
COMES_AGAIN, LATER, LATEST = 5.0, 1.125, 360.0
# A claim outlasts the fan-out function's timeout (60 s in the template; a test holds it).
CLAIM = 75.0
# An event that was hinted at again is looked at again within so long.
LONGEST_LOOK = 600.0
# So long overdue, an event is hinted at as soon as any hint lacks, and so long in any case: nothing
# that stands in a queue, and is worth nothing, may hide for ever that its hint is lost.
HINT_OLD, HINT_LOST = 1800.0, 86_400.0
# A sweep in which a service failed is made again after so long.
SWEEP_AGAIN = 12.0
# Hints can be delayed at most this long by SQS; what is due later is left to the sweeper.
LONGEST_HINT_DELAY = 900.0
# Even a local queue needs so long, however time is scaled.
SHORTEST_CLAIM = 5.0
# What stands in a line is looked at after so long all the same, and never more seldom than that.
NET, LONGEST_NET = 86_400.0, 7 * 86_400.0
# A line found empty stays known for so long: longer than any worker's copy of the board may be old
# and its invocation last. Not scaled: both are not.
FORGOTTEN_AFTER = 90.0
# Copies of the registry are no older than this, unless it cannot be read; clocks differ by less.
DOUBT = 30.0
# An answer comes this much after the attempt's own time limit at the latest.
SETTLING = 5.0


class Timing(NamedTuple):
    """Durations in seconds. `scale` shortens all of them but those that wait on real networks."""

    scale: float = 1.0

    def claim(self, longest_attempt: float = 0.0) -> float:
        """How long a claim holds, given the longest time limit of an attempt under it."""
        return max(CLAIM * self.scale, SHORTEST_CLAIM, longest_attempt + SETTLING)

    @property
    def hint_slack(self) -> float:
        """How late a hint may be before its event is overdue; the same for all that are hinted at.

        So the sweeper knows when the events are due whose hints stand in the queues.
        """
        return self.claim()

    def look_again(self, overdue: float) -> float:
        """When to look again at an event that gets another hint after being overdue for so long.

        After as long again, so that what stays overdue, whoever looks at it, is looked at seldom;
        but soon enough for its hint to be missed, should all be lost.
        """
        longest = max(LONGEST_LOOK * self.scale, 2 * SHORTEST_CLAIM)
        return max(self.hint_slack, min(overdue, longest))

    @property
    def hint_old(self) -> float:
        """For how long an event may be overdue for the reason that its hint may still stand."""
        return max(HINT_OLD * self.scale, 2 * SHORTEST_CLAIM)

    @property
    def hint_lost(self) -> float:
        """For how long an event may be overdue without another hint, whatever stands."""
        return max(HINT_LOST * self.scale, 20 * SHORTEST_CLAIM)

    @property
    def sweep_again(self) -> float:
        """When to sweep again after a sweep in which a service of ours failed."""
        return max(SWEEP_AGAIN * self.scale, 1.0)

    def comes_again(self, receives: int) -> float:
        """When a record that was received so often, and kept, is to be received again.

        All in all it has waited for eight times as long by then: so a failure of ours, be it short
        or long, delays by an eighth of itself, and each receive counts against the redrive policy.
        """
        # No power of a number that somebody else counts.
        times = min(receives - 1, 100)
        return max(1.0, min(COMES_AGAIN * LATER**times, LATEST) * self.scale)

    @property
    def longest_hint_delay(self) -> float:
        """How far ahead a hint can be sent."""
        return LONGEST_HINT_DELAY * min(self.scale, 1.0)

    def patience(self, age: float) -> float:
        """How long what has waited for so long may wait on: a quarter, and at most an hour.

        Growing with age keeps a long wait cheap, and ends it late by a quarter at most.
        """
        return min(age / 4, 3600.0 * self.scale)

    def net(self, stood: float) -> float:
        """When to look again at a delivery that has stood in a line for so long.

        After a day at first, then once a week: whoever opens the way has the line drained, and
        this only catches what that may miss. Each look costs more than standing there does.
        """
        return (NET if stood < NET * self.scale / 2 else LONGEST_NET) * self.scale

    def turn(self, stood: float) -> float:
        """When to look again at a delivery that has waited for its turn for so long.

        After as long again: it is called when its turn comes, and this only catches what that
        misses.
        """
        return min(max(2 * self.hint_slack, stood), NET * self.scale)

    @property
    def doubt(self) -> float:
        """How long a delivery waits whose destination is missing from a copy of the registry."""
        return DOUBT * self.scale

    def hold(self, age: float) -> float:
        """How long a delivery of that age waits for an operator: a minute at first, later more."""
        return max(60.0 * self.scale, self.patience(age))
