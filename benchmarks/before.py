"""The build before, to be measured beside ours: a commit's tree, its build, and its own code.

Everything is made in `build/before` by the commit's own Makefiles, once: what its functions run on
is what its layer pins, compiled by the benchmarks' Python; what its own code is asked for runs in
its own environment. Written for a0ca199, the build before 0.2.0.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.builds import FUNCTIONS, Build
from benchmarks.workshop import CHECKOUT, PYTHON, python_version

STORE = CHECKOUT / "build" / "before"


@dataclass(frozen=True)
class Tree:
    """A commit's files in a folder, with an environment of their own in `.venv`."""

    commit: str
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / ".venv" / "bin" / "python"

    @property
    def command(self) -> Path:
        """Its `forwarder`."""
        return self.python.with_name("forwarder")

    def ask(self, code: str) -> Any:
        """What Python code prints last, as JSON, among the tree's own modules."""
        return json.loads(_run([str(self.python), "-c", code], self.folder).splitlines()[-1])


def take(commit: str, *, checkout: Path = CHECKOUT, store: Path = STORE) -> Tree:
    """A commit of `checkout` in a folder; RuntimeError where there is none or it is not made."""
    name = _run(["git", "rev-parse", "--short=12", f"{commit}^{{commit}}"], checkout).strip()

    def unpack(folder: Path) -> None:
        # Not a tar: Python before 3.11.4 knows no filter for it, and later ones ask for one.
        archive = ["git", "archive", "--format=zip", name]
        packed = subprocess.run(archive, cwd=checkout, capture_output=True, check=True).stdout
        with zipfile.ZipFile(io.BytesIO(packed)) as files:
            files.extractall(folder)

    # Its environment is of the Python that runs ours, for the command and the local stack.
    version = "{}.{}".format(*sys.version_info)
    tree = Tree(commit, _once(store / f"{name}-{version}", unpack))
    _run(["make", "--silent", ".venv/.ready", f"PYTHON={sys.executable}"], tree.folder)
    return tree


def build(tree: Tree) -> Build:
    """What it deploys: its layer by its own recipe, and its functions with what they pin.

    A function's packages are this machine's: a0ca199's recipe gets them for Lambda's processor.
    """
    home = tree.folder / "build" / f"bench-{python_version()}"
    layer, functions = tree.folder / "layers" / "core", tree.folder / "functions"

    def make_layer(folder: Path) -> None:
        given = [f"ARTIFACTS_DIR={folder}", f"PYTHON={PYTHON}", f"RUNTIME_PYTHON={PYTHON}"]
        _run(["make", "--silent", "build-CoreLayer", *given], layer)

    def make_function(source: Path) -> Callable[[Path], None]:
        def make(folder: Path) -> None:
            if (source / "requirements.txt").is_file():
                pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-compile"]
                _run(
                    [*pip, "--require-hashes", "-r", "requirements.txt", "-t", str(folder)], source
                )
            shutil.copy(source / "app.py", folder)
            compiled = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
            _run([str(PYTHON), *compiled, str(folder)], source)

        return make

    return Build(
        _once(home / "layer", make_layer) / "python",
        {name: _once(home / name, make_function(functions / name)) for name in FUNCTIONS},
    )


def _once(folder: Path, make: Callable[[Path], None]) -> Path:
    """A folder that is there when it is whole."""
    if not folder.is_dir():
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        make(part)
        part.rename(folder)
    return folder


def _run(command: Sequence[str], folder: Path) -> str:
    # What the make above this one was told, and this process's Python, is not meant for it.
    ours = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} in {folder}: {done.stderr[-2000:]}")
    return done.stdout
