"""docs/cli.md: every command as its `--help` tells it.

`python -m spectrum_cli.terminal.docs` writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from spectrum_cli.app import make_app

PATH = Path(__file__).resolve().parents[3] / "docs" / "cli.md"
WIDTH = 88

PREAMBLE = """\
# The `forwarder` command

Install it with `pip install '.[cli,fanout]'`, and with `.[local]` for the stack on one machine.
This page is made of the commands' own `--help`, by `python -m spectrum_cli.terminal.docs`; a test
holds it to that.

A command works on a deployed stack, found by its CloudFormation outputs (`--stack NAME --region R
--profile P`; the name can stand in `FORWARDER_STACK`), or with `--local` on the local stack that
is running. Its credentials are those that the AWS command line would use.

`forwarder --install-completion` has the shell complete commands and options; `--version` tells the
version, and `-h` after any command its help.

Results go to standard output, as a table or with `--json` as JSON; all else goes to standard
error. No secret is printed without `--reveal`, and phone numbers and mail addresses are masked.

| exit status | meaning |
|---|---|
| 0 | done |
| 1 | a finding: something is wrong, or part of what was asked for could not be done |
| 2 | wrong use: an option or an argument |
| 3 | something cannot be reached: no stack, no credentials, no permission |
| 130 | ended by Ctrl-C |
"""


def render() -> str:
    """The whole page."""
    root: Any = typer.main.get_command(make_app())
    sections = [
        f"## `{name}`\n\n```\n{_help(command, name)}\n```\n" for name, command in commands(root)
    ]
    return "\n".join([PREAMBLE, *sections])


def commands(group: Any, prefix: str = "forwarder") -> Iterator[tuple[str, Any]]:
    """Every command that `--help` shows, with its full name; groups of them are left out."""
    for name, command in sorted(group.commands.items()):
        full_name = f"{prefix} {name}"
        if hasattr(command, "commands"):
            yield from commands(command, full_name)
        elif not command.hidden:
            yield full_name, command


def _help(command: Any, name: str) -> str:
    # Without Rich, whose boxes would depend on the terminal.
    command.rich_markup_mode = None
    context = command.context_class(
        command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH
    )
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


def main() -> None:
    """Write docs/cli.md."""
    PATH.write_text(render())
    print(PATH, file=sys.stderr)


if __name__ == "__main__":
    main()
