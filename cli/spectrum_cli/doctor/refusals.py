"""What was refused though it may have been Spectrum's, and what never gets as far as that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spectrum_cli.doctor.model import LATELY, Patient, ago
from spectrum_cli.quarantine.suspects import (
    SENTENCES,
    kept_ids,
    lost,
    read_all,
    read_webhooks_secret,
    shelf,
)
from spectrum_cli.quarantine.views import not_kept
from spectrum_cli.terminal.verdicts import Result, failed, ok, warning

CHECK = "quarantine"
# The newest of what is kept: enough to tell whether it goes on.
LOOKED_AT = 20

# API Gateway takes 10 MB, Lambda an event of 6 MB, in which a body stands in base64 and in JSON.
LARGEST_EVENT = 6_291_456


def quarantine(patient: Patient) -> Iterator[Result]:
    """Nothing of known webhooks was refused, or else it is kept: why, and whether it goes on."""
    target = patient.target
    ids = kept_ids(target, lambda _: None)
    if ids:
        yield from _refused(patient, ids)
    else:
        yield ok(CHECK, "nothing of a known webhook was refused in the last 72 hours")
    if missing := not_kept(lost(target)):
        yield warning(
            CHECK,
            missing,
            "Mend why they were refused (forwarder quarantine list): this ends with it.",
        )


def _refused(patient: Patient, ids: Sequence[str]) -> Iterator[Result]:
    said = f"{len(ids)} requests of known webhooks were refused in the last 72 hours, and kept"
    secrets = read_webhooks_secret(patient.target)
    newest = next(read_all(patient.target, secrets, ids[:LOOKED_AT]), [])
    wrong = [one for one in newest if one.verdict != "good"]
    if len(wrong) < len(newest):
        release = "Let them go out: forwarder quarantine release --all."
        verify = len(newest) - len(wrong)
        yield warning(CHECK, f"{said}; {verify} of the newest verify now", release)
    if not wrong:
        return
    last = wrong[0]
    ((_, suspect),) = shelf(patient.target).get_all([last.id])
    findings = secrets.findings(suspect) if suspect is not None else []
    why = "; ".join(one.title for one in findings) or SENTENCES[last.verdict]
    fix = " ".join(one.fix for one in findings) or f"See forwarder quarantine show {last.id}."
    since = patient.clock() - last.received_at
    yield (failed if since < LATELY else warning)(
        CHECK,
        f"{said}; the newest that does not verify came {ago(since)} ago for "
        f"{last.webhook_id or 'no webhook'} ({last.code}): {why}",
        f"{fix} Then: forwarder quarantine release --all.",
    )


def limits(_patient: Patient) -> Iterator[Result]:
    """What Spectrum loses before the receiver sees it; GatewayAnsweredAlarm counts it."""
    yield ok(
        "limits",
        f"known: a body that makes more than {LARGEST_EVENT:,} bytes of event (4.7 MB in base64) "
        "is answered 413 by the gateway, and Spectrum drops it",
    )


def withheld(_patient: Patient) -> Iterator[Result]:
    """What Spectrum never sends, which looks like a loss to whoever tries with such a message."""
    yield ok(
        "withheld",
        "known: on dedicated lines Spectrum withholds messages that carry a one-time code; "
        "do not try with one",
    )
