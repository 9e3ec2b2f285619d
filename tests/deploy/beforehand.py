"""What is asked before anything is deployed: what the emulator does not refuse, and AWS would."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path
from typing import Final

from spectrum_cli.local.template import load

from tests.deploy.sam import PARAMETERS, Sam
from tests.deploy.steps import Failed
from tests.template import refusals

# aws-sam-cli's own, in its own environment: for each route, whether `--guided` asks about it.
_ASKS: Final = """
import sys
from samcli.commands.deploy.auth_utils import auth_per_resource
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider
stacks, _ = SamLocalStackProvider.get_stacks(sys.argv[1])
print(*(name for name, known in auth_per_resource(stacks) if not known))
"""


def ask(sam: Sam, tree: Path, template: Path) -> int:
    """Raise Failed with all that is wrong; the number of questions asked."""
    read = load(template, PARAMETERS)
    answers = [check(read) for check in refusals.CHECKS]
    answers += [samconfig(tree), guided(sam, template)]
    if said := [sentence for answer in answers for sentence in answer]:
        raise Failed("; ".join(said))
    return len(answers)


def samconfig(tree: Path) -> list[str]:
    """aws-sam-cli 1.170.0, commands/delete/delete_context.py: `sam delete` deletes whatever lies
    below the prefix that the stack was deployed with."""
    settings = tomllib.loads((tree / "samconfig.toml").read_text("utf-8"))
    return [
        f"samconfig.toml [{name}]: a fixed s3_prefix: `sam delete` of one stack deletes another's "
        "artefacts"
        for name, part in settings.items()
        if isinstance(part, dict) and "s3_prefix" in str(part)
    ]


def guided(sam: Sam, template: Path) -> list[str]:
    """Asked of sam itself: it goes on only if each route has an Auth, or a person says y, where N
    is the default ("Security Constraints Not Satisfied!")."""
    done = subprocess.run(
        [str(sam.program.with_name("python")), "-c", _ASKS, str(template)],
        capture_output=True,
        text=True,
        env=sam.emulator.environment,
        check=False,
    )
    if done.returncode:
        raise Failed(f"sam could not be asked for its questions:\n{done.stderr[-1000:]}")
    asked = sorted(set(done.stdout.split()))
    return [
        f"{name}: `sam deploy --guided` asks whether it may have no authentication, and its "
        "default ends the deployment"
        for name in asked
    ]
