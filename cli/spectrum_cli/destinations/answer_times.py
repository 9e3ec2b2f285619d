"""How destinations have answered lately: how long it took, and what the last failure was.

Read off the histories of the newest events: one page of the log, however many there are.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spectrum_cli.terminal.output import iso, utc

if TYPE_CHECKING:
    from spectrum_forwarder.domain.delivery import Attempted
    from spectrum_forwarder.domain.log import LoggedEvent

# So many of the newest events are looked at.
EVENTS = 100
LONGEST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Answers:
    """A destination's attempts of late, in milliseconds, and the last one that failed."""

    took: Sequence[int]
    failure: Attempted | None = None
    event_key: str = ""

    def percentile(self, percent: int) -> int | None:
        """In milliseconds, by nearest rank: so long or less took `percent` of all attempts."""
        ordered = sorted(self.took)
        return ordered[math.ceil(len(ordered) * percent / 100) - 1] if ordered else None

    def in_words(self) -> list[str]:
        """For the columns `p50`, `p95` and `last error`."""
        times = [self.percentile(percent) for percent in (50, 95)]
        return [*("-" if t is None else f"{t} ms" for t in times), self._failure_in_words()]

    def _failure_in_words(self) -> str:
        if self.failure is None:
            return "-"
        # The status line says the status once more.
        said = self.failure.said or self.failure.answer
        cut = "…" if len(said) > LONGEST_SHOWN else ""
        return f"{utc(self.failure.at)} {said[:LONGEST_SHOWN]}{cut}"

    def document(self) -> dict[str, Any]:
        """For programs; None where there was nothing to measure, or no failure."""
        failure = self.failure
        return {
            "attempts": len(self.took),
            "p50_ms": self.percentile(50),
            "p95_ms": self.percentile(95),
            "last_error": failure
            and {
                "at": iso(failure.at),
                "answer": failure.answer,
                "said": failure.said or None,
                "event_key": self.event_key,
            },
        }


NONE = Answers(())


def answers_in(events: Iterable[LoggedEvent]) -> dict[str, Answers]:
    """What the events' histories say of each destination, by identity.

    An attempt that ended without an answer counts if it waited for one.
    """
    took: defaultdict[str, list[int]] = defaultdict(list)
    failed: dict[str, tuple[Attempted, str]] = {}
    for event in events:
        for identity, delivery in (event.deliveries or {}).items():
            for past in delivery.history:
                if past.answer.isdigit() or past.answer == "timeout":
                    took[identity].append(past.milliseconds)
                known = failed.get(identity)
                if not past.succeeded and (known is None or known[0].at <= past.at):
                    failed[identity] = past, event.event_key
    return {
        identity: Answers(took.get(identity, ()), *failed.get(identity, (None, "")))
        for identity in {*took, *failed}
    }
