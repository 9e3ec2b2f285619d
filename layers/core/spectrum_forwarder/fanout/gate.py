"""The gate: which destinations may be attempted now, and what their answers say of them.

One gate serves one invocation. It reads the shared health once, lets one probe through where a
breaker's cool-down has ended, and at the end writes back only what changed: nothing in calm
weather.
"""

import threading
from collections import defaultdict
from collections.abc import Callable

from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.destination import born_as
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.line import Line
from spectrum_forwarder.domain.line_ports import HealthBoard
from spectrum_forwarder.domain.pace import rest_asked_for
from spectrum_forwarder.domain.ports import Clock, Facts
from spectrum_forwarder.domain.timing import Timing

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
        name_of: Callable[[str], str] = born_as,
    ) -> None:
        self._board = board
        self._clock = clock
        self._facts = facts
        self._timing = timing
        self.name_of = name_of
        self._health = dict(board.load())
        self._lines = dict(board.lines())
        self._answers: defaultdict[str, list[Answer]] = defaultdict(list)
        self._rests: dict[str, float] = {}
        # Who drains a line has several at work on it.
        self._lock = threading.RLock()
        self._board_failed = False

    def is_slow(self, destination: str) -> bool:
        """Whether the destination belongs in the slow lane."""
        return not self.health(destination).quick

    def health(self, destination: str) -> Health:
        """What is known of the destination."""
        return self._health.get(destination, UNKNOWN)

    def line_stands(self, destination: str) -> bool:
        """Whether others wait for it in line."""
        line = self._lines.get(destination)
        return line is not None and line.stands

    def raise_line(self, destination: str) -> None:
        """Let it be known that somebody stands in its line; raise TableUnavailable.

        Whoever drains the line must know before there is a place in it.
        """
        if not self.line_stands(destination):
            now = self._clock()
            self._board.stand(destination, now=now)
            self._lines[destination] = Line(now)

    def holds_back(self, destination: str) -> bool:
        """Whether an open breaker keeps deliveries waiting."""
        return self.health(destination).holds_back(self._clock())

    def admits(self, destination: str) -> bool:
        """Whether an attempt may be made; where a breaker waits for a probe, to one asker alone."""
        health = self.health(destination)
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

    def rests_until(self, destination: str) -> float:
        """Until when it has asked not to be called, as far as this invocation has heard."""
        return self._rests.get(destination, 0.0)

    def saw(self, destination: str, answer: Answer) -> None:
        """Note an answer of the destination."""
        rest = rest_asked_for(answer)
        with self._lock:
            if rest is not None:
                until = self._clock() + rest * self._timing.scale
                self._rests[destination] = max(until, self.rests_until(destination))
            self._answers[destination].append(answer)
            if answer.succeeded and destination not in self._health and not self._board_failed:
                # A new one waits in the slow lane until it is known: not for the rest of this
                # batch.
                self._publish(destination)

    def publish(self) -> None:
        """Write back what the answers changed, until the table fails."""
        with self._lock:
            self._board_failed = False
            for destination in self._answers:
                self._publish(destination)

    def _publish(self, destination: str) -> None:
        answers, self._answers[destination] = self._answers[destination], []
        before = self.health(destination)
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
