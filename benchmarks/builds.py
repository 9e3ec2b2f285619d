"""What is measured: builds as they are deployed, and implementations that processes run."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from spectrum_cli.local.builds import Builds, build_all, this_machine
from spectrum_cli.local.checkout import BUILDS, TEMPLATE

from benchmarks.workshop import CHECKOUT, PYTHON, Row, Stub, environment

# The names of builds among implementations: this checkout's, and that of an earlier commit.
OURS: Final = "ours"
BEFORE: Final = "before"
FUNCTIONS: Final = ("receiver", "fanout")


@dataclass(frozen=True)
class Build:
    """Folders for Python's path: the layer's, and each function's by name."""

    layer: Path
    functions: Mapping[str, Path]

    def path(self, function: str) -> str:
        return f"{self.functions[function]}:{self.layer}"


def row(what: str, bar: str, told: Mapping[str, str], met: bool | None) -> Row:
    """A line of the table of what ours reached, and the build before where it was measured."""
    return Row(what, bar, told[OURS], met, told.get(BEFORE, "-"))


@functools.cache
def ours() -> Build:
    """This checkout as `make build` makes it, for the benchmarks' Python."""
    found = build_all(TEMPLATE, Builds(BUILDS, this_machine(str(PYTHON))))
    functions = {name: found[f"{name.capitalize()}Function"] for name in FUNCTIONS}
    return Build(found["CoreLayer"], functions)


@dataclass(frozen=True)
class Implementation:
    """A module with a handler, Python's path to it, and the authorities that it trusts."""

    module: str
    path: str
    authorities: Path

    def invoke(
        self, server: Stub, events: Sequence[Mapping[str, Any]], **more: str
    ) -> dict[str, Any]:
        """One process, these events; see the child for what comes back."""
        variables = environment(server, bundle=self.authorities) | {"PYTHONPATH": self.path, **more}
        lines = "\n".join(json.dumps(event) for event in events)
        return dict(json.loads(self._run("child.py", variables, lines)))

    def import_seconds(self) -> float:
        """CPU of importing its own modules, without what these load of others."""
        # Without a function's name none makes its clients meanwhile.
        variables = {"PYTHONPATH": self.path, "PYTHONDONTWRITEBYTECODE": "1"}
        return float(self._run("importing.py", variables, ""))

    def _run(self, script: str, variables: Mapping[str, str], given: str) -> str:
        # Without the environment's own packages: only the path given.
        child = [str(PYTHON), "-S", str(CHECKOUT / "benchmarks" / script), self.module]
        done = subprocess.run(
            child, env=variables, input=given, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{self.path}, {self.module}: {done.stderr[-2000:]}")
        return done.stdout


def with_certificate(
    build: Build, function: str, target: Path, certificate: Path
) -> Implementation:
    """A copy of a function in `target` whose authorities vouch for this certificate as well.

    They are the function's own, for destinations; before it had any, they were botocore's.
    """
    copies = {"function": build.functions[function], "layer": build.layer}
    for name, folder in copies.items():
        shutil.copytree(folder, target / name, copy_function=os.link)
    found = target / "function" / "certifi" / "cacert.pem"
    if not found.is_file():
        found = target / "layer" / "botocore" / "cacert.pem"
    whole = found.read_bytes() + certificate.read_bytes()
    found.unlink()  # else the build would be written to, by its link
    found.write_bytes(whole)
    return Implementation("app", f"{target / 'function'}:{target / 'layer'}", found)
