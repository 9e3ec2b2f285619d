"""What README tells a reader to type, and how each command is to be run by a script."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

BLOCK = re.compile(r"^```sh\n(.*?)^```", flags=re.M | re.S)
HEADING = re.compile(r"^## (.+)$", flags=re.M)


class How(Enum):
    """How a command is run."""

    TO_ITS_END = auto()
    UNTIL_READY = auto()  # it goes on in its own terminal, while those after it run
    UNTIL_IT_SPEAKS = auto()  # it serves until it is stopped, and nothing after it needs it
    BY_ITSELF = auto()  # all tests: they take minutes, and CI runs them beside this
    NOT = auto()  # it needs an account


@dataclass(frozen=True, slots=True)
class Step:
    """One command of README, its comment left out."""

    section: str
    command: str
    how: How


def steps(readme: str) -> list[Step]:
    """All commands of README, in their order."""
    found = []
    for block in BLOCK.finditer(readme):
        section = HEADING.findall(readme, 0, block.start())[-1]
        for line in block[1].splitlines():
            command = re.sub(r"\s+#.*$", "", line).strip()
            if command and not command.startswith("#"):
                found.append(Step(section, command, how(section, command)))
    return found


def how(section: str, command: str) -> How:
    """Everything but what needs AWS or Spectrum is run; `make build` needs neither."""
    words = command.split()
    if words[:2] == ["make", "test"]:
        return How.BY_ITSELF
    if section != "Try it in two minutes" and words[:2] != ["make", "build"]:
        return How.NOT
    if words[1:2] == ["local"]:
        return How.UNTIL_READY
    return How.UNTIL_IT_SPEAKS if words[1:2] == ["ui"] else How.TO_ITS_END
