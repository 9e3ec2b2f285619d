"""The quarantine in S3: a bounded number of objects an hour, whoever many instances write them.

An object's name is its hour and one of a thousand slots, chosen by the request: that bounds the
number without a counter that all instances would have to share. Nothing is ever written over: the
first one stays, and one that finds its slot taken tries another one, once.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spectrum_forwarder.adapters.aws import FAILURES, failure_code
from spectrum_forwarder.domain.errors import InvalidEntry, PayloadsUnavailable
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
READ_AT_ONCE = 16
# Codes that say that a conditional write or delete found something else than it wanted.
OTHERWISE = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
GONE = ("NoSuchKey", "404")


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
        hour, digest = _hour(suspect.received_at), suspect.digest
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


@dataclass(frozen=True, slots=True)
class Kept:
    """What the list of objects says of a suspect: its id, and the size of its object in bytes."""

    id: str
    size: int


class S3QuarantineShelf:
    """The `QuarantineShelf` port, and the list of what is kept. Safe to use from threads."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def pages(self, *, since: float | None = None) -> Iterator[list[Kept]]:
        """What was received in the hour of `since` (Unix seconds) or later, oldest hour first."""
        more: dict[str, Any] = {"StartAfter": PREFIX + _hour(since)} if since is not None else {}
        while True:
            page = self._call(
                self._client.list_objects_v2, Bucket=self._bucket, Prefix=PREFIX, **more
            )
            yield [
                Kept(found["Key"].removeprefix(PREFIX), found["Size"])
                for found in page.get("Contents", [])
            ]
            if not page.get("NextContinuationToken"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def get(self, suspect_id: str) -> Suspect | None:
        """See the port; raise InvalidEntry for an object that is no suspect."""
        found = self._read(suspect_id)
        return None if found is None else decode(found[0])

    def get_all(self, suspect_ids: Sequence[str]) -> Iterator[tuple[str, Suspect | None]]:
        """Each id with its suspect, in order; what cannot be read counts as gone."""
        with ThreadPoolExecutor(READ_AT_ONCE) as threads:
            yield from zip(suspect_ids, threads.map(self._get_or_none, suspect_ids), strict=True)

    def remove(self, suspect_id: str, suspect: Suspect) -> None:
        """See the port."""
        found = self._read(suspect_id)
        if found is None or found[0] != encode(suspect):
            return
        try:
            self._client.delete_object(
                Bucket=self._bucket, Key=PREFIX + suspect_id, IfMatch=found[1]
            )
        except FAILURES as error:
            code = failure_code(error)
            if code not in OTHERWISE and code not in GONE:
                raise PayloadsUnavailable(f"delete_object: {code}") from error

    def _get_or_none(self, suspect_id: str) -> Suspect | None:
        try:
            return self.get(suspect_id)
        except InvalidEntry:
            return None

    def _read(self, suspect_id: str) -> tuple[bytes, str] | None:
        """An object's bytes and its tag, None where it is gone."""
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=PREFIX + suspect_id)
            return found["Body"].read(), found["ETag"]
        except FAILURES as error:
            code = failure_code(error)
            if code in GONE:
                return None
            raise PayloadsUnavailable(f"get_object: {code}") from error

    def _call(self, operation: Any, **arguments: Any) -> Any:
        try:
            return operation(**arguments)
        except FAILURES as error:
            raise PayloadsUnavailable(f"{operation.__name__}: {failure_code(error)}") from error


def encode(suspect: Suspect) -> bytes:
    """One line of JSON, then the body as it came."""
    head = {
        "received_at": suspect.received_at,
        "code": suspect.code,
        "headers": dict(suspect.headers),
    }
    return json.dumps(head).encode() + b"\n" + suspect.body


def decode(content: bytes) -> Suspect:
    """Undo `encode`; raise InvalidEntry."""
    line, _, body = content.partition(b"\n")
    try:
        head = json.loads(line)
        headers = {name: str(value) for name, value in head["headers"].items()}
        return Suspect(float(head["received_at"]), str(head["code"]), headers, body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidEntry("an object in the quarantine is no refused request") from error


def _hour(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H")


def _slots(digest: str) -> list[str]:
    """The two slots that a request may take."""
    first, second = int(digest[:8], 16) % SLOTS, int(digest[8:16], 16) % (SLOTS - 1)
    return [f"{slot:03d}" for slot in (first, (first + 1 + second) % SLOTS)]
