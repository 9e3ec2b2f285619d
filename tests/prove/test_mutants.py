"""Negative controls: the proofs notice every known mistake, and only mistakes."""

from collections.abc import Callable, Iterator

import pytest
from spectrum_forwarder import storing

from tests.prove import edge_mutants, line_mutants, order_mutants
from tests.prove.conftest import Figures
from tests.prove.edges import EDGES, LONG_EDGES
from tests.prove.exploring import explore
from tests.prove.ledger import Breach
from tests.prove.line_worlds import LINES, LONG_LINES
from tests.prove.mutants import HARMLESS, MUTANTS, Mutant
from tests.prove.order_worlds import LONG_ORDERED, ORDERED
from tests.prove.scenarios import CALAMITIES, SCENARIOS, Scenario

SHORT = (*SCENARIOS, *EDGES, *LINES, *ORDERED)
UNDISTURBED = (0, (*SHORT, *CALAMITIES, *LONG_EDGES, *LONG_LINES, *LONG_ORDERED))
SINGLE_FAULTS = (1, SHORT)


def trials(
    patch: pytest.MonkeyPatch, *, faults_too: bool = True
) -> Iterator[tuple[Scenario, list[Breach]]]:
    """All small worlds undisturbed, then the shorter ones under every single fault."""
    for faults, scenarios in (UNDISTURBED, SINGLE_FAULTS) if faults_too else (UNDISTURBED,):
        for scenario in scenarios:
            patch.setattr(storing, "CHEAPEST_INLINE", scenario.inline or 350_000)
            for _, _, breaches in explore(scenario, faults):
                yield scenario, breaches


@pytest.mark.parametrize(
    "mutant",
    (*MUTANTS, *edge_mutants.MUTANTS, *line_mutants.MUTANTS, *order_mutants.MUTANTS),
    ids=str,
)
def test_a_mutant_is_caught(
    mutant: Mutant, monkeypatch: pytest.MonkeyPatch, figures: Figures
) -> None:
    mutant.make(monkeypatch)
    caught = next(((s, breaches) for s, breaches in trials(monkeypatch) if breaches), None)
    assert caught is not None, f"survived: {mutant}"
    scenario, breaches = caught
    assert mutant.breaks in {breach.invariant for breach in breaches}
    figures("mutants caught", 1)
    figures("mutants", f"{mutant} | {mutant.breaks} | {scenario}")


def test_the_real_use_cases_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undisturbed: under every single fault and more tests/prove/test_exhaustive.py has them."""
    for scenario, breaches in trials(monkeypatch, faults_too=False):
        assert not breaches, f"{scenario}: {breaches[0]}"


@pytest.mark.parametrize("change", [*HARMLESS, *line_mutants.HARMLESS], ids=lambda c: c.__name__)
def test_harmless_changes_pass(
    change: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch)
    for scenario, breaches in trials(monkeypatch):
        assert not breaches, f"{scenario}: {breaches[0]}"
