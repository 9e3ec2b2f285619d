"""How a call to AWS fails, whoever makes it: botocore's own errors, which callers tell apart."""

import zlib
from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ChecksumError, ClientError

# Both are how botocore says that a call failed.
FAILURES = (BotoCoreError, ClientError)
CHECKSUM = "x-amz-crc32"


class UnreadableAnswer(BotoCoreError):
    """An answer came that cannot be read: whether the call had its effect nobody knows."""

    fmt = "The answer cannot be read"


def check_sum(headers: Mapping[str, str], content: bytes) -> None:
    """Raise ChecksumError for what is not what DynamoDB has said."""
    told, actual = headers.get(CHECKSUM), zlib.crc32(content)
    if told is not None and told != str(actual):
        raise ChecksumError(
            checksum_type=CHECKSUM, expected_checksum=told, actual_checksum=str(actual)
        )


def failure_code(error: Exception) -> str:
    """A short name of what failed, without anything of the request."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__
