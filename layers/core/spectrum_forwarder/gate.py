"""The gate: which destinations may be attempted now, and what their answers say of them.

One gate serves one invocation. It reads the shared health once, lets one probe through where a
breaker's cool-down has ended, and at the end writes back only what changed: nothing in calm
weather.
"""

import random
from collections import defaultdict
from collections.abc import Callable

from spectrum_forwarder.domain.delivery import TOO_LARGE, Answer
from spectrum_forwarder.domain.destination import born_as
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.ports import Clock, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import HealthBoard

UNKNOWN = Health()


class Gate:
    """Health of all destinations during one invocation, by identity; facts have their names."""

    def __init__(
        self,
        board: HealthBoard,
        *,
        clock: Clock,
        facts: Facts,
        timing: Timing,
        rng: random.Random,
        name_of: Callable[[str], str] = born_as,
    ) -> None:
        self._board = board
        self._clock = clock
        self._facts = facts
        self._timing = timing
        self._rng = rng
        self.name_of = name_of
        self._health = dict(board.load())
        self._answers: defaultdict[str, list[Answer]] = defaultdict(list)
        self._board_failed = False

    def is_slow(self, destination: str) -> bool:
        """Whether the destination belongs in the slow lane."""
        return not self._health.get(destination, UNKNOWN).quick

    def holds_back(self, destination: str) -> bool:
        """Whether an open breaker keeps deliveries waiting."""
        health = self._health.get(destination, UNKNOWN)
        return health.broken and not health.may_be_probed(self._clock())

    def failing_since(self, destination: str) -> float:
        """Since when the destination has not succeeded once; 0 where it is not failing."""
        return self._health.get(destination, UNKNOWN).failing_since

    def reopens_at(self, destination: str) -> float:
        """When to look again at what is held back, spread so that not all come at once."""
        open_until = self._health.get(destination, UNKNOWN).open_until
        return open_until + self._rng.uniform(0.0, 5.0) * self._timing.scale

    def admits(self, destination: str) -> bool:
        """Whether an attempt may be made; where a breaker waits for a probe, to one asker alone."""
        health = self._health.get(destination, UNKNOWN)
        if not health.broken:
            return True
        if self.holds_back(destination):
            return False
        probing = health.probing(self._clock(), self._timing)
        self._health[destination] = probing
        won = self._save(destination, probing, seen=health)
        if won:
            self._facts("breaker.probed", destination=self.name_of(destination))
        return won

    def saw(self, destination: str, answer: Answer) -> None:
        """Note the answer of an attempt, unless it speaks of the event and not its destination."""
        if answer.error == TOO_LARGE.error:
            return
        self._answers[destination].append(answer)
        if answer.succeeded and destination not in self._health and not self._board_failed:
            # A new one waits in the slow lane until it is known: not for the rest of this batch.
            self._publish(destination)

    def publish(self) -> None:
        """Write back what the answers changed, until the table fails."""
        self._board_failed = False
        for destination in self._answers:
            self._publish(destination)

    def _publish(self, destination: str) -> None:
        answers, self._answers[destination] = self._answers[destination], []
        before = self._health.get(destination, UNKNOWN)
        after = before.after(answers, self._clock(), self._timing) if answers else before
        if after == before:
            return
        # A worker that has not seen a breaker open must not close it, but a success may.
        succeeded = any(answer.succeeded for answer in answers)
        if not self._save(destination, after, seen=None if succeeded else before):
            return
        self._health[destination] = after
        if after.trips != before.trips:
            name = "breaker.opened" if after.broken else "breaker.closed"
            self._facts(name, destination=self.name_of(destination), trips=after.trips)

    def _save(self, destination: str, health: Health, seen: Health | None = None) -> bool:
        if self._board_failed:
            return False
        try:
            return self._board.save(destination, health, seen=seen)
        except TableUnavailable as error:
            # Health is advice: without it a delivery is attempted too early at worst. Nothing that
            # can wait is tried again meanwhile: a worker needs its time to record.
            self._board_failed = True
            self._facts("health.unsaved", destination=self.name_of(destination), cause=str(error))
            return False
