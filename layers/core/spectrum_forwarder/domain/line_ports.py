"""What those need from outside who have deliveries wait: the board of health and lines, the places.

As in `ports`, every method may raise the `Unavailable` of its service and nothing else unless it
says so, and all times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from spectrum_forwarder.domain.health import Health
    from spectrum_forwarder.domain.line import Line, Place
    from spectrum_forwarder.domain.order import Hold


class HealthBoard(Protocol):
    """Each destination's health, shared by all workers."""

    def load(self) -> Mapping[str, Health]:
        """The health of every destination that has been attempted, possibly seconds old."""

    def save(self, destination: str, health: Health, *, seen: Health | None = None) -> bool:
        """Write it; with `seen`, only if the breaker stands as it was seen, else return False."""

    def lines(self) -> Mapping[str, Line]:
        """The lines that there are, by destination; as old as what `load` has returned."""

    def stand(self, destination: str, *, now: float) -> None:
        """Let it be known that the destination's line stands."""

    def hold(self, destination: str, *, holder: str, now: float, until: float) -> Line | None:
        """Take the line, or keep it on; None where another holds it, or there is none."""

    def let_go(self, destination: str, line: Line) -> None:
        """Leave the line so, and end the hold, if it is still its holder's."""

    def take_down(self, destination: str, *, holder: str, emptied_at: float) -> bool:
        """Forget the line, if it is the holder's and nobody stands in it since it was emptied."""


class Lines(Protocol):
    """The places in all lines."""

    def put(self, line: str, place: Place) -> None:
        """Take the place, or take it anew."""

    def first(self, line: str, *, limit: int, after: str = "") -> Sequence[Place]:
        """The first places behind a position, consistently; fewer than `limit` are all."""

    def free(self, line: str, place: Place) -> bool:
        """Give the place up if it is as it was seen; False where it is not there so."""

    def count(self, line: str, *, limit: int) -> int:
        """How many places are taken; it is not counted much farther than `limit`."""

    def look(self, line: str, *, limit: int) -> tuple[Hold, Sequence[Place]]:
        """Of a conversation's line, who holds it and its first places, consistently."""

    def take(self, line: str, *, seen: Hold, hold: Hold, now: float) -> bool:
        """Hold a conversation's line, if it stands as it was seen and nobody else holds it."""

    def let_go(self, line: str, *, hold: Hold) -> None:
        """End the hold on a conversation's line, if it is this holder's."""
