"""A destination's health, shared by all workers: its breaker, and whether it answers quickly.

A breaker opens when a destination has failed for a while without one success; then its deliveries
wait without using up attempts, and one worker at a time sends a probe. A destination that answers
slowly, or has not yet shown that it doesn't, is served in the slow lane, where it can hold up only
its like.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.timing import Timing

# Both must be passed. The time is not scaled: a burst that is refused once or twice is no outage.
FAILURES_BEFORE_OPENING = 10
FAILING_BEFORE_OPENING = 120.0
FIRST_COOL_DOWN = 30.0
# Shorter than the sweeper's minute, in which a line's first is led to its probe: an outage ends for
# all who wait within a minute of its end.
LONGEST_COOL_DOWN = 50.0
# Slow above the one, quick again below the other: no flapping in between.
SLOW_ABOVE = 1.0
QUICK_BELOW = 0.5


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a destination. The default is that of one never attempted.

    `failing_since` (Unix seconds) and `failures` count since the last success, `open_until` is the
    end of the breaker's cool-down (0: closed), `trips` how often it opened in a row.
    """

    failures: int = 0
    failing_since: float = 0.0
    open_until: float = 0.0
    trips: int = 0
    quick: bool = False

    @property
    def broken(self) -> bool:
        """Whether the breaker is open, or waits for a probe."""
        return self.trips > 0

    def may_be_probed(self, now: float) -> bool:
        """Whether the cool-down is over."""
        return self.broken and now >= self.open_until

    def holds_back(self, now: float) -> bool:
        """Whether the open breaker keeps deliveries waiting."""
        return self.broken and not self.may_be_probed(now)

    def probing(self, now: float, timing: Timing) -> "Health":
        """The health while one worker probes: the others wait for another cool-down."""
        return replace(self, open_until=now + self._cool_down(timing))

    def after(self, answers: Sequence[Answer], now: float, timing: Timing) -> "Health":
        """The health after the answers of one invocation, in the order they came."""
        health = replace(self, quick=_is_quick(answers, self.quick))
        if any(answer.succeeded for answer in answers):
            return Health(quick=health.quick)
        health = replace(
            health,
            failures=self.failures + len(answers),
            failing_since=self.failing_since or now,
        )
        lasting = now - health.failing_since >= FAILING_BEFORE_OPENING
        if self.broken or (health.failures >= FAILURES_BEFORE_OPENING and lasting):
            return replace(health, trips=self.trips + 1, open_until=now + self._cool_down(timing))
        return health

    def _cool_down(self, timing: Timing) -> float:
        return (LONGEST_COOL_DOWN if self.broken else FIRST_COOL_DOWN) * timing.scale


def _is_quick(answers: Sequence[Answer], was_quick: bool) -> bool:
    slowest = max(answer.seconds for answer in answers)
    if slowest > SLOW_ABOVE:
        return False
    return was_quick or slowest < QUICK_BELOW
