"""What a newcomer meets first: make, an old Python, the demo's environment, the extras."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]
# What only development and tests take, and the heaviest that came along once.
DEVELOPERS = {
    "cfn-lint",
    "django",
    "hypothesis",
    "mypy",
    "pytest",
    "ruff",
    "selenium",
    "sympy",
    "uv",
}


def pins(name: str) -> set[str]:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    return set(re.findall(r"^(\S+==\S+)", text, flags=re.M))


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[>=<]", requirement)[0] for requirement in requirements}


def write_script(path: Path, lines: str) -> None:
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)


def make(target: str, python: Path, venv: Path) -> subprocess.CompletedProcess[str]:
    # Run by `make -j`, another make would have more to say.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "-s", target, f"PYTHON={python}", f"VENV={venv}"]
    return subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True, check=False)


def test_make_help_shows_every_target_that_a_person_calls() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    shown = re.findall(r"^make (\S+) +\S", done.stdout, flags=re.M)
    phony = re.search(r"^\.PHONY: (.+)$", MAKEFILE, flags=re.M)
    assert phony is not None
    assert sorted(shown) == sorted(phony[1].split())
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_python_that_is_too_old_is_one_sentence(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    write_script(old, '[ "$1" = -V ] && echo Python 3.9.6 && exit\nexit 1')
    for python, said in ((old, "Python 3.9.6"), (tmp_path / "none", "not there")):
        done = make("demo", python, tmp_path / "venv")
        assert done.returncode == 2
        first, rest = done.stderr.split("\n", 1)
        assert first.startswith(f"Python 3.11 or later is needed, and {python} is {said}")
        assert re.match(r"make(\[\d+\])?: \*\*\*", rest), rest
        assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize(
    ("made_by", "options"), [("/here", []), ("/elsewhere", ["--clear"]), (None, ["--clear"])]
)
def test_an_environment_that_another_python_made_is_made_anew(
    tmp_path: Path, made_by: str | None, options: list[str]
) -> None:
    """Else one Python's folder holds what was compiled for another, and cannot be loaded."""
    venv, asked = tmp_path / "venv", tmp_path / "asked"
    if made_by is not None:
        (venv / "bin").mkdir(parents=True)
        write_script(venv / "bin/python", f"echo {made_by}")
    # It says which one it is, notes what is asked of its venv, and makes none.
    python = tmp_path / "python3"
    write_script(python, f'[ "$1" = -c ] && echo /here && exit\necho "$@" > {asked}\nexit 1')
    make("demo", python, venv)
    assert asked.read_text().split() == ["-m", "venv", *options, str(venv)]


def test_no_extra_names_its_own_package() -> None:
    assert not [name for name, needs in EXTRAS.items() if "spectrum-forwarder" in names(needs)]


def test_the_local_extra_brings_what_the_command_the_fan_out_and_the_pages_need() -> None:
    assert names(EXTRAS["cli"] + EXTRAS["fanout"] + EXTRAS["ui"]) <= names(EXTRAS["local"])
    assert names(EXTRAS["cli"]) <= names(EXTRAS["ui"])


def test_the_command_is_installed_as_development_has_it() -> None:
    assert pins("cli.txt") <= pins("dev.txt")
    pinned = {pin.split("==")[0].lower() for pin in pins("cli.txt")}
    assert names(EXTRAS["cli"] + EXTRAS["ui"]) <= pinned


def test_the_bill_of_materials_has_every_package_that_is_shipped_with_its_hashes() -> None:
    shipped = re.search(r"^SHIPPED := (.+)$", MAKEFILE, flags=re.M)
    assert shipped is not None
    command = [sys.executable, "requirements/sbom.py", *shipped[1].split()]
    first, second = (
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert first == second
    found = {part["purl"]: part for part in json.loads(first)["components"]}
    for name in shipped[1].split():
        text = (ROOT / name).read_text(encoding="utf-8")
        for pin, version in re.findall(r"^([\w.-]+)==([^\s;]+)", text, flags=re.M):
            assert found[f"pkg:pypi/{pin.lower()}@{version}"]["properties"]


def test_the_demo_is_installed_without_the_developers_tools_and_as_they_have_it() -> None:
    demo = pins("demo.txt")
    assert not {pin.split("==")[0] for pin in demo} & DEVELOPERS
    assert demo <= pins("dev.txt")
