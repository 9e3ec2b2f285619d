"""A release of what the quarantine holds: what is meant, what goes, and why the rest stays.

One suspect's trouble is its own: whatever it is, it is told of that one, and the others go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from spectrum_forwarder.domain.errors import ForwarderError, InvalidEntry, Unavailable

from spectrum_cli.events.pace import at_pace
from spectrum_cli.quarantine.suspects import (
    SENTENCES,
    Judged,
    Secrets,
    kept_ids,
    read_all,
    read_webhooks_secret,
    releaser,
    shelf,
)
from spectrum_cli.quarantine.views import Summary
from spectrum_cli.terminal.errors import Finding
from spectrum_cli.terminal.output import progress

if TYPE_CHECKING:
    from spectrum_forwarder.release import Released, Releaser

    from spectrum_cli.stack.target import Target

# So fast at most, a second.
RATE = 50.0
# So many in a row that the stack did not take are no longer their own trouble.
MOST_IN_A_ROW = 10
# Seconds that finding causes may take; what is left then is named without one.
DIAGNOSIS_SECONDS = 20.0


def secrets_of(target: Target) -> Secrets:
    """The webhooks secret as it is now; raise Finding where it cannot be used."""
    try:
        return read_webhooks_secret(target)
    except InvalidEntry as error:
        raise Finding(
            f"the webhooks secret cannot be used, {error}: mend it first, "
            "see forwarder webhooks list"
        ) from error


def find(
    target: Target,
    secrets: Secrets,
    ids: Sequence[str] | None,
    summary: Summary,
    *,
    told: bool = True,
) -> list[Judged]:
    """Those that are meant, the oldest first; named ones that are gone go into the summary.

    With `told` the terminal shows how far it is.
    """
    with progress("looking through the quarantine", told=told) as looked_at:
        wanted = list(dict.fromkeys(ids)) if ids else kept_ids(target, lambda _: None)
        found: list[Judged] = []
        for batch in read_all(target, secrets, wanted):
            found += batch
            looked_at(len(batch))
    if ids:
        there = {judged.id for judged in found}
        summary.gone += [name for name in wanted if name not in there]
    return sorted(found, key=lambda judged: judged.received_at)


def release_all(
    target: Target,
    secrets: Secrets,
    good: Sequence[Judged],
    summary: Summary,
    *,
    stale: bool,
    advance: Callable[[int], None] | None = None,
) -> None:
    """Release them; raise Unavailable where the stack takes none any more.

    `advance` is told of each; without it the terminal shows how far it is.
    """
    from spectrum_forwarder.release import Outcome  # noqa: PLC0415

    release = partial(_released, releaser(target, secrets.judge), stale=stale)
    in_a_row = 0
    with progress("releasing", len(good), told=advance is None) as done:
        for judged, released in at_pace(release, good, rate=RATE):
            (advance or done)(1)
            if isinstance(released, ForwarderError):
                in_a_row += 1
                if isinstance(released, Unavailable) and in_a_row >= MOST_IN_A_ROW:
                    raise released
                summary.kept.append(_not_taken(judged, released))
                continue
            in_a_row = 0
            if released.outcome is Outcome.ACCEPTED:
                summary.accepted.append(released)
            elif released.outcome is Outcome.DUPLICATE:
                summary.duplicates.append(released)
            elif released.outcome is Outcome.GONE:
                summary.gone.append(released.id)


def _released(
    working: Releaser, judged: Judged, *, stale: bool
) -> tuple[Judged, Released | ForwarderError]:
    try:
        return judged, working.release(judged.id, stale=stale)
    except ForwarderError as error:
        return judged, error


def _told(judged: Judged, why: str, fix: str) -> dict[str, str]:
    return {
        "id": judged.id,
        "webhook_id": judged.webhook_id,
        "verdict": judged.verdict,
        "why": why,
        "fix": fix,
    }


def _not_taken(judged: Judged, error: ForwarderError) -> dict[str, str]:
    return _told(judged, f"the stack did not take it: {error}", "Run the same command again.")


def explain(target: Target, secrets: Secrets, kept: Sequence[Judged], summary: Summary) -> None:
    """Name the cause of each that stays."""
    quarantine, until = shelf(target), time.monotonic() + DIAGNOSIS_SECONDS
    with progress("finding out why", len(kept)) as done:
        for judged in kept:
            done(1)
            if judged.verdict == "stale":
                fix = "release it with --stale if you trust it"
                summary.kept.append(_told(judged, SENTENCES["stale"], fix))
                continue
            suspect = None
            if time.monotonic() < until:
                ((_, suspect),) = quarantine.get_all([judged.id])
            findings = secrets.findings(suspect) if suspect is not None else []
            why = "; ".join(one.title for one in findings) or SENTENCES[judged.verdict]
            fix = " ".join(one.fix for one in findings)
            summary.kept.append(
                _told(judged, why, fix or f"see forwarder quarantine show {judged.id}")
            )
