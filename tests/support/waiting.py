"""How long tests wait for what is to come, and how."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

# Seconds. It only bounds what hangs: a claim of a worker that was killed holds for 90 s, and a busy
# machine takes several times as long as an idle one. pytest's own limit is beyond it.
PATIENCE = 300.0
PAUSE = 0.02


def wait_until(
    condition: Callable[[], Found],
    what: Callable[[], object] | str = "it",
    *,
    pause: float = PAUSE,
) -> Found:
    """What the condition returns as soon as that is true; fail if it isn't in all patience.

    `what` should have happened; it is said, or asked for, at the end only.
    """
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > deadline:
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {PATIENCE:g} s: {said}")
        time.sleep(pause)
    return found
