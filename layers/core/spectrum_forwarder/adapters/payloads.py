"""Bodies too large for the table, in S3, named by their content."""

import hashlib
from typing import TYPE_CHECKING

from spectrum_forwarder.adapters.aws import FAILURES, failure_code
from spectrum_forwarder.domain.errors import PayloadMissing, PayloadsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

PREFIX = "payloads/"


class S3Payloads:
    """The `Payloads` port."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

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
            return self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        except FAILURES as error:
            code = failure_code(error)
            if code in ("NoSuchKey", "404"):
                raise PayloadMissing(f"{name} is not in the bucket") from error
            raise PayloadsUnavailable(f"get_object: {code}") from error
