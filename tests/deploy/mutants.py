"""`python -m tests.deploy --mutants`: each fault that was mended is put back, and has to be named.

A mutant is the tree and what was built of it, with one text changed; it is played through those
steps alone that it needs. That a fault would be seen is so shown, and not only said.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from spectrum_cli.local.registry_files import make_up_webhook

from tests.deploy import earlier, walk
from tests.deploy.consumers import taking
from tests.deploy.emulator import running
from tests.deploy.loopback_only import confine
from tests.deploy.mended import MUTANTS, Mutant, Stage
from tests.deploy.sam import Sam
from tests.deploy.site import ROOT, Site
from tests.deploy.steps import Failed, Steps

TREE: Final = ("template.yaml", "samconfig.toml", "Makefile", "requirements", "cli")


def play_all(sam_program: Path, python: Path, built: Path, names: str) -> int:
    """Play those whose name holds `names`; how many were not named. `built` is the tree's build."""
    steps, unnoticed = Steps(), 0
    for mutant in MUTANTS:
        if names not in mutant.name:
            continue
        with steps.step(mutant.name) as note:
            said = _said_of(mutant, sam_program, python, built)
            unnoticed += mutant.says not in said
            note(f"red: {said.splitlines()[0][:160]}" if said else "NOT NOTICED")
            if said and mutant.says not in said:
                note(f"NOT NAMED: {mutant.says}")
    return unnoticed


def _said_of(mutant: Mutant, sam_program: Path, python: Path, built: Path) -> str:
    with (
        tempfile.TemporaryDirectory(prefix="deploy-test-mutant-") as name,
        running(python) as emulator,
        taking() as consumer,
    ):
        folder = Path(name)
        tree, copy = folder / "tree", folder / "built"
        _copy_tree(ROOT, tree)
        shutil.copytree(built, copy, symlinks=True)
        _put_back(mutant, tree, copy)
        confine(emulator.port)
        site = Site(emulator, walk.STACK, make_up_webhook())
        site.package = tree / "cli" if mutant.file.startswith("cli/") else None
        sam = Sam(sam_program, python, emulator)
        try:
            mutant.play(Stage(sam, tree, copy, site, consumer, folder / "more"))
        except Failed as failure:
            return str(failure)
        return ""


def _copy_tree(root: Path, tree: Path) -> None:
    tree.mkdir()
    for name in TREE:
        if (root / name).is_dir():
            shutil.copytree(root / name, tree / name)
        else:
            shutil.copy(root / name, tree)


def _put_back(mutant: Mutant, tree: Path, built: Path) -> None:
    """Change the file; what was built of the template is made of the changed one."""
    if mutant.file.startswith("CoreLayer/"):
        source = built / mutant.file
        earlier.replace(source, _changed(mutant, source))
        return
    source = tree / mutant.file
    source.write_text(_changed(mutant, source), "utf-8")
    if mutant.file == "template.yaml":
        made = source.read_text("utf-8")
        for folder, name in folders(built).items():
            made = made.replace(f"Uri: {folder}\n", f"Uri: {name}\n")
        (built / "template.yaml").write_text(made, "utf-8")


def folders(built: Path) -> Mapping[str, str]:
    """The code's folders and what was built of them."""
    more = {"functions/registrations": "RegistrationsFunction"}
    return {**earlier.FOLDERS, **{k: v for k, v in more.items() if (built / v).exists()}}


def _changed(mutant: Mutant, source: Path) -> str:
    text = source.read_text("utf-8")
    if mutant.old not in text:
        raise SystemExit(f"{mutant.name}: {mutant.old!r} does not stand in {mutant.file}")
    return text.replace(mutant.old, mutant.new)
