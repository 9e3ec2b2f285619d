"""Short and long runs of the same proofs, and the figures they leave.

`PROVE=long` asks for the long ones (minutes). Each test adds to figures by name; a table of the
sums ends the run.
"""

from collections import defaultdict
from collections.abc import Callable

import pytest

from tests.support.prove import LONG

Figures = Callable[[str, object], None]


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Takes a figure's name and its value; numbers of the same name are added up."""

    def add(name: str, value: object) -> None:
        request.node.user_properties.append((name, value))

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of all tests that passed."""
    found: defaultdict[str, list[object]] = defaultdict(list)
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            found[name].append(value)
    if not found:
        return
    terminalreporter.section("figures, " + ("long" if LONG else "short") + " run")
    width = max(map(len, found))
    for name in sorted(found):
        for line in _summed(found[name]):
            terminalreporter.write_line(f"{name:<{width}}  {line}")


def _summed(values: list[object]) -> list[str]:
    if all(isinstance(value, int) for value in values):
        return [f"{sum(value for value in values if isinstance(value, int)):,}"]
    return [str(value) for value in values]
