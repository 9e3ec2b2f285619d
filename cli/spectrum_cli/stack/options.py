"""The options that choose a command's stack, and the stack that comes of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from spectrum_cli.stack.target import DEFAULT_STACK, STACK_VARIABLE, Target, find_target
from spectrum_cli.terminal.option_groups import gathered

StackOption = Annotated[
    str | None,
    typer.Option(
        "--stack",
        metavar="NAME",
        help=f"The deployed stack; {STACK_VARIABLE} or {DEFAULT_STACK} if it is not given. "
        "With --local, the name of the local one.",
        rich_help_panel="Which stack",
    ),
]

RegionOption = Annotated[
    str | None,
    typer.Option(
        "--region",
        metavar="REGION",
        help="Its AWS region, if not the configured one.",
        rich_help_panel="Which stack",
    ),
]

ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="PROFILE",
        help="The AWS profile whose credentials are used.",
        rich_help_panel="Which stack",
    ),
]

LocalOption = Annotated[
    bool,
    typer.Option("--local", help="The local stack that runs.", rich_help_panel="Which stack"),
]

OPTIONS: Mapping[str, tuple[Any, Any]] = {
    "stack": (StackOption, None),
    "region": (RegionOption, None),
    "profile": (ProfileOption, None),
    "local": (LocalOption, False),
}


def _target(**options: Any) -> Target:
    return find_target(**options)


# A command with `target: Target` gets the stack that its options choose.
with_target = gathered("target", OPTIONS, _target)


@dataclass(frozen=True, slots=True)
class Named:
    """Which stack was named, if any was: for commands that do without one as well."""

    stack: str | None = None
    region: str | None = None
    profile: str | None = None
    local: bool = False

    def target(self) -> Target | None:
        """The stack, looked up now; None where none was named. Raises as `find_target` does."""
        named = self.local or self.stack or self.region or self.profile
        if not named and not os.environ.get(STACK_VARIABLE):
            return None
        return find_target(
            stack=self.stack, region=self.region, profile=self.profile, local=self.local
        )


# A command with `named: Named` may be told of a stack.
with_named = gathered("named", OPTIONS, Named)
