"""How soon what waited has gone out, on clocks that are moved by hand: no processor is shared."""

from __future__ import annotations

from benchmarks.workshop import Row
from tests.prove.lives import ALLOWS, TAKES, drained
from tests.support.outage import outage

HOURS, WAITING = 6.0, 100_000
AT_A_RATE = 1_000


def rows() -> list[Row]:
    """An outage's backlog, a large one, and one that goes out at a rate."""
    after, large = outage(HOURS), drained(WAITING)
    paced = drained(AT_A_RATE, "limited", rate=ALLOWS)
    used = 1 / paced.took
    return [
        Row(
            f"down for {HOURS:.0f} h, an event each 30 s: the last one arrives after it is back",
            "≤ 2 min, oldest first",
            f"{after.seconds:.0f} s, {after.inversions} of {after.events} out of order",
            after.seconds <= 121 and not after.inversions,
        ),
        Row(
            f"{WAITING:,} waiting, and a destination that takes {TAKES} a second",
            "≤ 1.2 × what that takes",
            f"{large.took:.2f} ×; another's p99 moved by {large.moved:+.1%}",
            large.took <= 1.2 and large.moved <= 0.1,
        ),
        Row(
            f"a destination that refuses above {ALLOWS} a second, with that as its rate",
            "0 refused, ≥ 0.9 of it used",
            f"{paced.refused} refused, {used:.2f} of it used",
            not paced.refused and used >= 0.9,
        ),
    ]
