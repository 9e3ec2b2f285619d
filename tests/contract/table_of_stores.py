"""How many tests passed on which store: for people, and for docs/reliability.md."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.contract.stores import MEMORY, MINISTACK, MOTO

COLUMNS = (MEMORY, MOTO, MINISTACK)
# By a test's name and module, the store, and pytest's word for what became of it.
Outcomes = Counter[tuple[str, str, str]]


def lines(outcomes: Outcomes) -> Iterator[str]:
    """Each test by the stores that it ran on, and then the sums by module, as Markdown."""
    tests = sorted({test for test, _, _ in outcomes})
    width = max(map(len, tests))
    yield f"{'':{width}}  {'  '.join(f'{store:>9}' for store in COLUMNS)}"
    for test in tests:
        cells = (_cell(outcomes, [test], store) for store in COLUMNS)
        yield f"{test:{width}}  {'  '.join(f'{cell:>9}' for cell in cells)}"
    modules: dict[str, list[str]] = defaultdict(list)
    for test in tests:
        modules[test.partition("::")[0]].append(test)
    yield ""
    yield f"| contract | {' | '.join(COLUMNS)} |"
    yield "|---" * (1 + len(COLUMNS)) + "|"
    for module, members in modules.items():
        cells = (_cell(outcomes, members, store) for store in COLUMNS)
        yield f"| {module.removeprefix('test_').replace('_', ' ')} | {' | '.join(cells)} |"


def _cell(outcomes: Outcomes, tests: list[str], store: str) -> str:
    def of(*words: str) -> int:
        return sum(outcomes[test, store, word] for test in tests for word in words)

    if not (ran := of("passed", "failed", "skipped")):
        return "-"
    return f"{ran}" if of("passed") == ran else f"{of('passed')} of {ran}"
