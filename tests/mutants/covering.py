"""A pytest plugin: which test runs which line of the layer, and how long each test takes.

It writes JSON to the file that COVERING names: `tests` has ids and seconds, `lines` the numbers of
the tests in it by module and line. Lines that only an import runs are nobody's.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from coverage import Coverage

IMPORTED = ""


class Covering:
    """Measures a run."""

    def __init__(self, found: Path, root: Path) -> None:
        self._found = found
        self._root = root
        self._seconds: dict[str, float] = {}
        self._coverage = Coverage(
            data_file=None, source=[str(root / "layers")], context=IMPORTED, config_file=False
        )
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self._coverage.switch_context(IMPORTED)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration

    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        tests = list(self._seconds)
        numbers = {test: number for number, test in enumerate(tests)}
        data = self._coverage.get_data()
        lines: dict[str, dict[int, list[int]]] = defaultdict(dict)
        for file in data.measured_files():
            module = str(Path(file).relative_to(self._root))
            for line, contexts in data.contexts_by_lineno(file).items():
                lines[module][line] = sorted(numbers[c] for c in contexts if c in numbers)
        told = {"tests": list(self._seconds.items()), "lines": lines}
        self._found.write_text(json.dumps(told), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Covering(Path(os.environ["COVERING"]), config.rootpath))
