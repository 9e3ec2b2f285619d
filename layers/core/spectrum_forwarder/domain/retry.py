"""When a failed delivery is attempted again."""

import random

from spectrum_forwarder.domain.timing import Timing

MINUTE, HOUR = 60.0, 3600.0
# The wait after the first, second, … failed attempt; the last one repeats.
DELAYS = (
    *(5.0, 30.0, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE),
    *(1 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR),
)
DEFAULT_MAX_ATTEMPTS = len(DELAYS) + 1
JITTER = 0.2
LONGEST_RETRY_AFTER = 1 * HOUR


def retry_delay(
    attempts: int, retry_after: float | None, timing: Timing, rng: random.Random
) -> float:
    """Seconds to wait after the failed attempt number `attempts` (counted from 1).

    A destination's `Retry-After` (seconds) is honoured up to an hour where it asks for more.
    """
    delay = DELAYS[min(attempts, len(DELAYS)) - 1] * rng.uniform(1 - JITTER, 1 + JITTER)
    asked = min(retry_after or 0.0, LONGEST_RETRY_AFTER)
    return max(delay, asked) * timing.scale
