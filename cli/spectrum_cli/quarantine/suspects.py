"""The quarantine as commands use it: what is kept, what it is by today's secrets, and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spectrum_forwarder.domain.inbound import WEBHOOK_ID_HEADER
from spectrum_forwarder.domain.quarantine import KEPT_SECONDS, Suspect

from spectrum_cli.diagnosis.capture import read_secrets
from spectrum_cli.diagnosis.diagnose import TOLERANCE, diagnose
from spectrum_cli.diagnosis.model import Capture, Finding, KnownSecret
from spectrum_cli.stack.table_clock import table_clock
from spectrum_cli.stack.wiring import event_queue, event_table

if TYPE_CHECKING:
    from spectrum_forwarder.adapters.quarantine_shelf import Lost, S3QuarantineShelf
    from spectrum_forwarder.domain.errors import InvalidEntry
    from spectrum_forwarder.release import Judge, Releaser, Verdict

    from spectrum_cli.stack.target import Target

# Bodies that are in memory at once: each may have 6 MB.
READ_AT_ONCE = 8
# What a batch of a list holds, without the bodies.
BATCH = 100
SENTENCES = {
    "good": "verifies now",
    "stale": "verifies, but stale when it came",
    "mismatch": "does not verify",
    "unknown_webhook": "its webhook is not known any more",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A suspect without its body: when it came (Unix seconds), and what it is by today's secrets.

    `webhook_id` is the webhook that it names, `code` that of its refusal.
    """

    id: str
    received_at: float
    code: str
    webhook_id: str
    body_bytes: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Secrets:
    """The webhooks secret as it is now: `judge` decides with it, `known` is for a diagnosis."""

    judge: Judge
    known: Sequence[KnownSecret] = field(repr=False)

    def judged(self, suspect_id: str, suspect: Suspect) -> Judged:
        """The suspect with its verdict."""
        return Judged(
            suspect_id,
            suspect.received_at,
            suspect.code,
            suspect.request.header(WEBHOOK_ID_HEADER),
            len(suspect.body),
            self.judge.verdict(suspect),
        )

    def findings(self, suspect: Suspect) -> Sequence[Finding]:
        """Why the suspect does not verify, by the clock of when it came."""
        capture = Capture(tuple(suspect.headers.items()), suspect.body, suspect.received_at)
        try:
            return diagnose(capture, self.known, now=suspect.received_at).findings
        except Exception as error:  # a stranger wrote it: its trouble is its own
            return (_undiagnosed(error),)


def _undiagnosed(error: Exception) -> Finding:
    return Finding(
        "undiagnosed",
        "why it does not verify cannot be told",
        f"Looking into it failed: {type(error).__name__}. This is a defect of the command.",
        "Look at it yourself: forwarder quarantine show ID --body.",
        proved=False,
    )


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
    from spectrum_forwarder.adapters.payloads import S3Payloads  # noqa: PLC0415 (boto3)
    from spectrum_forwarder.domain.timing import Timing  # noqa: PLC0415
    from spectrum_forwarder.release import Releaser  # noqa: PLC0415
    from spectrum_forwarder.storing import EventStore  # noqa: PLC0415

    return Releaser(
        judge=judge,
        shelf=shelf(target),
        store=EventStore(
            event_table(target),
            S3Payloads(target.client("s3"), target.payloads_bucket),
            Timing(target.time_scale),
        ),
        queue=event_queue(target),
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
    """Batches of suspects with their verdicts, the newest of each batch first.

    A body is let go of as soon as its suspect is judged: a full quarantine holds gigabytes.
    """
    quarantine = shelf(target)

    def judged(name: str) -> Judged | None:
        ((_, suspect),) = quarantine.get_all([name])
        return None if suspect is None else secrets.judged(name, suspect)

    with ThreadPoolExecutor(READ_AT_ONCE) as readers:
        for start in range(0, len(ids), BATCH):
            batch = [one for one in readers.map(judged, ids[start : start + BATCH]) if one]
            yield sorted(batch, key=lambda one: one.received_at, reverse=True)
