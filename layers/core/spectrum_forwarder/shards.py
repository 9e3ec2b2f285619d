"""A shard on its way through a sweep: what was found in it, and which of that gets a hint."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from spectrum_forwarder.domain.hints import Lack, lack, shared
from spectrum_forwarder.domain.worker_ports import Overdue, Owing

WITHOUT_LIMIT = sys.maxsize
ALL = Lack(WITHOUT_LIMIT, WITHOUT_LIMIT)
NONE, NOTHING = Lack(0, 0), Owing(0, 0)


@dataclass(slots=True)
class Shard:
    """A partition of the overdue events on its way through one sweep.

    `found` is its first batch, `rest` the others, `lack` its part of the hints to be sent, and
    `lack_in_main` of those that events get in any case whose hint is in the main lane. So many are
    `chosen` for one; `hints` were sent, and `refused`.
    `since` is infinite where nothing is overdue, and None until that is known.
    """

    number: int
    found: Sequence[Overdue] = ()
    rest: Iterator[Sequence[Overdue]] = field(default_factory=lambda: iter(()))
    since: float | None = None
    owing: Owing = NOTHING
    in_main: Owing = NOTHING
    lack: Lack = ALL
    lack_in_main: Lack = NONE
    chosen: int = 0
    chosen_in_main: int = 0
    hints: int = 0
    refused: int = 0
    failure: Exception | None = None

    def choose(self, overdue: Overdue, *, old: bool) -> bool:
        """Whether there is a hint left for the event, which it gets then."""
        if self.is_full(old) and not (overdue.in_main and self._has_for_in_main(old)):
            return False
        self.chosen += 1
        self.chosen_in_main += overdue.in_main
        return True

    def is_full(self, old: bool) -> bool:
        """Whether no hint is left that anyone may have."""
        return self.chosen >= (self.lack.old if old else self.lack.fresh)

    def is_done(self, old: bool) -> bool:
        """Whether no hint is left at all."""
        return self.is_full(old) and not self._has_for_in_main(old)

    def _has_for_in_main(self, old: bool) -> bool:
        most = self.lack_in_main.old if old else self.lack_in_main.fresh
        return self.chosen_in_main < min(most, self.in_main.overdue)


def owed_in_all(owing: Sequence[Owing]) -> int:
    """How many events of all shards owe work now, or do soon."""
    return sum(each.overdue + each.soon for each in owing)


def parts_of_lack(owing: Sequence[Owing], standing: int, again: bool) -> list[Lack]:
    """Each shard's part of the hints that lack while the queues hold `standing`."""
    total = lack(owed_in_all(owing), standing, again=again)
    return shared(total, [each.overdue for each in owing])
