"""What every command line has: a version, short help, completion."""

from __future__ import annotations

import inspect
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from spectrum_cli import commands
from spectrum_cli.app import make_app

from tests.support.stacks import forwarder, forwarder_process
from tests.support.waiting import PATIENCE

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


@pytest.mark.parametrize("arguments", [[], ["--help"], ["destinations", "add", "-h"]])
def test_help_loads_no_reader_of_markdown_and_is_the_same_page(arguments: list[str]) -> None:
    """They are a third of what it takes; whoever else wants one of them gets it."""
    page = "import sys; from spectrum_cli.__main__ import run; run(sys.argv[1:])\n"
    whole = f"import typer.rich_utils\n{page}import rich.markdown"
    light = (
        f"{page}print(*sorted({{'markdown_it', 'pygments'}} & set(sys.modules)), file=sys.stderr)\n"
        "import rich.markdown; rich.markdown.Markdown('*as ever*')"
    )
    pages = [
        subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        for code in (whole, light)
    ]
    assert "Usage: forwarder" in pages[0].stdout
    assert pages[0].stdout == pages[1].stdout
    assert pages[1].stderr == "\n"


def test_a_process_does_not_look_for_garbage_in_what_it_has_loaded() -> None:
    """That is nearly all it makes, and stays: to look through it was a third of a stack's run."""
    code = (
        "import atexit, gc\n"
        "from spectrum_cli.__main__ import main\n"
        "looked = []; gc.callbacks.append(lambda *_: looked.append(1))\n"
        "atexit.register(lambda: print(len(looked), len(gc.get_objects())))\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "destinations", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    looked, left_to_look_through = map(int, done.stdout.splitlines()[-1].split())
    assert looked <= 4  # two phases each
    assert left_to_look_through < 1000


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
        out, _ = process.communicate(timeout=PATIENCE)
    assert out.split() == [offered]


def test_help_says_of_each_command_what_it_says_of_itself() -> None:
    whole: Any = typer.main.get_command(make_app())
    lines = {
        name: " ".join(inspect.cleandoc(command.help).partition("\n\n")[0].split())
        for name, command in whole.commands.items()
    }
    assert list(commands.COMMANDS.items()) == list(lines.items())
    assert {name for name, each in whole.commands.items() if each.hidden} == set(commands.HIDDEN)
    modules = {found.name.replace("_", "-") for found in pkgutil.iter_modules(commands.__path__)}
    assert modules == set(commands.COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        ([], set[str]()),
        (["--help"], set[str]()),
        (["replai"], set[str]()),
        (["replay", "--help"], {"replay"}),
        (["--", "support-bundle", "--help"], {"support_bundle"}),
        (["destinations", "replay"], {"destinations"}),
    ],
)
def test_a_command_loads_itself_alone(arguments: list[str], loaded: set[str]) -> None:
    """Each takes up to a tenth of a second of whoever asks for another, or for help."""
    code = "import sys; from spectrum_cli.app import make_app; make_app(sys.argv[1:])\n"
    code += "print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    prefix = f"{commands.__name__}."
    found = [name for name in done.stdout.split() if name.startswith(prefix)]
    assert {name.removeprefix(prefix) for name in found} == loaded


def test_a_name_that_is_no_command_is_told_what_was_meant() -> None:
    ran = forwarder("replai")
    assert ran.status == 2
    assert "Did you mean 'replay'" in ran.err
