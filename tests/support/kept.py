"""What is in the quarantine of a deployed stack, put there and looked at as tests need it."""

from __future__ import annotations

import time
from typing import Any

from spectrum_forwarder.adapters.event_log import DynamoEventLog
from spectrum_forwarder.adapters.payloads import S3Payloads
from spectrum_forwarder.adapters.quarantine import PREFIX, S3Quarantine
from spectrum_forwarder.domain.quarantine import Suspect

from tests.support.make import WEBHOOK, body_of, signed_headers
from tests.support.stacks import Deployed

ENTRY = {"id": WEBHOOK.id, "signing_secret": WEBHOOK.signing_secret, "source": "main"}


class Kept:
    """The quarantine of a deployed stack, its webhooks secret and its log."""

    def __init__(self, stack: Deployed) -> None:
        self._stack = stack
        self._s3 = stack.client("s3")
        self._bucket = stack.outputs["PayloadsBucketName"]

    def keep(
        self,
        message_id: str,
        *,
        ago: float = 60.0,
        late: float = 0.0,
        body: bytes | None = None,
        **headers: str,
    ) -> str:
        """Keep a well-signed request that came `ago`, signed `late` before; return its id."""
        at = time.time() - ago
        body = body_of(message_id) if body is None else body
        signed = signed_headers(body_of(message_id), now=at - late) | headers
        code = "stale_timestamp" if late else "signature_mismatch"
        return self.put(Suspect(at, code, signed, body))

    def put(self, suspect: Suspect) -> str:
        """Keep it as the receiver does; return its id."""
        instance = S3Quarantine(self._s3, self._bucket, clock=time.time, elapsed=lambda: 0.0)
        kept = instance.keep(suspect)
        assert kept is not None
        return kept

    def ids(self) -> list[str]:
        found = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=PREFIX).get("Contents", [])
        return [entry["Key"].removeprefix(PREFIX) for entry in found]

    def empty(self) -> None:
        """Remove all that is kept, and the counts of what is not."""
        for name in self.ids():
            self._s3.delete_object(Bucket=self._bucket, Key=PREFIX + name)

    def store(self, *entries: dict[str, Any]) -> None:
        """Write the webhooks secret."""
        self._stack.write_webhooks(*entries)

    def event(self, message_id: str) -> Any:
        log = DynamoEventLog(
            self._stack.client("dynamodb"),
            self._stack.outputs["EventsTableName"],
            S3Payloads(self._s3, self._bucket),
        )
        return log.get(f"main:{message_id}")
