"""How destinations and their lines stand, and the places in these, in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.line import Line, Place
from spectrum_forwarder.domain.order import Hold


class MemoryHealthBoard:
    """The `HealthBoard` port."""

    def __init__(self) -> None:
        self.health: dict[str, Health] = {}
        self.standing: dict[str, Line] = {}

    def load(self) -> Mapping[str, Health]:
        return dict(self.health)

    def save(self, destination: str, health: Health, *, seen: Health | None = None) -> bool:
        now = self.health.get(destination, Health())
        if seen is not None and now.open_until != seen.open_until:
            return False
        self.health[destination] = health
        return True

    def lines(self) -> Mapping[str, Line]:
        return dict(self.standing)

    def stand(self, destination: str, *, now: float) -> None:
        line = self.standing.get(destination)
        if line is None:
            self.standing[destination] = Line(now)
        elif line.emptied_at > 0:
            self.standing[destination] = replace(line, since=now, emptied_at=0.0)

    def hold(self, destination: str, *, holder: str, now: float, until: float) -> Line | None:
        line = self.standing.get(destination)
        if line is None or (line.held_until > now and line.holder != holder):
            return None
        self.standing[destination] = replace(line, holder=holder, held_until=until)
        return self.standing[destination]

    def let_go(self, destination: str, line: Line) -> None:
        there = self.standing.get(destination)
        if there is not None and there.holder == line.holder:
            self.standing[destination] = replace(line, held_until=0.0)

    def take_down(self, destination: str, *, holder: str, emptied_at: float) -> bool:
        line = self.standing.get(destination)
        if line is None or (line.holder, line.emptied_at) != (holder, emptied_at):
            return False
        del self.standing[destination]
        return True


class MemoryLines:
    """The `Lines` port."""

    def __init__(self) -> None:
        self.places: dict[str, dict[str, Place]] = {}
        self.holds: dict[str, Hold] = {}

    def put(self, line: str, place: Place) -> None:
        exact = replace(
            place, stood_at=round(place.stood_at, 3), probed_at=round(place.probed_at, 3)
        )
        self.places.setdefault(line, {})[place.position] = exact

    def first(self, line: str, *, limit: int, after: str = "") -> Sequence[Place]:
        places = self.places.get(line, {})
        return sorted(place for place in places.values() if place.position > after)[:limit]

    def free(self, line: str, place: Place) -> bool:
        there = self.places.get(line, {}).get(place.position)
        if there is None or there.stood_at != place.stood_at:
            return False
        del self.places[line][place.position]
        return True

    def count(self, line: str, *, limit: int) -> int:
        return len(self.places.get(line, {}))

    def look(self, line: str, *, limit: int) -> tuple[Hold, Sequence[Place]]:
        return self.holds.get(line, Hold()), self.first(line, limit=limit)

    def take(self, line: str, *, seen: Hold, hold: Hold, now: float) -> bool:
        there = self.holds.get(line)
        if there is not None:
            mine = there.holder == hold.holder
            was_seen = (there.last, there.rests_until) == (seen.last, seen.rests_until)
            if not was_seen or not (mine or there.until <= now):
                return mine
        self.holds[line] = hold
        return True

    def let_go(self, line: str, *, hold: Hold) -> None:
        there = self.holds.get(line)
        if there is not None and there.holder == hold.holder:
            self.holds[line] = hold.let_go()
