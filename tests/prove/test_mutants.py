"""Negative controls: the proofs notice every known mistake, and only mistakes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

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
from tests.support.prove import LONG

SHORT = frozenset((*SCENARIOS, *EDGES, *LINES, *ORDERED))
# Mistakes, and the worlds that are about what they break.
FAMILIES: tuple[tuple[Sequence[Mutant], Sequence[Scenario]], ...] = (
    (MUTANTS, (*SCENARIOS, *CALAMITIES)),
    (edge_mutants.MUTANTS, (*EDGES, *LONG_EDGES)),
    (line_mutants.MUTANTS, (*LINES, *LONG_LINES)),
    # Those of batches stand last, and all before them would be gone through for theirs.
    (order_mutants.MUTANTS, (*reversed(ORDERED), *LONG_ORDERED)),
)
WORLDS = tuple(world for _, worlds in FAMILIES for world in worlds)
HARMLESS_CHANGES = (*HARMLESS, *line_mutants.HARMLESS)


def trials(
    patch: pytest.MonkeyPatch,
    worlds: Iterable[Scenario],
    *,
    faults: Iterable[int] = (0, 1),
    share: int = 0,
    shares: int = 1,
) -> Iterator[tuple[Scenario, list[Breach]]]:
    """These worlds undisturbed, then the shorter ones under every single fault."""
    for number in faults:
        for world in worlds:
            if number and world not in SHORT:
                continue
            patch.setattr(storing, "CHEAPEST_INLINE", world.inline or 350_000)
            for _, _, breaches in explore(world, number, share=share, shares=shares):
                yield world, breaches


@pytest.mark.parametrize(
    ("mutant", "about_it"),
    [
        pytest.param(mutant, worlds, id=str(mutant))
        for mutants, worlds in FAMILIES
        for mutant in mutants
    ],
)
def test_a_mutant_is_caught(
    mutant: Mutant,
    about_it: Sequence[Scenario],
    monkeypatch: pytest.MonkeyPatch,
    figures: Figures,
) -> None:
    mutant.make(monkeypatch)
    named = [world for world in WORLDS if world.name == mutant.shows_in]
    others = [world for world in WORLDS if world not in about_it]
    tried = chain.from_iterable(trials(monkeypatch, some) for some in (named, about_it, others))
    caught = next(((world, breaches) for world, breaches in tried if breaches), None)
    assert caught is not None, f"survived: {mutant}"
    world, breaches = caught
    assert mutant.breaks in {breach.invariant for breach in breaches}
    assert mutant.shows_in in ("", world.name)
    figures("mutants caught", 1)
    figures("mutants", f"{mutant} | {mutant.breaks} | {world}")


def test_the_real_use_cases_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undisturbed: under every single fault and more tests/prove/test_exhaustive.py has them."""
    for world, breaches in trials(monkeypatch, WORLDS, faults=(0,)):
        assert not breaches, f"{world}: {breaches[0]}"


@pytest.mark.parametrize("change", HARMLESS_CHANGES, ids=lambda change: change.__name__)
def test_harmless_changes_pass(
    change: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The long run tries each under all faults; the short one shares these out among them."""
    change(monkeypatch)
    place, shares = HARMLESS_CHANGES.index(change), 1 if LONG else len(HARMLESS_CHANGES)
    tried = trials(monkeypatch, WORLDS, share=place % shares, shares=shares)
    for world, breaches in tried:
        assert not breaches, f"{world}: {breaches[0]}"
