"""What is kept in the quarantine, as operators look at it: the functions do not load this."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spectrum_forwarder.adapters.failures import FAILURES, failure_code
from spectrum_forwarder.adapters.left_out import LEFT_OUT
from spectrum_forwarder.adapters.quarantine import OTHERWISE, PREFIX, encode
from spectrum_forwarder.domain.errors import InvalidEntry, PayloadsUnavailable
from spectrum_forwarder.domain.quarantine import Suspect, hour_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

READ_AT_ONCE = 16
GONE = ("NoSuchKey", "404")


@dataclass(frozen=True, slots=True)
class Kept:
    """What the list of objects says of a suspect: its id, and the size of its object in bytes."""

    id: str
    size: int


@dataclass(frozen=True, slots=True)
class Lost:
    """What could not be kept: how many for each cause (`full`, `failed`), and when (Unix seconds).

    About so many: an instance writes its counts down once a minute, and one that failed may be
    there all the same.
    """

    counts: Mapping[str, int]
    first_at: float = 0.0
    last_at: float = 0.0


class S3QuarantineShelf:
    """The `QuarantineShelf` port, and the list of what is kept. Safe to use from threads."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def pages(self, *, since: float | None = None) -> Iterator[list[Kept]]:
        """What was received in the hour of `since` (Unix seconds) or later, oldest hour first."""
        more: dict[str, Any] = {"StartAfter": PREFIX + hour_of(since)} if since is not None else {}
        for page in self._listed(PREFIX, more):
            yield [
                Kept(found["Key"].removeprefix(PREFIX), found["Size"])
                for found in page
                if not found["Key"].startswith(LEFT_OUT)
            ]

    def lost(self, *, since: float) -> Lost:
        """What was not kept, by all instances that lost something after `since` (Unix seconds)."""
        counts: Counter[str] = Counter()
        times: list[float] = []
        for page in self._listed(LEFT_OUT, {}):
            for found in page:
                told = _read_lost(self._read(found["Key"].removeprefix(PREFIX)))
                if told is not None and told.last_at >= since:
                    counts.update(told.counts)
                    times += [told.first_at, told.last_at]
        return Lost(counts, min(times, default=0.0), max(times, default=0.0))

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

    def _listed(self, prefix: str, more: dict[str, Any]) -> Iterator[list[Any]]:
        while True:
            page = self._call(
                self._client.list_objects_v2, Bucket=self._bucket, Prefix=prefix, **more
            )
            yield page.get("Contents", [])
            if not page.get("NextContinuationToken"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _call(self, operation: Any, **arguments: Any) -> Any:
        try:
            return operation(**arguments)
        except FAILURES as error:
            raise PayloadsUnavailable(f"{operation.__name__}: {failure_code(error)}") from error


def _read_lost(found: tuple[bytes, str] | None) -> Lost | None:
    try:
        told = json.loads(found[0]) if found else {}
        counts = {str(cause): int(count) for cause, count in told["counts"].items()}
        return Lost(counts, float(told["first_at"]), float(told["last_at"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def decode(content: bytes) -> Suspect:
    """Undo `encode`; raise InvalidEntry."""
    line, _, body = content.partition(b"\n")
    try:
        head = json.loads(line)
        headers = {name: str(value) for name, value in head["headers"].items()}
        return Suspect(float(head["received_at"]), str(head["code"]), headers, body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidEntry("an object in the quarantine is no refused request") from error
