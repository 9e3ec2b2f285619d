"""What a destination's filter does to each sample body, and what is odd about it.

A filter that takes nothing, or fails on what it was not written for and so takes it, looks like any
other: whoever writes it sees here what it does before an event does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spectrum_cli.destinations.entries import check
from spectrum_cli.samples.requests import KINDS, ODD_KINDS, PLATFORMS, USUAL, make_body
from spectrum_cli.stack.registry import Entry
from spectrum_cli.terminal.output import note
from spectrum_cli.terminal.tables import Rows

if TYPE_CHECKING:
    from spectrum_forwarder.domain.destination import Destination

    from spectrum_cli.stack.target import Target

TAKEN, NOT_TAKEN, FAILED = "taken", "not taken", "failed"
NO_JSON = "the body is no JSON"
LONGEST_WHY = 160


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one sample body; `why` its filter failed, and whether it was `taken` so."""

    sample: str
    taken: bool
    why: str | None = None

    @property
    def word(self) -> str:
        """`taken`, `not taken` or `failed`."""
        return FAILED if self.why else TAKEN if self.taken else NOT_TAKEN


@dataclass(frozen=True, slots=True)
class Tried:
    """A filter's trials, and what whoever wrote it should know.

    `takes_none` counts messages alone: where a field lacks, odd comparisons are true.
    """

    trials: Sequence[Trial]
    faults: Sequence[str]
    takes_none: bool

    def named(self, word: str) -> list[str]:
        """The samples that it did this to."""
        return [trial.sample for trial in self.trials if trial.word == word]

    def warnings(self) -> list[str]:
        """All that is to be said of it."""
        nothing = (
            "it takes none of the messages among the samples: if it is meant for certain words, "
            "people or conversations alone, that is as it should be"
        )
        return [*self.faults, *([nothing] if self.takes_none else [])]


def bodies() -> Iterable[tuple[str, bytes]]:
    """Every sample, and a text on each platform as it may spell itself."""
    for kind in KINDS:
        yield kind, make_body(kind)
    for platform in PLATFORMS:
        if platform != USUAL:
            yield f"text ({platform})", make_body("text", platform=platform)


def try_filter(destination: Destination, expression: str) -> Tried:
    """Let the destination's filter, which is `expression`, see every sample body."""
    trials = [_try(destination, sample, body) for sample, body in bodies()]
    faults = [*_fields_for_texts(expression), *_failures(destination, trials)]
    messages = [trial for trial in trials if trial.sample not in ODD_KINDS]
    return Tried(trials, faults, not any(trial.word == TAKEN for trial in messages))


def tried_of(entry: Entry, target: Target) -> Tried | None:
    """The filter of an entry, tried; None where it has none. Raises WrongUse for a bad entry."""
    destination, expression = check(entry, target), entry.get("filter")
    return try_filter(destination, expression) if expression else None


def _try(destination: Destination, sample: str, body: bytes) -> Trial:
    from spectrum_forwarder.domain.destination import Content  # noqa: PLC0415 (not for --help)

    wish = Content(body).wanted_by(destination)
    if wish.failure is None:
        return Trial(sample, wish.taken)
    said = str(wish.failure)[:LONGEST_WHY] or type(wish.failure).__name__
    return Trial(sample, wish.taken, said if _is_json(body) else NO_JSON)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _fields_for_texts(expression: str) -> list[str]:
    from spectrum_forwarder.adapters.expressions import fields_like_texts  # noqa: PLC0415 (jmespath)

    return [
        f"\"{name}\" in double quotes is the field of that name, and no text: write '{name}'"
        for name in dict.fromkeys(fields_like_texts(expression))
    ]


def _failures(destination: Destination, trials: Sequence[Trial]) -> list[str]:
    from spectrum_forwarder.domain.destination import OnFilterError  # noqa: PLC0415

    failed = [trial for trial in trials if trial.why and trial.why != NO_JSON]
    if not failed:
        return []
    then = (
        "are delivered all the same (--on-filter-error skip would leave them out)"
        if destination.on_filter_error is OnFilterError.DELIVER
        else "are left out (--on-filter-error deliver would deliver them)"
    )
    return [
        f"it fails on {len(failed)} of the sample bodies, and such events {then}: let it look "
        "first whether there is what it works on, as in message.content.type == 'text' && "
        "contains(message.content.text, '…')"
    ]


def show(tried: Tried) -> None:
    """Print a line for each sample."""
    table = Rows("sample", "filter", "why")
    table.add(
        [
            [trial.sample, _said(trial), trial.why or "-"]
            for trial in sorted(tried.trials, key=lambda trial: trial.word)
        ]
    )


def _said(trial: Trial) -> str:
    then = f", so {TAKEN if trial.taken else NOT_TAKEN}" if trial.why else ""
    return trial.word + then


def tell(tried: Tried) -> None:
    """Say to a person what it does, in a line each for what is taken, not taken and failed on."""
    note(f"the filter on {len(tried.trials)} sample bodies:")
    for word in (TAKEN, NOT_TAKEN):
        note(f"  {word}: {', '.join(tried.named(word)) or 'none'}")
    whys: dict[str, list[str]] = {}
    for trial in tried.trials:
        if trial.why:
            whys.setdefault(f"{_said(trial)}: {trial.why}", []).append(trial.sample)
    for why, samples in whys.items():
        note(f"  {why}: {', '.join(samples)}")
    for warning in tried.warnings():
        note(f"warning: {warning}")


def document(tried: Tried) -> dict[str, Any]:
    """The same for programs."""
    return {
        "samples": [
            {"sample": t.sample, "filter": t.word, "taken": t.taken, "why": t.why}
            for t in tried.trials
        ],
        "warnings": tried.warnings(),
    }
