"""What every command line has: a version, short help, completion."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.support.stacks import forwarder, forwarder_process

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def test_the_version_is_told() -> None:
    ran = forwarder("--version")
    assert (ran.status, ran.out) == (0, f"forwarder {PROJECT['version']}\n")


@pytest.mark.parametrize("command", [(), ("local",), ("destinations",), ("destinations", "add")])
def test_short_help_is_that_of_the_long_option(command: tuple[str, ...]) -> None:
    short, long = forwarder(*command, "-h"), forwarder(*command, "--help")
    assert short.status == 0
    assert short.out == long.out
    assert "Usage: forwarder" in short.out


@pytest.mark.parametrize(
    ("line", "offered"),
    [("forwarder dest", "destinations"), ("forwarder destinations ren", "rename")],
)
def test_a_shell_completes_commands(line: str, offered: str) -> None:
    words = line.split()
    asked = {
        "_FORWARDER_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    with forwarder_process(environment=asked) as process:
        out, _ = process.communicate(timeout=60)
    assert out.split() == [offered]
