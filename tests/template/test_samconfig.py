"""How the stack is deployed: samconfig.toml, and the Makefile that calls sam."""

from __future__ import annotations

import subprocess
import tomllib

import pytest

from tests.template.conftest import TEMPLATE

ROOT = TEMPLATE.parent
SAMCONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
STACKS = {
    name: part["global"]["parameters"]["stack_name"]
    for name, part in SAMCONFIG.items()
    if isinstance(part, dict)
}


def deploying(*variables: str) -> list[str]:
    """The words of the command that `make deploy` runs."""
    command = ["make", "--dry-run", "--silent", "deploy", "SAM=sam", "--old-file=sam", *variables]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


def value_of(option: str, words: list[str]) -> str:
    return words[words.index(option) + 1]


def test_no_two_stacks_share_a_prefix_of_artefacts() -> None:
    """aws-sam-cli 1.170.0, commands/delete/delete_context.py: everything below it is deleted."""
    assert "s3_prefix" not in str(SAMCONFIG)
    words = deploying("STACK=trial")
    assert (value_of("--stack-name", words), value_of("--s3-prefix", words)) == ("trial", "trial")


@pytest.mark.parametrize("environment", STACKS)
def test_make_deploy_deploys_the_stack_of_its_environment(environment: str) -> None:
    words = deploying(f"ENV={environment}", "ARGS=--guided")
    assert value_of("--config-env", words) == environment
    assert value_of("--stack-name", words) == value_of("--s3-prefix", words) == STACKS[environment]
    assert words[-1] == "--guided"
