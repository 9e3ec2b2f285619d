"""The quarantine in S3: a bounded number of objects an hour, whoever many instances write them.

An object's name is its hour and one of a thousand slots, chosen by the request: that bounds the
number without a counter that all instances would have to share. Nothing is ever written over: the
first one stays, and one that finds its slot taken tries another one, once.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from spectrum_forwarder.adapters.aws import FAILURES, failure_code
from spectrum_forwarder.domain.errors import PayloadsUnavailable
from spectrum_forwarder.domain.ports import Clock
from spectrum_forwarder.domain.quarantine import Suspect

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

PREFIX = "quarantine/"
SLOTS = 1000
# What one instance tries in an hour, at most.
MOST_TRIES = 1000
# Seconds after a failure in which nothing is kept: a sender must not wait for each of many.
PAUSE_AFTER_FAILURE = 10.0
# Seconds within which the first try must have ended, lest a second one make the answer late.
SECOND_TRY_WITHIN = 0.5
# Codes that say that a conditional write or delete found something else than it wanted.
OTHERWISE = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class S3Quarantine:
    """The `Quarantine` port."""

    def __init__(
        self,
        client: "S3Client",
        bucket: str,
        *,
        clock: Clock,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._clock = clock
        self._elapsed = elapsed
        self._hour = ""
        self._tried: set[str] = set()
        self._paused_until = float("-inf")

    def keep(self, suspect: Suspect) -> str | None:
        """See the port. Two writes at most, and the second one only if the first was quick."""
        hour, digest = hour_of(suspect.received_at), suspect.digest
        if not self._admits(hour, digest):
            return None
        began = self._elapsed()
        for slot in _slots(digest):
            if self._write(f"{hour}/{slot}", suspect):
                return f"{hour}/{slot}"
            if self._elapsed() - began > SECOND_TRY_WITHIN:
                break
        return None

    def _admits(self, hour: str, digest: str) -> bool:
        if hour != self._hour:
            self._hour, self._tried = hour, set()
        full = digest in self._tried or len(self._tried) >= MOST_TRIES
        if full or self._clock() < self._paused_until:
            return False
        self._tried.add(digest)
        return True

    def _write(self, suspect_id: str, suspect: Suspect) -> bool:
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=PREFIX + suspect_id, Body=encode(suspect), IfNoneMatch="*"
            )
        except FAILURES as error:
            code = failure_code(error)
            if code in OTHERWISE:
                return False
            self._paused_until = self._clock() + PAUSE_AFTER_FAILURE
            raise PayloadsUnavailable(f"put_object: {code}") from error
        return True


def encode(suspect: Suspect) -> bytes:
    """One line of JSON, then the body as it came."""
    head = {
        "received_at": suspect.received_at,
        "code": suspect.code,
        "headers": dict(suspect.headers),
    }
    return json.dumps(head).encode() + b"\n" + suspect.body


def hour_of(moment: float) -> str:
    """What the names of all that came in that hour begin with."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H")


def _slots(digest: str) -> list[str]:
    """The two slots that a request may take."""
    first, second = int(digest[:8], 16) % SLOTS, int(digest[8:16], 16) % (SLOTS - 1)
    return [f"{slot:03d}" for slot in (first, (first + 1 + second) % SLOTS)]
