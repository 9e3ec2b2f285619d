"""Builds of the layer and the functions for tests; `python -m tests.support.built` makes them all.

Made beforehand, they are there when a test begins to count its seconds. With `--path` it prints the
PYTHONPATH with which deliveries are made by what is built.
"""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from spectrum_cli.local.builds import Builds, Target, awslambda, build_all, this_machine
from spectrum_cli.local.checkout import BUILDS, TEMPLATE

NO_PYTHON = "no-python3.13"


@cache
def runtime_python() -> str:
    """A Python of the runtime's minor version on this machine; a name of none where there is none.

    pyenv has a command of that name even where it is not one that may be used.
    """
    versions = sorted((Path.home() / ".pyenv" / "versions").glob("3.13*/bin/python3.13"))
    for python in [found for found in [shutil.which("python3.13"), *map(str, versions)] if found]:
        if subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0:
            return python
    return NO_PYTHON


def for_this_machine() -> dict[str, Path]:
    """The folders for Python's path by logical id, as the local stack runs them."""
    return _built(this_machine())


def for_lambda() -> dict[str, Path]:
    """The same as `make build` makes them."""
    return _built(awslambda(runtime_python()))


def delivering_path() -> str:
    """A PYTHONPATH of the layer's own package and of what the fan-out has beside it.

    Without the layer's libraries: trimmed as they are, the tests' own tools do not work with them.
    """
    found = for_this_machine()
    folder = BUILDS / "delivering"
    folder.mkdir(exist_ok=True)
    link = folder / "spectrum_forwarder"
    link.unlink(missing_ok=True)
    link.symlink_to(found["CoreLayer"] / "spectrum_forwarder")
    return os.pathsep.join(map(str, (folder, found["FanoutFunction"])))


def _built(target: Target) -> dict[str, Path]:
    return build_all(
        TEMPLATE, Builds(BUILDS, target, say=lambda text: print(text, file=sys.stderr))
    )


if __name__ == "__main__":
    if "--path" in sys.argv:
        print(delivering_path())
    else:
        for_this_machine()
        for_lambda()
