"""The quarantine as commands use it: what is kept, what it is by today's secrets, and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spectrum_forwarder.domain.inbound import WEBHOOK_ID_HEADER
from spectrum_forwarder.domain.quarantine import KEPT_SECONDS, Suspect

from spectrum_cli.diagnosis.capture import read_secrets
from spectrum_cli.diagnosis.diagnose import TOLERANCE, diagnose
from spectrum_cli.diagnosis.model import Capture, Finding, KnownSecret
from spectrum_cli.table_clock import table_clock

if TYPE_CHECKING:
    from spectrum_forwarder.adapters.quarantine_shelf import Lost, S3QuarantineShelf
    from spectrum_forwarder.domain.errors import InvalidEntry
    from spectrum_forwarder.release import Judge, Releaser, Verdict

    from spectrum_cli.target import Target

READ_AT_ONCE = 100
SENTENCES = {
    "good": "verifies now",
    "stale": "verifies, but stale when it came",
    "mismatch": "does not verify",
    "unknown_webhook": "its webhook is not known any more",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A suspect with its id, and what it is by today's secrets."""

    id: str
    suspect: Suspect
    verdict: Verdict

    @property
    def webhook_id(self) -> str:
        """The webhook that it names."""
        return self.suspect.request.header(WEBHOOK_ID_HEADER)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The webhooks secret as it is now: `judge` decides with it, `known` is for a diagnosis."""

    judge: Judge
    known: Sequence[KnownSecret] = field(repr=False)

    def judged(self, suspect_id: str, suspect: Suspect) -> Judged:
        """The suspect with its verdict."""
        return Judged(suspect_id, suspect, self.judge.verdict(suspect))

    def findings(self, suspect: Suspect) -> Sequence[Finding]:
        """Why the suspect does not verify, by the clock of when it came."""
        capture = Capture(tuple(suspect.headers.items()), suspect.body, suspect.received_at)
        return diagnose(capture, self.known, now=suspect.received_at).findings


def shelf(target: Target) -> S3QuarantineShelf:
    """The quarantine of a stack."""
    from spectrum_forwarder.adapters.quarantine_shelf import S3QuarantineShelf  # noqa: PLC0415 (boto3)

    return S3QuarantineShelf(target.client("s3"), target.payloads_bucket)


def read_webhooks_secret(target: Target) -> Secrets:
    """Read the secrets of now; entries that cannot be used are passed over. Raises InvalidEntry."""
    from spectrum_forwarder.adapters.webhook_registry import read_webhooks  # noqa: PLC0415 (boto3)
    from spectrum_forwarder.release import Judge  # noqa: PLC0415

    def pass_over(_: str, __: InvalidEntry) -> None:
        return

    client = target.client("secretsmanager")
    text = client.get_secret_value(SecretId=target.webhooks_secret)["SecretString"]
    judge = Judge(read_webhooks(text, pass_over), TOLERANCE)
    return Secrets(judge, read_secrets(text.encode()))


def releaser(target: Target, judge: Judge) -> Releaser:
    """What turns suspects of a stack into events."""
    from spectrum_forwarder.adapters.event_queue import SqsEventQueue  # noqa: PLC0415 (boto3)
    from spectrum_forwarder.adapters.event_table import DynamoEventTable  # noqa: PLC0415
    from spectrum_forwarder.adapters.payloads import S3Payloads  # noqa: PLC0415
    from spectrum_forwarder.domain.timing import Timing  # noqa: PLC0415
    from spectrum_forwarder.release import Releaser  # noqa: PLC0415
    from spectrum_forwarder.storing import EventStore  # noqa: PLC0415

    return Releaser(
        judge=judge,
        shelf=shelf(target),
        store=EventStore(
            DynamoEventTable(target.client("dynamodb"), target.table),
            S3Payloads(target.client("s3"), target.payloads_bucket),
            Timing(target.time_scale),
        ),
        queue=SqsEventQueue(
            target.client("sqs"), main_url=target.queue_url, slow_url=target.slow_queue_url
        ),
        clock=table_clock(target),
    )


def kept_ids(target: Target, looked_at: Callable[[int], None]) -> list[str]:
    """What is kept, the newest hour first."""
    found: list[str] = []
    for page in shelf(target).pages(since=time.time() - KEPT_SECONDS):
        found += [kept.id for kept in page]
        looked_at(len(page))
    return sorted(found, reverse=True)


def lost(target: Target) -> Lost:
    """What could not be kept of what came in the last 72 hours."""
    return shelf(target).lost(since=time.time() - KEPT_SECONDS)


def read_all(target: Target, secrets: Secrets, ids: Sequence[str]) -> Iterator[list[Judged]]:
    """Batches of suspects with their verdicts, the newest of each batch first."""
    quarantine = shelf(target)
    for start in range(0, len(ids), READ_AT_ONCE):
        batch = quarantine.get_all(ids[start : start + READ_AT_ONCE])
        judged = [secrets.judged(name, suspect) for name, suspect in batch if suspect is not None]
        yield sorted(judged, key=lambda one: one.suspect.received_at, reverse=True)
