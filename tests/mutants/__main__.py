"""How much the fast tests hold: a random sample of mutants of the layer, each tried by its tests.

    python -m tests.mutants --python PYTHON [--sample 100] [--seed 1]

Mutants are Cosmic Ray's: one operator, number, condition or the like is another one, in a copy of
the tree. Left out is what changes nothing that a test could see (`is` for `==`, a data class that
is not frozen) and what cannot even be imported (`|` between types). Of the fast tests those try a
mutant that run its line, the quickest first; where only an import runs it, those that run anything
of its module, or, where there is nothing to run in it, of those that import it. PYTHON has the
tests' environment; this program's own has Cosmic Ray's.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from tests.support.tracked import ROOT, copy_to

SOURCES = "layers/core/"
LAYER = f"{SOURCES}spectrum_forwarder"
# Modules on the top are the use cases.
MUTATED = ("*.py", "fanout/*.py", "domain/**/*.py", "adapters/**/*.py")
# Without those that start processes, which would have to be built anew for each mutant.
TESTS = ("tests/unit", "tests/functional", "tests/contract", "tests/observability")
SLOW = (
    "tests/functional/test_event_files.py",
    "tests/observability/test_local_run.py",
    "tests/unit/test_readme_steps.py",
)
OPERATORS = re.compile(
    r"core/(NumberReplacer|AddNot|ReplaceTrueWithFalse|ReplaceFalseWithTrue|ReplaceAndWithOr"
    r"|ReplaceOrWithAnd|ReplaceBreakWithContinue|ReplaceContinueWithBreak|ExceptionReplacer"
    r"|ZeroIterationForLoop|ReplaceUnaryOperator_\w+"
    r"|ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Add|Div_Mul|FloorDiv_Mul|Mod_Add)"
    r"|ReplaceComparisonOperator_(Eq_NotEq|NotEq_Eq|Lt_LtE|LtE_Lt|Gt_GtE|GtE_Gt|Is_IsNot"
    r"|IsNot_Is|In_NotIn|NotIn_In|Lt_Gt|Gt_Lt))"
)
# Seconds that the tests of one mutant may take by the measured run, and what a busy machine adds.
ENOUGH, GRACE = 20.0, 60.0
BAR = 0.95
# The folder of what tests are run with, and nothing else of this program's environment.
BESIDE = "beside"


@dataclass(frozen=True)
class Mutant:
    """One change: the operator's nth occurrence in a module, on these lines."""

    module: str
    operator: str
    occurrence: int
    first: int
    last: int

    def code(self, tree: Path) -> str | None:
        """The module with the change; None where there is none."""
        source = (tree / self.module).read_text(encoding="utf-8")
        changed: str | None = mutate_code(source, get_operator(self.operator)(), self.occurrence)
        return None if changed == source else changed


def mutants_of(module: Path) -> Iterator[Mutant]:
    """All mutants of a module that could be seen."""
    unseen = set(_unseen(ast.parse(module.read_text(encoding="utf-8"))))
    nodes = list(ast_nodes(get_ast_from_path(module)))
    for name in filter(OPERATORS.fullmatch, operator_names()):
        operator = get_operator(name)()
        places = [place for node in nodes for place in operator.mutation_positions(node)]
        for occurrence, ((first, _), (last, _)) in enumerate(places):
            if first not in unseen:
                path = str(module.relative_to(ROOT))
                yield Mutant(path, name, occurrence, first, last)


def _unseen(module: ast.Module) -> Iterator[int]:
    """The lines of decorators, and of conditions for type checkers alone."""
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            for decorator in node.decorator_list:
                yield from range(decorator.lineno, (decorator.end_lineno or 0) + 1)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield node.lineno


@dataclass(frozen=True)
class Bench:
    """A copy of the tree, and the tests' Python."""

    tree: Path
    python: Path
    tests: Sequence[tuple[str, float]]
    lines: dict[str, dict[str, list[int]]]

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that run the mutant's lines, or else anything of its module, or else of those
        that import from it; the quickest first."""
        module = self.lines.get(mutant.module, {})
        wanted = {n for at in range(mutant.first, mutant.last + 1) for n in module.get(str(at), ())}
        wanted = wanted or self._run(mutant.module)
        wanted = wanted or set().union(*map(self._run, self._importers(mutant.module)))
        found: list[str] = []
        left = ENOUGH
        for test, seconds in sorted((self.tests[n] for n in wanted), key=lambda each: each[1]):
            left -= seconds
            if left < 0 and found:
                break
            found.append(test)
        return found

    def _run(self, module: str) -> set[int]:
        """The tests that run anything of a module."""
        return {number for numbers in self.lines.get(module, {}).values() for number in numbers}

    def _importers(self, module: str) -> list[str]:
        name = module.removeprefix(SOURCES).removesuffix(".py").replace("/", ".")
        said = f"from {name} import "
        return [each for each in self.lines if said in (self.tree / each).read_text("utf-8")]

    def survives(self, mutant: Mutant, code: str) -> bool:
        """Whether all its tests pass; what hangs is noticed."""
        module, wanted = self.tree / mutant.module, self.tests_of(mutant)
        if not wanted:
            return True
        before, stat = module.read_text(encoding="utf-8"), module.stat()
        module.write_text(code, encoding="utf-8")
        # Bytecode is told from that of the module as it was by the time alone, to the second.
        os.utime(module, (stat.st_atime, stat.st_mtime + 60))
        chosen = self.tree / "chosen"
        chosen.write_text("\n".join(wanted), encoding="utf-8")
        try:
            return pytest(self, "-x", f"@{chosen}", timeout=ENOUGH + GRACE) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            module.write_text(before, encoding="utf-8")
            os.utime(module, (stat.st_atime, stat.st_mtime))


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


def difference(mutant: Mutant, code: str) -> str:
    """What the mutant changes, in a line or two."""
    before = (ROOT / mutant.module).read_text(encoding="utf-8").splitlines()
    lines = difflib.unified_diff(before, code.splitlines(), lineterm="", n=0)
    return "\n".join(f"    {line}" for line in list(lines)[3:])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    modules = sorted({path for pattern in MUTATED for path in (ROOT / LAYER).glob(pattern)})
    every = [mutant for module in modules for mutant in mutants_of(module)]
    sample = random.Random(options.seed).sample(every, options.sample)
    print(f"{options.sample} of {len(every)} mutants of {len(modules)} modules", flush=True)
    survivors, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        copy_to(tree := Path(folder).resolve())
        bench = measured(tree, options.python.absolute())
        for number, mutant in enumerate(sample, 1):
            code = mutant.code(tree)
            survived = code is not None and bench.survives(mutant, code)
            survivors += survived
            where = f"{mutant.module.removeprefix(LAYER + '/')}:{mutant.first}"
            word = "survived" if survived else "killed"
            print(f"{number:4} {word:8} {where} {mutant.operator}", flush=True)
            if survived and code is not None:
                print(difference(mutant, code), flush=True)
    killed = 1 - survivors / options.sample
    print(f"{killed:.0%} killed, {survivors} alive, in {time.monotonic() - began:.0f} s")
    sys.exit(killed < BAR)


if __name__ == "__main__":
    main()
