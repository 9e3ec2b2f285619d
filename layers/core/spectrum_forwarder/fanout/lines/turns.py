"""Turns: whose turn it is in a line that is held, one by one, as there is room and it is time.

Owns the pace of one line during one hold. Those whose turn it is are led at the same time, by
whoever takes them; it is looked at short intervals whether one of them is through.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from spectrum_forwarder.domain.line import Place
from spectrum_forwarder.domain.line_ports import Lines
from spectrum_forwarder.domain.pace import Pace
from spectrum_forwarder.domain.ports import Clock
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.gate import Gate

# Places that are under way at once: in any line, and in one whose rate says how many it may be.
AT_ONCE, AT_ONCE_BY_RATE = 40, 100
# So many places are read at once; where a breaker is probed, one of so many first ones does it.
PAGE, TAKE_TURNS = 40, 200
# One is claimed so long (seconds) before its time: what that takes must not be seen in the pace.
AHEAD = 0.3
# For so long (seconds) it is waited for the time of the next one; for longer, a hint comes then.
PATIENCE = 5.0
# How often it is looked whether there is room, and whether somebody has come meanwhile.
GLANCE, LOOK = 0.005, 0.5


@dataclass(slots=True)
class Turns:
    """The turns in one line from now on until `ends`; none before `next_at` (Unix seconds).

    `lead` takes a place's delivery through the stages, to be attempted at that time, and tells
    whether the place is free then.
    """

    lines: Lines
    identity: str
    configured: Configured
    gate: Gate
    clock: Clock
    sleep: Callable[[float], None]
    lead: Callable[[Place, float], bool]
    next_at: float
    ends: float
    pace: Pace = field(init=False)
    seen_empty: bool = False
    failure: Exception | None = None
    _room: int = field(init=False)
    # With the time that each was given.
    _under_way: dict[Place, float] = field(default_factory=dict)
    _met: set[Place] = field(default_factory=set)
    _left: set[Place] = field(default_factory=set)
    _has_looked: bool = False
    _stopped: bool = False

    def __post_init__(self) -> None:
        destination = self.configured.now.usable.get(self.identity)
        rate = destination.rate if destination else None
        most = destination.max_in_flight if destination else None
        self.pace = Pace(rate, self.next_at)
        self._room = most or (AT_ONCE if rate is None else AT_ONCE_BY_RATE)

    @property
    def left(self) -> int:
        """How many places are free now that were not."""
        return len(self._left)

    @property
    def is_open(self) -> bool:
        """Whether anything can go on: also what has nowhere to go any more, and settles."""
        waits = self.configured.keeps_waiting(self.identity)
        return not (waits or self.gate.holds_back(self.identity))

    @property
    def goes_on_at(self) -> float:
        """When the next one may begin, whoever holds the line then."""
        return max(self.pace.next_at, self._rest)

    @property
    def has_more(self) -> bool:
        """Whether another is to go on from here, and none is on the way to it already."""
        return bool(self._left or self._rest) or not self._has_looked

    @property
    def _rest(self) -> float:
        return self.gate.rests_until(self.identity)

    def take(self, place: Place) -> None:
        """Lead one whose turn has come; what fails ends the turns."""
        try:
            if self.lead(place, self._under_way[place]):
                self._left.add(place)
        except Exception as error:  # told once all are through
            self.failure, self._stopped = error, True
        finally:
            self._under_way.pop(place, None)

    def come(self) -> Iterator[Place]:
        """Each place when its turn has come, to be taken while the next one is waited for."""
        try:
            yield from self._come()
        except Exception as error:  # told once all are through
            self.failure = error

    def come_alone(self) -> bool:
        """Wait for the time of one more, once all are through; False where that is too late."""
        self.pace.rest(self._rest)
        wait = self.pace.wait(self.clock())
        if wait > PATIENCE or not self.is_open:
            return False
        self.sleep(wait)
        self.pace.begin(self.clock())
        return True

    def _come(self) -> Iterator[Place]:
        after, left = "", 0
        while self._has_time():
            self._has_looked = True
            probes, rest = self.gate.health(self.identity).broken, self._rest
            places = self.lines.first(
                self.identity, limit=TAKE_TURNS if probes else PAGE, after=after
            )
            if places:
                yield from self._each(self._next(places), rest)
                # Whoever was refused for the pace is the first one again.
                asked = self._rest > rest
                while (probes or asked) and self._under_way:
                    self.sleep(GLANCE)
                self.gate.publish()
                closed = probes and not self.gate.health(self.identity).broken
                after = "" if closed or asked else places[-1].position
                if not after:
                    self._met.clear()
            elif self._under_way:
                self._wait_for_somebody()
                after = ""
            elif after and self.left > left:
                # Others were held, perhaps, when it was their turn.
                after, left = "", self.left
                self._met.clear()
            else:
                self.seen_empty = not after
                return

    def _next(self, places: Sequence[Place]) -> Sequence[Place]:
        """Those whose turn it is: all, but one alone to probe a breaker that has cooled down.

        They take turns at that: else an event that is refused for itself would hold up all.
        """
        if not self.gate.health(self.identity).broken:
            return places
        return [min(places, key=lambda place: (place.probed_at, place))]

    def _each(self, places: Sequence[Place], rest: float) -> Iterator[Place]:
        for place in places:
            if place in self._met:
                continue
            at = self._turn(rest)
            if at is None:
                return
            self._met.add(place)
            self._under_way[place] = at
            yield place

    def _turn(self, rest: float) -> float | None:
        """Wait for room and until shortly before the next one's time, and return that.

        None where it comes too late, or a longer rest than that has been asked for meanwhile.
        """
        self.pace.rest(rest)
        while self._has_time() and self._rest == rest:
            now = self.clock()
            wait = self.pace.wait(now)
            if wait > PATIENCE:
                self._stopped = True
            elif len(self._under_way) >= self._room:
                self.sleep(GLANCE)
            elif wait > AHEAD:
                self.sleep(wait - AHEAD)
            else:
                return self.pace.begin(now)
        return None

    def _has_time(self) -> bool:
        """Whether there are turns still: as long as one is waited for that was begun in time."""
        if self._stopped or not self.is_open:
            return False
        begun = min(list(self._under_way.values()), default=self.ends)
        return self.clock() < self.ends or begun < self.ends

    def _wait_for_somebody(self) -> None:
        """Until all are through, or somebody may have come."""
        until = self.clock() + LOOK
        while self._under_way and self.clock() < until:
            self.sleep(GLANCE)
