"""The seconds that all calls of one answer may take together, whichever of them hang."""

import time
from typing import Any

# What botocore waits before it tries again for the first time, at most.
LONGEST_BACKOFF = 1.0


class Budget:
    """`seconds` in all, the last `reserved` of them for the service that is asked when others fail.

    Before `begin` there is no limit. For one answer at a time.
    """

    def __init__(self, seconds: float, *, reserved: float, for_service: str) -> None:
        self.seconds = seconds
        self._reserved = reserved
        self._for_service = for_service
        self._ends = float("inf")

    def begin(self) -> None:
        """An answer is begun."""
        self._ends = time.monotonic() + self.seconds

    def left(self, event_name: str) -> float:
        """Seconds that a call may take, by the name of botocore's event: `before-send.sqs.…`."""
        service = event_name.split(".")[1] if "." in event_name else ""
        reserved = 0.0 if service == self._for_service else self._reserved
        return self._ends - time.monotonic() - reserved

    def stops(self, event_name: str = "", **_: Any) -> bool | None:
        """Handle botocore's `needs-retry`: False where there is no time to try again."""
        return False if self.left(event_name) < LONGEST_BACKOFF else None
