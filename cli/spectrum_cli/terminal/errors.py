"""What a command says when it cannot do what it was asked, and the exit status that goes with it.

0 is success, 1 a finding (`Finding`), 2 wrong use (`WrongUse`), 3 something that cannot be reached
(`Unreachable`). Each text is one that an operator can act on: what is wrong, then what to do next.
"""

from __future__ import annotations

from typing import ClassVar


class CommandError(Exception):
    """Base of every expected failure of a command; shown as one line, never as a traceback."""

    exit_status: ClassVar[int]


class Finding(CommandError):
    """The command did its work and found something wrong."""

    exit_status = 1


class WrongUse(CommandError):
    """An option, an argument or a file that the command cannot work with."""

    exit_status = 2


class Unreachable(CommandError):
    """Something that the command needs is not there or does not answer."""

    exit_status = 3
