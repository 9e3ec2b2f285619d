"""The faults that were mended, as they are put back, and the steps that each is played through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.deploy import beforehand, earlier, lines, operating, outage, trial, walk
from tests.deploy.consumers import Taking
from tests.deploy.sam import Sam
from tests.deploy.site import Site

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
        "cli/spectrum_cli/doctor/endpoint.py",
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
