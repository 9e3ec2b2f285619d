"""The quarantine in S3: a bounded number of objects an hour, whoever many instances write them.

An object's name is its hour and one of ten thousand slots, chosen by the request: that bounds the
number without a counter that all instances would have to share. Nothing is ever written over: the
first one stays, and one that finds its slot taken tries some others. What is not kept is counted.
"""

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from spectrum_forwarder.adapters.failures import FAILURES, failure_code
from spectrum_forwarder.adapters.left_out import LeftOut
from spectrum_forwarder.domain.errors import PayloadsUnavailable, QuarantineFull
from spectrum_forwarder.domain.ports import Clock
from spectrum_forwarder.domain.quarantine import Suspect, hour_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

PREFIX = "quarantine/"
SLOTS = 10_000
SLOTS_TRIED = 4
# What one instance tries in an hour, at most.
MOST_TRIES = 10_000
# Seconds after a failure in which nothing is kept: a sender must not wait for each of many.
PAUSE_AFTER_FAILURE = 10.0
# Seconds within which a write must have ended for another one to follow: the sender waits.
QUICK = 0.5
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
        self._left_out = LeftOut(client, bucket, clock=clock)
        self._hour = ""
        self._kept: set[str] = set()
        self._tries = 0
        self._paused_until = float("-inf")

    def keep(self, suspect: Suspect) -> str | None:
        """See the port. Another write only follows where those before it were quick."""
        began = self._elapsed()
        try:
            return self._keep(suspect, began)
        except QuarantineFull:
            self._left_out.add("full")
            raise
        except PayloadsUnavailable:
            self._left_out.add("failed")
            raise
        finally:
            if self._is_quick(began) and self._clock() >= self._paused_until:
                self._left_out.write()

    def _keep(self, suspect: Suspect, began: float) -> str | None:
        hour, digest = hour_of(suspect.received_at), suspect.digest
        if hour != self._hour:
            self._hour, self._kept, self._tries = hour, set(), 0
        if digest in self._kept:
            return None
        if self._tries >= MOST_TRIES:
            raise QuarantineFull("this instance has tried as many in this hour as it may")
        if self._clock() < self._paused_until:
            raise PayloadsUnavailable("put_object has just failed, and is not tried for seconds")
        self._tries += 1
        for slot in _slots(digest):
            if self._write(f"{hour}/{slot}", suspect):
                self._kept.add(digest)
                return f"{hour}/{slot}"
            if not self._is_quick(began):
                raise PayloadsUnavailable("put_object was too slow to be tried again")
        raise QuarantineFull("its places in this hour are taken")

    def _is_quick(self, began: float) -> bool:
        return self._elapsed() - began <= QUICK

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


def _slots(digest: str) -> list[str]:
    """The slots that a request may take, the first one first."""
    numbers = [int(digest[start : start + 8], 16) % SLOTS for start in range(0, 8 * SLOTS_TRIED, 8)]
    return [f"{slot:04d}" for slot in dict.fromkeys(numbers)]
