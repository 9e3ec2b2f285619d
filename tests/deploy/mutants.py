"""`python -m tests.deploy --mutants`: each fault that was mended is put back, and has to be named.

A mutant is the tree and what was built of it, with one text changed; it is played through those
steps alone that it needs. That a fault would be seen is so shown, and not only said.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from spectrum_cli.local.registry_files import make_up_webhook

from tests.deploy import beforehand, earlier, lines, operating, outage, trial, walk
from tests.deploy.consumers import Taking, taking
from tests.deploy.emulator import running
from tests.deploy.loopback_only import confine
from tests.deploy.sam import Sam
from tests.deploy.site import ROOT, Site
from tests.deploy.steps import Failed, Steps

TREE: Final = ("template.yaml", "samconfig.toml", "Makefile", "requirements", "cli")
CODE: Final = "CoreLayer/python/spectrum_forwarder"


@dataclass(frozen=True)
class Stage:
    """Where a mutant is played: its tree, what was built of it, a consumer, and room for more."""

    sam: Sam
    tree: Path
    built: Path
    site: Site
    consumer: Taking
    more: Path

    @property
    def template(self) -> Path:
        return self.built / "template.yaml"

    def deploy(self) -> None:
        """The stack, with registries."""
        self.sam.deploy(self.template, walk.STACK, tree=self.tree)
        walk.fill_registries(self.site, self.consumer)


Play = Callable[[Stage], object]


def ask(stage: Stage) -> None:
    beforehand.ask(stage.sam, stage.tree, stage.template)


def fail_first(stage: Stage) -> None:
    trial.fail(stage.sam, stage.tree, stage.built, stage.more)


def end_a_trial(stage: Stage) -> None:
    stage.deploy()
    fail_first(stage)
    trial.end(stage.sam, stage.tree)


def update(stage: Stage) -> None:
    """To what works with its own layer alone, and back."""
    stage.deploy()
    bad = earlier.failing(stage.built, stage.more)
    sam, tree = stage.sam, stage.tree
    deploy = lambda: sam.deploy(bad, walk.STACK, tree=tree, fails=True)  # noqa: E731
    walk.update(stage.site, deploy, lambda note: None)


def refuse_the_table(stage: Stage) -> None:
    stage.deploy()
    outage.go_through(stage.site, stage.consumer)


def read_lines(stage: Stage) -> None:
    refuse_the_table(stage)
    lines.look(stage.site)


def unresolved(stage: Stage) -> None:
    stage.deploy()
    operating.doctor_without_a_name(stage.site)


@dataclass(frozen=True)
class Mutant:
    """`old` becomes `new` in `file`, wherever it stands there; `says` is in what is said of it.

    A file of the package is changed as it was built, one of the command line in a copy of it.
    """

    name: str
    play: Play
    says: str
    old: str
    new: str
    file: str = "template.yaml"


MUTANTS: Final = (
    Mutant(
        "an access log's format without its request id",
        ask,
        "lacks $context.requestId",
        '"request_id":"$context.requestId",',
        "",
    ),
    Mutant(
        "an access log that takes of the account's policy",
        ask,
        "not named /aws/vendedlogs/",
        "/aws/vendedlogs/",
        "/aws/",
    ),
    Mutant(
        "retained although the creation failed (read)",
        ask,
        "leaves it behind",
        "DeletionPolicy: RetainExceptOnCreate",
        "DeletionPolicy: Retain",
    ),
    Mutant(
        "retained although the creation failed (deployed)",
        fail_first,
        "a first deployment that failed has left trial-",
        "DeletionPolicy: RetainExceptOnCreate",
        "DeletionPolicy: Retain",
    ),
    Mutant(
        "functions without an alias (read)",
        ask,
        "itself and no alias of it",
        "    AutoPublishAlias: live\n",
        "",
    ),
    Mutant(
        "functions that are changed under their callers (deployed)",
        update,
        "an update is not one step",
        "    AutoPublishAlias: live\n",
        "",
    ),
    Mutant(
        "a question whose default stops the deployment",
        ask,
        "`sam deploy --guided` asks",
        "      Auth: {EnableIamAuthorizer: false}\n",
        "",
    ),
    Mutant(
        "a prefix that stacks share (read)",
        ask,
        "a fixed s3_prefix",
        "resolve_s3 = true\n",
        'resolve_s3 = true\ns3_prefix = "spectrum-forwarder"\n',
        "samconfig.toml",
    ),
    Mutant(
        "a prefix that stacks share (deployed)",
        end_a_trial,
        "`sam delete` of trial has deleted another stack's",
        "resolve_s3 = true\n",
        'resolve_s3 = true\ns3_prefix = "spectrum-forwarder"\n',
        "samconfig.toml",
    ),
    Mutant(
        "a long stack's name that leaves `listen` no name of a queue",
        ask,
        "leaves no room for a listener's",
        "spectrum-listen-${Stack}-\n",
        "${AWS::StackName}-listen-${Stack}-\n",
    ),
    Mutant(
        "a doctor who blames a secret where the endpoint's name has no address",
        unresolved,
        "doctor blames a secret",
        """            yield skipped("known", f"nobody could be asked for {name}: {url}: {error}")
            return
""",
        "            knows = False\n",
        "cli/spectrum_cli/checks/endpoint.py",
    ),
    Mutant(
        "records that wait for the queue's six minutes",
        refuse_the_table,
        "what was queued whole while the table refused is back within seconds: not within",
        "                  - sqs:ChangeMessageVisibility\n",
        "",
    ),
    Mutant(
        "log lines without a valid timestamp",
        read_lines,
        "without a valid timestamp counts as INFO",
        '"timestamp": f"{second}',
        '"at": f"{second}',
        f"{CODE}/observability.py",
    ),
)


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
