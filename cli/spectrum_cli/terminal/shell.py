"""What the shell's environment says, and how far it counts: less than what a command was told."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from spectrum_cli.terminal.output import note

if TYPE_CHECKING:
    from spectrum_cli.stack.target import Target

SECRET_VARIABLE = "SPECTRUM_SIGNING_SECRET"


def secret_of_the_shell(target: Target | None) -> str | None:
    """The environment's signing secret; that of a stack goes before it, which is said."""
    secret = os.environ.get(SECRET_VARIABLE)
    if secret and target is not None:
        note(f"{SECRET_VARIABLE} is set and not used: {target.title} has its own; or say --secret")
        return None
    return secret or None
