"""The stack as the pages see it: what is read of it, and what can be done to it."""

from __future__ import annotations

import json
import shlex
import threading
import time
from collections.abc import Mapping

from spectrum_forwarder.adapters.destination_registry import read_destinations
from spectrum_forwarder.adapters.event_log import DynamoEventLog
from spectrum_forwarder.domain.delivery import Status
from spectrum_forwarder.domain.destination import Destinations, identity_of
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.replay import Change, Hasten, Reopened, Replay, Wake

from spectrum_cli.destinations.changes import known_for
from spectrum_cli.destinations.entries import ourselves
from spectrum_cli.destinations.lines import Queue, Resting, drain, queues_of, rouse, told
from spectrum_cli.events.keys import find_event, find_message
from spectrum_cli.events.replaying import begin_all, owed
from spectrum_cli.stack.registry import Entry, destinations_of
from spectrum_cli.stack.table_clock import table_clock
from spectrum_cli.stack.target import DEFAULT_STACK, Target
from spectrum_cli.stack.wiring import event_log, health_board, reopener
from spectrum_cli.terminal.errors import Finding
from spectrum_cli.ui.jobs import Job
from spectrum_cli.ui.refusals import Refusals

# The registry is read at most so often (seconds): every page wants it.
READ_EVERY = 5.0
# Events that are woken a second, at most, when a destination is resumed.
WAKE_RATE = 100.0


class Stack:
    """A target, wired; safe to use from threads."""

    def __init__(self, target: Target) -> None:
        self.title, self._target = target.title, target
        self.log: DynamoEventLog = event_log(target)
        self.refusals = Refusals(target)
        self.clock = table_clock(target)
        self._reopener = reopener(target, self.clock)
        self._registry = destinations_of(target)
        self._allow_loopback, self._own = target.is_local, ourselves(target)
        self.advice = _advice(target)
        self._health = health_board(target)
        self._lock = threading.Lock()
        self._destinations = Destinations({})
        self._read_at = float("-inf")

    def destinations(self) -> Destinations:
        """Those there are, possibly some seconds old; raise Finding or what AWS answers."""
        with self._lock:
            if time.monotonic() - self._read_at > READ_EVERY:
                text = json.dumps({"destinations": self._registry.read()})
                self._destinations = read_destinations(
                    text, _ignore, allow_loopback=self._allow_loopback, own=self._own
                )
                self._read_at = time.monotonic()
            return self._destinations

    def event(self, given: str) -> LoggedEvent | None:
        """The event that is meant by its key or by the id that it went out under."""
        return find_event(self._target, self.log, given) if given else None

    def message(self, given: str) -> LoggedEvent | None:
        """The same, also by the id of the message alone."""
        return find_message(self._target, self.log, given)

    def health(self) -> Mapping[str, Health]:
        """Each attempted destination's; raise TableUnavailable."""
        return self._health.load()

    def queues(self) -> Mapping[str, Queue]:
        """The lines that stand, by destination's identity; raise TableUnavailable."""
        return queues_of(self._target, self._health)

    def change(self, destination: str | None, *, retry: bool, status: Status | None) -> Change:
        """What begins settled deliveries anew, or with `retry` has the waiting ones tried now.

        `destination` is an identity, None stands for all of an event's.
        """
        configured = frozenset(self.destinations().ids())
        wanted = None if destination is None else frozenset({destination})
        if retry:
            return Hasten(configured, wanted)
        return Replay(configured, wanted, status, begun_at=self.clock())

    def reopen(self, event_key: str, change: Change) -> Reopened:
        """Apply it to an event; see spectrum_forwarder.replay.Reopener."""
        return self._reopener.reopen(event_key, change)

    def rouse(self, event_key: str, destination: str | None) -> int:
        """Let the conversations go on in which this event waits; how many would not have by now.

        `destination` is an identity, None stands for all of the event's.
        """
        resting = Resting(None if destination is None else [destination])
        if event := self.log.get(event_key):
            resting.see([event], self.clock())
        return rouse(self._target, resting.lines)

    def pause(self, identity: str) -> None:
        """Let the destination's deliveries wait; raise Finding where there is no such entry."""
        self._enable(identity, enabled=False)

    def resume(self, identity: str) -> None:
        """Deliver to it again: its line is drained, and what waits elsewhere woken bit by bit."""
        self._enable(identity, enabled=True)
        wake = Wake(identity, self.clock() + known_for(self._target))
        drain(self._target, [identity])
        threading.Thread(target=self._wake, args=(wake,), name="wake", daemon=True).start()

    def flush(self, identity: str, job: Job) -> str:
        """Have its line drained, and what waits for a retry tried now; what came of it, in words.

        Raises Finding where there is no such entry, and TableUnavailable.
        """
        if identity not in self.destinations():
            raise _gone(identity)
        lines, resting = len(drain(self._target, [identity])), Resting([identity])
        haste = self.change(identity, retry=True, status=None)
        keys = owed(
            self.log,
            haste,
            self.clock,
            looked_at=lambda events: resting.see(events, self.clock()),
        )
        lines += rouse(self._target, resting.lines)
        job.total = len(keys)
        summary = begin_all(self.reopen, keys, haste, rate=WAKE_RATE, advance=job.advance)
        said = [
            told(lines),
            f"{summary.begun:,} of what waits for a retry brought forward",
            f"{len(summary.busy):,} in a worker's hands: try again" if summary.busy else "",
        ]
        return "; ".join(part for part in said if part)

    def _enable(self, identity: str, *, enabled: bool) -> None:
        def edit(entries: list[Entry]) -> None:
            found = [entry for entry in entries if identity_of(entry) == identity]
            if not found:
                raise _gone(identity)
            found[0]["enabled"] = enabled

        with self._lock:
            self._registry.change(edit)
            self._read_at = float("-inf")

    def _wake(self, wake: Change) -> None:
        """Make waiting deliveries due; whatever is missed here comes due by itself within an hour,
        and a failure ends it, since the page that could tell of it is gone.
        """
        for events in self.log.owing():
            for event in events:
                if wake(event, self.clock()):
                    self._reopener.reopen(event.event_key, wake)
                    time.sleep(1 / WAKE_RATE)


def _gone(identity: str) -> Finding:
    return Finding(f"there is no destination {identity[:80]!r} any more")


def _ignore(_name: str, _error: InvalidEntry) -> None:
    """A bad entry stands among the broken ones, and the page says so."""


def _advice(target: Target) -> str:
    """A command that makes an event at this stack."""
    if target.is_local:
        return "forwarder sample --send endpoint --local"
    named = "" if target.name == DEFAULT_STACK else f" --stack {shlex.quote(target.name)}"
    return f"forwarder sample --send endpoint{named}"
