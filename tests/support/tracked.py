"""What git knows of this checkout, as it lies here; for programs outside the tests' environment."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def tracked() -> list[Path]:
    """The files of the checkout, without those that are deleted here."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = filter(None, map(os.fsdecode, listed.stdout.split(b"\0")))
    return [path for path in map(ROOT.joinpath, names) if path.is_file()]


def copy_to(tree: Path) -> None:
    """Put all of them into a folder, with their modes."""
    for path in tracked():
        target = tree / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
