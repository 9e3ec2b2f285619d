"""docs/cli.md is what the commands' own help says, and each help has an example."""

import re
from typing import Any

import pytest
import typer
from spectrum_cli.app import make_app
from spectrum_cli.terminal import docs

COMMANDS = dict(docs.commands(typer.main.get_command(make_app())))


def test_the_page_is_what_help_says() -> None:
    again = "write it anew: python -m spectrum_cli.terminal.docs"
    assert docs.PATH.read_text() == docs.render(), again


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_of_the_command_itself(name: str) -> None:
    command: Any = COMMANDS[name]
    example = re.search(r"Example: (.*)", command.help or "")
    assert example, f"{name} --help has no example"
    assert name in example[1]
