"""How much the fast tests hold: a random sample of mutants of the layer, each tried by its tests.

    python -m tests.mutants --python PYTHON [--sample 100] [--seed 1]

Mutants are Cosmic Ray's: one operator, number, condition or the like is another one, in a copy of
the tree. Left out is what changes nothing that a test could see (`is` for `==`, a data class that
is not frozen) and what cannot even be compiled or imported (`|` between types). Of the fast tests
those try a mutant that run its line, first those of the files that import its module by name; where
only an import runs it, all of these files, then those that run anything of the module, or, where
there is nothing to run in it, of those that import it. The quickest go first. PYTHON has the tests'
environment; this program's own has Cosmic Ray's.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import itertools
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from tests.mutants.bench import SOURCES, measured
from tests.support.tracked import ROOT, copy_to

LAYER = f"{SOURCES}spectrum_forwarder"
# Modules on the top are the use cases.
MUTATED = ("*.py", "fanout/**/*.py", "domain/**/*.py", "adapters/**/*.py")
OPERATORS = re.compile(
    r"core/(NumberReplacer|AddNot|ReplaceTrueWithFalse|ReplaceFalseWithTrue|ReplaceAndWithOr"
    r"|ReplaceOrWithAnd|ReplaceBreakWithContinue|ReplaceContinueWithBreak|ExceptionReplacer"
    r"|ZeroIterationForLoop|ReplaceUnaryOperator_\w+"
    r"|ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Add|Div_Mul|FloorDiv_Mul|Mod_Add)"
    r"|ReplaceComparisonOperator_(Eq_NotEq|NotEq_Eq|Lt_LtE|LtE_Lt|Gt_GtE|GtE_Gt|Is_IsNot"
    r"|IsNot_Is|In_NotIn|NotIn_In|Lt_Gt|Gt_Lt))"
)
# Of a zip it says what holds by construction: nobody can see that it is no longer said.
TO_FALSE = "core/ReplaceTrueWithFalse"
BAR = 0.95


@dataclass(frozen=True)
class Mutant:
    """One change: the operator's nth occurrence in a module, on these lines."""

    module: str
    operator: str
    occurrence: int
    first: int
    last: int

    def code(self, tree: Path) -> str | None:
        """The module with the change; None where there is none, or where it is not Python."""
        source = (tree / self.module).read_text(encoding="utf-8")
        try:
            changed: str = mutate_code(source, get_operator(self.operator)(), self.occurrence)
            # Cosmic Ray takes the `*` of a call or a signature for a product.
            compile(changed, self.module, "exec")
        except (SyntaxError, AttributeError):  # the latter by an exception's name with a dot in it
            return None
        return None if changed == source else changed


def mutants_of(module: Path) -> Iterator[Mutant]:
    """All mutants of a module that could be seen."""
    text = module.read_text(encoding="utf-8")
    unseen = set(_unseen(ast.parse(text)))
    strict = {at for at, line in enumerate(text.splitlines(), 1) if "strict=True" in line}
    nodes = list(ast_nodes(get_ast_from_path(module)))
    for name in filter(OPERATORS.fullmatch, operator_names()):
        operator = get_operator(name)()
        places = [place for node in nodes for place in operator.mutation_positions(node)]
        for occurrence, ((first, _), (last, _)) in enumerate(places):
            if first not in unseen and not (name == TO_FALSE and first in strict):
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
    random.Random(options.seed).shuffle(every)
    print(f"{options.sample} of {len(every)} mutants of {len(modules)} modules", flush=True)
    survivors, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        copy_to(tree := Path(folder).resolve())
        bench = measured(tree, options.python.absolute())
        made = ((mutant, code) for mutant in every if (code := mutant.code(tree)) is not None)
        for number, (mutant, code) in enumerate(itertools.islice(made, options.sample), 1):
            survived = bench.survives(mutant, code)
            survivors += survived
            where = f"{mutant.module.removeprefix(LAYER + '/')}:{mutant.first}"
            word = "survived" if survived else "killed"
            print(f"{number:4} {word:8} {where} {mutant.operator}", flush=True)
            if survived:
                print(difference(mutant, code), flush=True)
    killed = 1 - survivors / options.sample
    print(f"{killed:.0%} killed, {survivors} alive, in {time.monotonic() - began:.0f} s")
    sys.exit(killed < BAR)


if __name__ == "__main__":
    main()
