"""What happens when in a soak; everything in seconds from its beginning."""

from collections.abc import Callable
from dataclasses import dataclass

WHOLE = 25 * 60.0
CYCLE, AWAY, RECOVERY = 180.0, 300.0, 120.0
# A shorter soak still needs so long for each.
SHORTEST_CYCLE, SHORTEST_RECOVERY = 60.0, 35.0
RATE, BURST = 3.0, 40


@dataclass(frozen=True)
class Plan:
    """A soak of so many seconds, its parts shortened alike."""

    seconds: float

    @property
    def cycle(self) -> float:
        """From one killed worker to the next."""
        return min(CYCLE, max(SHORTEST_CYCLE, CYCLE * self.seconds / WHOLE))

    @property
    def recovery(self) -> float:
        """How long after a disturbance all must be as before."""
        return min(RECOVERY, max(SHORTEST_RECOVERY, RECOVERY * self.seconds / WHOLE))

    @property
    def away(self) -> tuple[float, float]:
        """When the fan-out goes away, and when it comes back."""
        began = 0.4 * self.seconds
        return began, began + AWAY * min(1.0, self.seconds / WHOLE)

    def steps(self, kinds: "Steps") -> list[tuple[float, str, Callable[[], None]]]:
        """When, what it is called, and what to do, in the order of time."""
        began, ended = self.away
        found = [(began, "the fan-out goes away", kinds.leave), (ended, "it is back", kinds.come)]
        cycles = int(self.seconds / self.cycle)
        for number in range(cycles):
            at = number * self.cycle
            kill = kinds.kill_receiver if number % 2 else kinds.kill_fan_out
            burst = at + 0.10 * self.cycle
            found.append((burst, "a burst", kinds.burst))
            # While they are busy.
            found.append((burst + 1.0, "a worker is killed", kill))
            found += self._changes(number, at, kinds)
        return sorted(found, key=lambda step: step[0])

    def _changes(
        self, number: int, at: float, kinds: "Steps"
    ) -> list[tuple[float, str, Callable[[], None]]]:
        if number % 2:
            return [
                (at + 0.02 * self.cycle, "changing is exchanged", kinds.exchange),
                (at + 0.08 * self.cycle, "the last minutes are replayed to it", kinds.replay),
            ]
        return [
            (at + 0.02 * self.cycle, "changing is paused", kinds.pause),
            (at + 0.12 * self.cycle, "changing is resumed", kinds.resume),
        ]


@dataclass(frozen=True)
class Steps:
    """What is done to the stack."""

    kill_fan_out: Callable[[], None]
    kill_receiver: Callable[[], None]
    leave: Callable[[], None]
    come: Callable[[], None]
    burst: Callable[[], None]
    pause: Callable[[], None]
    resume: Callable[[], None]
    exchange: Callable[[], None]
    replay: Callable[[], None]
