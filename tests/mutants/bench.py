"""A bench to try mutants on: a copy of the tree, and which of its tests may see a change."""

from __future__ import annotations

import ast
import functools
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

SOURCES = "layers/core/"
# Without those that start processes, which would have to be built anew for each mutant.
TESTS = ("tests/unit", "tests/functional", "tests/contract", "tests/observability")
SLOW = (
    "tests/functional/test_event_files.py",
    "tests/observability/test_local_run.py",
    "tests/unit/test_readme_steps.py",
)
# Seconds that the tests of one mutant may take by the measured run, and what a busy machine adds.
ENOUGH, GRACE = 20.0, 60.0
# pytest's exit status where a test is not there.
UNKNOWN_TEST = 4
# The folder of what tests are run with, and nothing else of this program's environment.
BESIDE = "beside"


class Place(Protocol):
    """Where a mutant differs: in these lines of a module."""

    @property
    def module(self) -> str: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...


@dataclass(frozen=True)
class Bench:
    """A copy of the tree, and the tests' Python."""

    tree: Path
    python: Path
    tests: Sequence[tuple[str, float]]
    lines: dict[str, dict[str, list[int]]]

    def tests_of(self, mutant: Place) -> list[str]:
        """The tests that run the mutant's lines, those that name its module before others; or else
        all that name it, and then those that run anything of it or of those that import from it.
        The quickest first."""
        module = self.lines.get(mutant.module, {})
        wanted = {n for at in range(mutant.first, mutant.last + 1) for n in module.get(str(at), ())}
        naming = self._naming(mutant.module)
        if wanted:
            naming &= wanted
        else:
            wanted = self._run(mutant.module)
            wanted = wanted or set().union(*map(self._run, self._importers(mutant.module)))
        ordered = [*self._quickest(naming), *self._quickest(wanted - naming)]
        found: list[str] = []
        left = ENOUGH
        for test, seconds in ordered:
            left -= seconds
            if left < 0 and found:
                break
            found.append(test)
        return found

    def _quickest(self, numbers: set[int]) -> list[tuple[str, float]]:
        return sorted((self.tests[n] for n in numbers), key=lambda each: each[1])

    def _naming(self, module: str) -> set[int]:
        """The tests in files that import a module, or something of it, by name."""
        name = _dotted(module)
        return {
            number
            for number, (test, _) in enumerate(self.tests)
            if name in _imported(self.tree / test.partition("::")[0])
        }

    def _run(self, module: str) -> set[int]:
        """The tests that run anything of a module."""
        return {number for numbers in self.lines.get(module, {}).values() for number in numbers}

    def _importers(self, module: str) -> list[str]:
        said = f"from {_dotted(module)} import "
        return [each for each in self.lines if said in (self.tree / each).read_text("utf-8")]

    def survives(self, mutant: Place, code: str) -> bool:
        """Whether all its tests pass; what hangs is noticed."""
        module, wanted = self.tree / mutant.module, self.tests_of(mutant)
        if not wanted:
            return True
        before, stat = module.read_text(encoding="utf-8"), module.stat()
        module.write_text(code, encoding="utf-8")
        # Bytecode is told from that of the module as it was by the time alone, to the second.
        os.utime(module, (stat.st_atime, stat.st_mtime + 60))
        chosen = self.tree / "chosen"
        try:
            chosen.write_text("\n".join(wanted), encoding="utf-8")
            status = pytest(self, "-x", f"@{chosen}", timeout=ENOUGH + GRACE)
            if status == UNKNOWN_TEST:  # its cases are named by what was changed
                functions = dict.fromkeys(test.partition("[")[0] for test in wanted)
                chosen.write_text("\n".join(functions), encoding="utf-8")
                status = pytest(self, "-x", f"@{chosen}", timeout=ENOUGH + GRACE)
            return status == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            module.write_text(before, encoding="utf-8")
            os.utime(module, (stat.st_atime, stat.st_mtime))


def _dotted(module: str) -> str:
    """A module's name by its path."""
    return (
        module.removeprefix(SOURCES).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    )


@functools.cache
def _imported(file: Path) -> frozenset[str]:
    """What a file imports: modules, and what of them, which may be modules, too."""
    names = set[str]()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return frozenset(names)


def pytest(
    bench: Bench,
    *arguments: str,
    timeout: float | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run tests of the copy, on its own modules; the exit status."""
    path = [bench.tree / name for name in (".", "layers/core", "cli", BESIDE)]
    command = [bench.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        list(map(str, command)),
        cwd=bench.tree,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYTHONDONTWRITEBYTECODE": "1",
            **(environment or {}),
        },
        stdout=subprocess.DEVNULL if timeout else None,
        stderr=subprocess.DEVNULL if timeout else None,
        timeout=timeout,
        check=False,
    ).returncode


def measured(tree: Path, python: Path) -> Bench:
    """Run all the tests once; a bench that knows what each of them runs."""
    found, beside = tree / "covering.json", tree / BESIDE
    beside.mkdir()
    (beside / "coverage").symlink_to(Path(sysconfig.get_path("purelib")) / "coverage")
    bench = Bench(tree, python, (), {})
    passed_over = [f"--ignore={path}" for path in SLOW]
    plugin = ("-p", "tests.mutants.covering")
    # Its bytecode is kept: what no mutant changes is compiled once.
    kept = {"COVERING": str(found), "PYTHONDONTWRITEBYTECODE": ""}
    if pytest(bench, *plugin, *passed_over, *TESTS, environment=kept) != 0:
        sys.exit("the tests fail without any mutant: mend them first")
    told = json.loads(found.read_text(encoding="utf-8"))
    return Bench(tree, python, told["tests"], told["lines"])
