"""Every sequence of up to so many faults over a small world, and what that comes to.

What sequences have in common is run once: each begins at the last moment before its last fault.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from tests.prove.faults import READING, WRITING, Fault, Script
from tests.prove.ledger import Breach
from tests.prove.moments import Moment, moment_of
from tests.prove.scenarios import Scenario
from tests.prove.world import World


@dataclass
class Tally:
    """What an exploration tried."""

    runs: int = 0
    steps: int = 0
    faults: int = 0
    events: int = 0
    ambiguous: int = 0

    def add(self, world: World) -> None:
        """Count one run."""
        self.runs += 1
        self.steps += world.steps
        self.faults += world.fates.struck
        self.events += len(world.ledger.acknowledged)
        self.ambiguous += world.ledger.ambiguous.total()


def explore(
    scenario: Scenario, faults: int, *, share: int = 0, shares: int = 1
) -> Iterator[tuple[Script, World, list[Breach]]]:
    """Every sequence of up to so many faults; `share` is one of `shares` parts of it.

    A further fault can only strike a call after the last one: what was before ran without it.
    """
    pending: list[tuple[dict[int, Fault], int, Sequence[Moment]]] = [({}, 0, ())]
    while pending:
        script, first, moments = pending.pop()
        world = begun(scenario, script, moments)
        if len(script) == faults:
            yield script, world, world.settle()
            continue
        passed: list[Moment] = []
        breaches = world.settle(partial(_note, world, passed))
        if script or share == 0:
            yield script, world, breaches
        further = [
            ({**script, index: fault}, index + 1, passed)
            for index in range(first, len(world.fates.writes))
            for fault in (WRITING if world.fates.writes[index] else READING)
        ]
        pending += further if script else islice(further, share, None, shares)


def _note(world: World, passed: list[Moment]) -> None:
    passed.append(moment_of(world))


def begun(scenario: Scenario, script: Script, moments: Sequence[Moment]) -> World:
    """The world at the last of these moments that is before the script's last fault."""
    last = max(script, default=0)
    for moment in reversed(moments):
        if moment.calls <= last:
            return moment.again(script)
    return scenario.begun(script)
