"""What any error means to whoever ran a command: the one place that all commands are told by."""

from __future__ import annotations

import os

from spectrum_forwarder.domain.errors import (
    InvalidEntry,
    LaterFormat,
    PayloadMissing,
    Unavailable,
)

from spectrum_cli.terminal.aws_errors import explained
from spectrum_cli.terminal.errors import CommandError, Finding, Unreachable

# Shows where an error came from that nobody foresaw.
TRACEBACK_VARIABLE = "FORWARDER_TRACEBACK"


def expected(error: BaseException) -> CommandError | None:
    """The failure that an error stands for, with what to do; None for one that nobody foresaw."""
    if isinstance(error, CommandError):
        return error
    return explained(error) or _of_domain(error)


def _of_domain(error: BaseException) -> CommandError | None:
    match error:
        case InvalidEntry():
            return Finding(
                f"what is stored cannot be used, {error}: mend that secret with `aws "
                "secretsmanager put-secret-value`; the last good copy serves until then"
            )
        case PayloadMissing() | LaterFormat():
            return Finding(str(error))
        case Unavailable():
            return Unreachable(f"the stack cannot be used, {error}: run this again")
    return None


def defect(error: BaseException) -> Unreachable:
    """What to say of an error that nobody foresaw."""
    return Unreachable(
        f"this is a defect of the command: {type(error).__name__}: {error} "
        f"(set {TRACEBACK_VARIABLE}=1 to see where)"
    )


def traceback_wanted() -> bool:
    """Whether somebody looks for where an error came from."""
    return TRACEBACK_VARIABLE in os.environ
