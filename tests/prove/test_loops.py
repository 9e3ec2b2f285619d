"""What Lambda's recursive-loop detection makes of the real use cases, with and without Allow."""

from dataclasses import replace

import pytest

from tests.prove.ledger import Invariant
from tests.prove.scenarios import CALAMITIES, Scenario
from tests.prove.stack import LONGEST_CHAIN
from tests.prove.world import World

FAILING = next(s for s in CALAMITIES if s.name == "six destinations that fail four times")
WAITING = [s for s in CALAMITIES if "paused" in s.name or "broken" in s.name]


def test_retries_beside_each_other_need_more_rounds_than_lambda_grants_unasked() -> None:
    world, breaches = FAILING.play({})
    assert breaches == []
    assert world.longest_chain > LONGEST_CHAIN


def test_without_the_allowance_their_hints_end_in_the_dead_letter_queue() -> None:
    def begin(world: World) -> None:
        world.may_loop = False
        FAILING.begin(world)

    _, breaches = replace(FAILING, begin=begin).play({})
    assert Invariant.DRAINED in {breach.invariant for breach in breaches}


@pytest.mark.parametrize("scenario", WAITING, ids=str)
def test_what_merely_waits_makes_no_chain(scenario: Scenario) -> None:
    world, breaches = scenario.play({})
    assert breaches == []
    assert world.longest_chain <= 8
