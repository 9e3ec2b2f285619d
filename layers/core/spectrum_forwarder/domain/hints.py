"""How many hints a backlog lacks: an event whose hint still stands in a queue needs no other.

A queue cannot be asked whose hints it holds, only about how many. Each event that owes work now
has one: what is owed and not hinted at is the difference, and the longest overdue miss it most
likely, for queues are worked off from the front.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Depths are told approximately and late: a lack of less than a sixteenth says nothing yet.
DOUBT = 16
# Of old events a thirty-second more is hinted at than seems to lack, and a few in any case, so that
# hints that are worth nothing cannot hide for ever behind them what was lost.
SPARE, SPARED = 32, 8


@dataclass(frozen=True, slots=True)
class Lack:
    """How many more hints may be sent: while the next event is `fresh`, and once it is `old`."""

    fresh: int
    old: int


def lack(owing: int, standing: int, *, again: bool = False) -> Lack:
    """What `owing` events lack while the queues hold `standing` hints.

    Where these are a surplus, each sweep spares as many for old events all the same; not one that
    is made `again` within the minute.
    """
    spared = 0 if again else max(SPARED, owing // SPARE)
    if is_surplus(owing, standing):
        return Lack(0, spared)
    fresh = owing - owing // DOUBT - standing
    return Lack(max(0, fresh), max(0, owing + spared - standing))


def is_surplus(owing: int, standing: int) -> bool:
    """Whether as much stands besides as hints of what is owed, so that a lack would not show.

    Records that nobody can take stand for days, and may be all there is.
    """
    return standing - owing >= max(SPARED, owing)


def shared(total: Lack, weights: Sequence[int]) -> list[Lack]:
    """The parts of a lack that fall to parts of the backlog, in proportion to their sizes."""
    fresh, old = _apportioned(total.fresh, weights), _apportioned(total.old, weights)
    return [Lack(*both) for both in zip(fresh, old, strict=True)]


def _apportioned(total: int, weights: Sequence[int]) -> Iterable[int]:
    """Whole parts that make up the total: what rounding leaves goes to the largest remainders."""
    whole = sum(weights)
    if not whole:
        return [0 for _ in weights]
    parts = [total * weight // whole for weight in weights]
    remainders = sorted(
        range(len(weights)), key=lambda place: total * weights[place] % whole, reverse=True
    )
    for place in remainders[: total - sum(parts)]:
        parts[place] += 1
    return parts
