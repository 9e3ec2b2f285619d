"""How the quarantine is shown: its rows, and what became of a release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spectrum_forwarder.domain.quarantine import KEPT_SECONDS, hour_of

from spectrum_cli.quarantine.suspects import SENTENCES, Judged
from spectrum_cli.terminal.errors import Finding
from spectrum_cli.terminal.output import iso, note, print_json, print_line, utc
from spectrum_cli.terminal.tables import Rows

if TYPE_CHECKING:
    from spectrum_forwarder.adapters.quarantine_shelf import Lost
    from spectrum_forwarder.release import Released

# Why something was not kept, by the word that stands for it.
CAUSES = {"full": "their hour was full", "failed": "the bucket failed"}
# Seconds before it is forgotten from which on a request is worth a word.
SOON = 24 * 3600.0
COLUMNS = ("received", "id", "webhook", "refused as", "bytes", "today")


@dataclass(slots=True)
class Summary:
    """What became of those that were to be released; `kept` with a sentence on each cause."""

    accepted: list[Released] = field(default_factory=list)
    duplicates: list[Released] = field(default_factory=list)
    kept: list[dict[str, str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


def row(judged: Judged) -> list[str]:
    """The cells of a suspect's row, one for each of COLUMNS."""
    return [
        utc(judged.received_at),
        judged.id,
        judged.webhook_id,
        judged.code,
        str(judged.body_bytes),
        SENTENCES[judged.verdict],
    ]


def document(judged: Judged) -> dict[str, Any]:
    """The suspect for programs, without what came with it."""
    return {
        "id": judged.id,
        "received_at": iso(judged.received_at),
        "code": judged.code,
        "webhook_id": judged.webhook_id,
        "body_bytes": judged.body_bytes,
        "verdict": judged.verdict.value,
    }


def not_kept(lost: Lost) -> str | None:
    """A sentence on what is missing, None where nothing is."""
    if not lost.counts:
        return None
    causes = ", ".join(
        f"{count} because {CAUSES.get(cause, cause)}" for cause, count in lost.counts.items()
    )
    return (
        f"about {sum(lost.counts.values())} refused requests were not kept from "
        f"{utc(lost.first_at)} to {utc(lost.last_at)} UTC ({causes}): nobody has a copy of them"
    )


def soon_gone(ids: Sequence[str], now: float) -> str | None:
    """A sentence on those that will be forgotten soon, by their ids; None where none will."""
    limit = hour_of(now - KEPT_SECONDS + SOON)
    soon = [one for one in ids if one < limit]
    if not soon:
        return None
    return f"{len(soon)} of them are forgotten within a day: release them, or save their bodies"


def _plain(released: Released) -> dict[str, object]:
    return {"id": released.id, "event_key": released.event_key}


def gone(ids: str) -> str:
    """What is said of ids that nothing is kept under."""
    return f"{ids} is not kept (any more): `forwarder quarantine list` shows what is"


def report(summary: Summary, lost: Lost, *, as_json: bool) -> None:
    """Print what became of a release; raise Finding where something stays."""
    unhinted = sum(not released.hinted for released in summary.accepted)
    if as_json:
        print_json(
            {
                "accepted": [_plain(released) for released in summary.accepted],
                "duplicates": [_plain(released) for released in summary.duplicates],
                "kept": summary.kept,
                "gone": summary.gone,
                "without_hint": unhinted,
                "not_kept": dict(lost.counts),
            }
        )
    else:
        print_line(
            f"released {len(summary.accepted)}, and {len(summary.duplicates)} that were there"
            " already"
        )
        if summary.kept:
            table = Rows("stays", "webhook", "why", "what to do")
            table.add(
                [[one["id"], one["webhook_id"], one["why"], one["fix"]] for one in summary.kept]
            )
    if unhinted:
        note(f"{unhinted} of them will go out a little later, with the next sweeps")
    if missing := not_kept(lost):
        note(missing)
    problems = []
    if summary.kept:
        problems.append(f"{len(summary.kept)} stay in the quarantine")
    if summary.gone:
        problems.append(gone(", ".join(summary.gone[:5])))
    if problems:
        raise Finding("; ".join(problems))
