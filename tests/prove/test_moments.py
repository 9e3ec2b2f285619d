"""A run that begins at a moment of another is the run that its script would be from the start."""

import pytest
from spectrum_forwarder import storing

from tests.prove.edges import EDGES
from tests.prove.faults import Fault
from tests.prove.line_worlds import LINES
from tests.prove.moments import Moment, moment_of
from tests.prove.order_worlds import ORDERED
from tests.prove.scenarios import SCENARIOS, Scenario


def undisturbed(scenario: Scenario, told: list[str]) -> list[Moment]:
    """All moments of the run without any fault, which is told."""
    world, moments = scenario.begun({}, told), list[Moment]()
    assert world.settle(lambda: moments.append(moment_of(world))) == []
    return moments


@pytest.mark.parametrize("scenario", (*SCENARIOS, *EDGES, *LINES, *ORDERED), ids=str)
def test_a_copy_goes_on_as_the_whole_run_does(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "CHEAPEST_INLINE", scenario.inline or storing.CHEAPEST_INLINE)
    told: list[str] = []
    moments = undisturbed(scenario, told)
    calls = {moment.calls: moment for moment in moments}
    faults = [Fault.KILLED_AFTER, Fault.ERROR_AFTER, Fault.KILLED_BEFORE, Fault.ERROR_BEFORE]
    for number, moment in enumerate(calls.values()):
        script = {moment.calls: faults[number % len(faults)]}
        whole: list[str] = []
        scenario.play(script, whole)
        copy = moment.again(script)
        assert copy.settle() == []
        assert copy.fates.told == whole
    # Nor do copies change the run that they are made of, or each other.
    again: list[str] = []
    scenario.play({}, again)
    assert told == again
    copy = moments[0].again({})
    copy.settle()
    assert copy.fates.told == again
