"""The real `sam`, used as docs and Makefile say, with the emulator for AWS."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spectrum_cli.local.builds import this_machine

from tests.deploy.emulator import ACCOUNT, REGION, Emulator
from tests.deploy.steps import Failed

SECONDS = 300
# Two batches at a time in a lane: the emulator starts a process for each, on few cores.
LANES = {"MainLaneConcurrency": "2", "SlowLaneConcurrency": "2"}
# With targets, so that the rights for them are there.
TARGETS = {
    "TargetQueueArns": ",".join(
        f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}" for name in ("orders", "orders.fifo")
    ),
    "TargetEventBusArns": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/orders",
    "TargetFunctionArns": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders",
}
PARAMETERS = LANES | TARGETS
_LAST_LINES = 25


def made_words(tree: Path, stack: str) -> list[str]:
    """The words that `make deploy` gives sam for a stack."""
    command = ["make", "--dry-run", "--silent", "deploy", "SAM=sam", "--old-file=sam"]
    done = subprocess.run(
        [*command, f"STACK={stack}"], cwd=tree, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1].split()[1:]


@dataclass(frozen=True)
class Sam:
    """`program` is the command; `python` is what the functions run under, and wheels are for."""

    program: Path
    python: Path
    emulator: Emulator

    def build(self, tree: Path, into: Path) -> Path:
        """Build a tree's template for this machine's Python; return what can be deployed.

        What has been built into the folder before is taken as it is.
        """
        if (into / "template.yaml").exists():
            return into / "template.yaml"
        # Given as on make's command line: sam passes on its environment, and no arguments.
        variables = this_machine(str(self.python)).variables
        given = {"MAKEFLAGS": " ".join(f"{name}={value}" for name, value in variables.items())}
        self._run("build", "--build-dir", str(into), cwd=tree, more=given)
        return into / "template.yaml"

    def deploy(
        self,
        template: Path,
        stack: str,
        *,
        tree: Path,
        parameters: Mapping[str, str] = PARAMETERS,
        fails: bool = False,
        by_hand: bool = False,
    ) -> None:
        """Deploy as the tree's `make deploy` does, without a question; whether it has to fail.

        By hand, only samconfig.toml says how.
        """
        overrides = [f"{name}={value}" for name, value in parameters.items()]
        words = ["deploy", "--stack-name", stack] if by_hand else made_words(tree, stack)
        self._run(
            *words,
            *("--template-file", str(template)),
            *("--config-file", str(tree / "samconfig.toml"), "--region", REGION),
            *("--no-confirm-changeset", "--no-progressbar", "--parameter-overrides", *overrides),
            cwd=tree,
            fails=fails,
        )

    def delete(self, stack: str, *, tree: Path) -> None:
        """Delete the stack, and what was uploaded for it."""
        self._run("delete", "--stack-name", stack, "--region", REGION, "--no-prompts", cwd=tree)

    def _run(
        self,
        *arguments: str,
        cwd: Path,
        more: Mapping[str, str] | None = None,
        fails: bool = False,
    ) -> None:
        # Packages come from wherever pip has them: a build is not confined to loopback.
        environment = self.emulator.environment | dict(more or {})
        if arguments[0] == "build":
            for name in ("HTTP_PROXY", "HTTPS_PROXY", "SSL_CERT_FILE"):
                environment.pop(name)
        done = subprocess.run(
            [str(self.program), *arguments],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if bool(done.returncode) != fails:
            last = "\n".join(done.stdout.strip().splitlines()[-_LAST_LINES:])
            raise Failed(f"sam {arguments[0]} ended with {done.returncode}:\n{last}")
