"""Name look-ups shared by the attempts of one call.

libcurl looks names up in a few threads, and one that does not answer holds two of them, for longer
than the attempt lasts. Ten attempts at a host whose name servers are down would take them all, and
every other host would time out waiting for its turn. So one attempt leads, and the others at the
same host follow once its name is found, or fail as it did.
"""

from dataclasses import dataclass, field

from spectrum_forwarder.domain.outbound import Attempt

# Attempts with different time limits do not share: one may fail where the other would not.
Place = tuple[str, float]


@dataclass(slots=True)
class _Lookup:
    leader: Attempt
    followers: list[Attempt] = field(default_factory=list)


class Lookups:
    """Which names are being looked up, and the attempts that wait for each."""

    def __init__(self) -> None:
        self._pending: dict[Place, _Lookup] = {}
        self._found: set[Place] = set()

    def follows(self, attempt: Attempt) -> bool:
        """Keep the attempt back if another one leads; otherwise it may begin, and leads if first.

        Whoever is kept back is returned by `found` or `ended`.
        """
        place = _place(attempt)
        if place in self._found:
            return False
        if place in self._pending:
            self._pending[place].followers.append(attempt)
            return True
        self._pending[place] = _Lookup(attempt)
        return False

    def leads(self, attempt: Attempt) -> bool:
        """Whether others may be waiting for this attempt's look-up."""
        lookup = self._pending.get(_place(attempt)) if self._pending else None
        return lookup is not None and lookup.leader is attempt

    def found(self, leader: Attempt) -> list[Attempt]:
        """The name is known: whoever waited for it may begin."""
        self._found.add(_place(leader))
        return self._pending.pop(_place(leader)).followers

    def ended(self, leader: Attempt) -> list[Attempt]:
        """The leader ended before its name was known: whoever waited for it."""
        return self._pending.pop(_place(leader)).followers


def _place(attempt: Attempt) -> Place:
    """The attempt's host, port and time limit; never fails, whatever the URL."""
    return attempt.url.partition("://")[2].partition("/")[0].lower(), attempt.timeout_seconds
