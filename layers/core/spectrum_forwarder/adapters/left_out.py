"""What the quarantine could not keep: a count of each cause, where an operator will see it.

Each instance of the receiver has an object of its own, written over once a minute at most; all that
it has lost since it started stands there. Nothing of a request does.
"""

import json
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

from spectrum_forwarder.adapters.failures import FAILURES
from spectrum_forwarder.domain.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

# Under the quarantine's own prefix, so that it is forgotten with what it tells of.
LEFT_OUT = "quarantine/left-out/"
WRITTEN_EVERY = 60.0


class LeftOut:
    """One instance's counts."""

    def __init__(self, client: "S3Client", bucket: str, *, clock: Clock) -> None:
        self._client = client
        self._bucket = bucket
        self._clock = clock
        self._key = LEFT_OUT + os.urandom(8).hex()
        self._counts: Counter[str] = Counter()
        self._first_at: float | None = None
        self._last_at = 0.0
        self._written_at = float("-inf")
        self._unwritten = False

    def add(self, cause: str) -> None:
        """Count one more."""
        self._last_at = self._clock()
        self._first_at = self._first_at or self._last_at
        self._counts[cause] += 1
        self._unwritten = True

    def write(self) -> None:
        """Write the counts down, if that is due; one that fails is done with the next."""
        now = self._clock()
        if not self._unwritten or now - self._written_at < WRITTEN_EVERY:
            return
        self._written_at = now
        told: dict[str, Any] = {
            "first_at": self._first_at,
            "last_at": self._last_at,
            "counts": self._counts,
        }
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=self._key, Body=json.dumps(told).encode()
            )
        except FAILURES:
            return
        self._unwritten = False
