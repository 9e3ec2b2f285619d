"""What was refused though it may have been Spectrum's, and what never gets as far as that."""

from __future__ import annotations

from collections.abc import Iterator

from spectrum_cli.checks.model import Patient, Result, ok, warning
from spectrum_cli.suspect_views import not_kept
from spectrum_cli.suspects import kept_ids, lost

# API Gateway takes 10 MB, Lambda an event of 6 MB, in which a body stands in base64 and in JSON.
LARGEST_EVENT = 6_291_456


def quarantine(patient: Patient) -> Iterator[Result]:
    """Nothing of known webhooks was refused, or else it is kept."""
    ids = kept_ids(patient.target, lambda _: None)
    if ids:
        yield warning(
            "quarantine",
            f"{len(ids)} requests of known webhooks were refused in the last 72 hours, and kept",
            "Find out why: forwarder quarantine list; then release what is Spectrum's.",
        )
    else:
        yield ok("quarantine", "nothing of a known webhook was refused in the last 72 hours")
    if missing := not_kept(lost(patient.target)):
        yield warning(
            "quarantine",
            missing,
            "Mend why they were refused (forwarder quarantine list): this ends with it.",
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
