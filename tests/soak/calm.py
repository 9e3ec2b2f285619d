"""The healthy destination's lag by minutes, and whether it is small again after disturbances."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.soak.accounts import Accounts
from tests.soak.places import HEALTHY

MINUTE = 60.0
# Seconds of lag that nine of ten events keep within, once it is calm again.
CALM_LAG = 1.0
# What did not come at all.
NEVER = float("inf")
# Fewer events than this say nothing.
LEAST = 5


@dataclass
class Disturbance:
    """What was done to the stack, and from when to when (Unix seconds)."""

    what: str
    began: float
    ended: float


@dataclass
class Calm:
    """`recovery` is how long after a disturbance the lag must be small again (seconds)."""

    accounts: Accounts
    began: float
    recovery: float
    disturbances: list[Disturbance] = field(default_factory=list)

    def minute(self, number: int) -> str:
        """How one minute was, the first being 0."""
        since = self.began + number * MINUTE
        lags = self._lags(since, since + MINUTE)
        done = [d.what for d in self.disturbances if d.began < since + MINUTE and d.ended >= since]
        head = f"minute {number + 1:>2}: {len(lags):>4} events"
        if not lags:
            return f"{head}; {', '.join(done)}"
        missing = sum(lag == NEVER for lag in lags)
        return (
            f"{head}, lag p50 {_at(lags, 0.5)}, p90 {_at(lags, 0.9)}, most {_at(lags, 1.0)}"
            + (f", {missing} not there" if missing else "")
            + (f"; {', '.join(done)}" if done else "")
        )

    def late(self, until: float) -> list[str]:
        """Stretches in which it should have been calm and was not."""
        found = []
        for since, end in self.stretches(until):
            lags = self._lags(since, end)
            if len(lags) >= LEAST and lags[int(0.9 * (len(lags) - 1))] > CALM_LAG:
                where = f"{(since - self.began) / 60:.1f} to {(end - self.began) / 60:.1f}"
                found.append(f"minutes {where}: p90 {_at(lags, 0.9)}, most {_at(lags, 1.0)}")
        return found

    def stretches(self, until: float) -> list[tuple[float, float]]:
        """The times in which nothing was disturbed for long enough."""
        found: list[tuple[float, float]] = []
        since = self.began + self.recovery
        for one in [*sorted(self.disturbances, key=lambda d: d.began), None]:
            end = until if one is None else min(one.began, until)
            if end > since:
                found.append((since, end))
            if one is not None:
                since = max(since, one.ended + self.recovery)
        return found

    def _lags(self, since: float, until: float) -> Sequence[float]:
        lags = self.accounts.lags(HEALTHY, since, until)
        return sorted(NEVER if lag is None else lag for lag in lags)


def _at(lags: Sequence[float], share: float) -> str:
    value = lags[int(share * (len(lags) - 1))]
    return "never" if value == NEVER else f"{value:.2f} s"
