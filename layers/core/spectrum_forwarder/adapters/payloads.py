"""Bodies too large for the table, in S3, named by their content."""

import contextlib
import hashlib
import time
from typing import TYPE_CHECKING

from spectrum_forwarder.adapters.failures import FAILURES, failure_code
from spectrum_forwarder.domain.errors import PayloadMissing, PayloadsUnavailable
from spectrum_forwarder.domain.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

PREFIX = "payloads/"
# Seconds after which a body that is still read is written anew: the bucket's expire after 50 days,
# and what is owed does not.
RENEWED_AFTER = 10 * 86_400.0


class S3Payloads:
    """The `Payloads` port; `renewing` writes old bodies anew as they are read, by this clock."""

    def __init__(
        self,
        client: "S3Client",
        bucket: str,
        *,
        renewing: bool = False,
        clock: Clock = time.time,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._renewing = renewing
        self._clock = clock

    def put(self, packed: bytes) -> str:
        """See the port. A copy of an event has the same name: it overwrites with the same bytes."""
        name = PREFIX + hashlib.sha256(packed).hexdigest()
        try:
            self._client.put_object(Bucket=self._bucket, Key=name, Body=packed)
        except FAILURES as error:
            raise PayloadsUnavailable(f"put_object: {failure_code(error)}") from error
        return name

    def get(self, name: str) -> bytes:
        """See the port."""
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=name)
            packed = found["Body"].read()
        except FAILURES as error:
            code = failure_code(error)
            if code in ("NoSuchKey", "404"):
                raise PayloadMissing(f"{name} is not in the bucket") from error
            raise PayloadsUnavailable(f"get_object: {code}") from error
        age = self._clock() - found["LastModified"].timestamp()
        if self._renewing and age > RENEWED_AFTER:
            with contextlib.suppress(PayloadsUnavailable):  # there is time to try again
                self.put(packed)
        return packed
