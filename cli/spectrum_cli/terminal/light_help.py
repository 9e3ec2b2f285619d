"""Help at its own price: Typer's pages without what reads Markdown and what draws tracebacks.

Typer loads both with the module that writes its pages, and no page of ours needs either: they are
a third of what `forwarder --help` takes. Whoever else wants one of them gets it as ever.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType

WRITER = "typer.rich_utils"
# By module, the name that Typer takes of it.
UNUSED = {"rich.markdown": "Markdown", "rich.traceback": "Traceback"}


def load_for(arguments: Sequence[str]) -> None:
    """Load what writes the help that these arguments of `forwarder` ask for, and no more."""
    if not arguments or not {"-h", "--help"}.isdisjoint(arguments):
        # Without Rich, Typer's pages are plain ones.
        with _left_out(), contextlib.suppress(ImportError):
            importlib.import_module(WRITER)


@contextlib.contextmanager
def _left_out() -> Iterator[None]:
    """Have classes that can do nothing stand for those that are not loaded yet."""
    standing = {name: ModuleType(name) for name in UNUSED if name not in sys.modules}
    for name, module in standing.items():
        setattr(module, UNUSED[name], type(UNUSED[name], (), {}))
    sys.modules.update(standing)
    try:
        yield
    finally:
        for name in standing:
            del sys.modules[name]
