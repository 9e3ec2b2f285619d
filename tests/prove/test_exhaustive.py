"""Every sequence of faults, over every call of small worlds: nothing lost, nothing doubled."""

from dataclasses import dataclass

import pytest
from spectrum_forwarder import storing

from tests.prove.conftest import Figures
from tests.prove.edges import EDGES
from tests.prove.exploring import Tally, explore
from tests.prove.faults import Script
from tests.prove.ledger import Breach
from tests.prove.line_worlds import LINES
from tests.prove.order_worlds import ORDERED
from tests.prove.scenarios import SCENARIOS, Scenario
from tests.support.prove import LONG

# How many of the scenarios, which stand in the order of their size, are run with one fault more
# than the others: with two in the short run, with three in the long one.
WITH_PAIRS, WITH_TRIPLES = 9, 11
# These are split, so that two processes can share them.
SHARES = 8


@dataclass(frozen=True)
class Run:
    """One part of what is to be tried: up to so many faults in each sequence."""

    scenario: Scenario
    faults: int
    share: int = 0
    shares: int = 1

    def __str__(self) -> str:
        return f"{self.scenario}, up to {self.faults}, part {self.share + 1} of {self.shares}"


SHORT = [
    *(Run(scenario, 2 if n < WITH_PAIRS else 1) for n, scenario in enumerate(SCENARIOS)),
    *(Run(scenario, 1) for scenario in (*EDGES, *LINES, *ORDERED)),
]
LONG_ONES = [
    *(Run(scenario, 2) for scenario in (*SCENARIOS[WITH_TRIPLES:], *EDGES, *LINES, *ORDERED)),
    *(
        Run(scenario, 3, share, SHARES)
        for scenario in reversed(SCENARIOS[:WITH_TRIPLES])
        for share in range(SHARES)
    ),
]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("run", LONG_ONES if LONG else SHORT, ids=str)
def test_no_sequence_of_faults_loses_or_doubles_an_event(
    run: Run, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    if run.scenario.inline is not None:
        monkeypatch.setattr(storing, "CHEAPEST_INLINE", run.scenario.inline)
    tally = Tally()
    tried = explore(run.scenario, run.faults, share=run.share, shares=run.shares)
    for script, world, breaches in tried:
        tally.add(world)
        if breaches:
            pytest.fail(told_again(run.scenario, script, breaches))
    figures("exhaustive: sequences", tally.runs)
    figures("exhaustive: steps", tally.steps)
    figures("exhaustive: faults that struck", tally.faults)
    figures("exhaustive: events acknowledged", tally.events)
    figures("exhaustive: arrivals with an ambiguity behind them", tally.ambiguous)
    figures("exhaustive: lost", 0)
    figures("exhaustive: doubled without an ambiguity", 0)


def told_again(scenario: Scenario, script: Script, breaches: list[Breach]) -> str:
    """The breaches and the story of a run; its script is enough to replay it."""
    told: list[str] = []
    scenario.play(script, told)
    lines = [f"{scenario} under {dict(script)}", *map(str, breaches), *told]
    return "\n".join(lines)
