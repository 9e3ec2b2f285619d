"""The options that choose a command's stack, and the stack that comes of them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_type_hints

import typer

from spectrum_cli.stack.target import DEFAULT_STACK, STACK_VARIABLE, find_target

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


def with_target(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose a stack, and their result as its `target`.

    The command declares `target: Target` among its keyword-only parameters. The stack is looked
    up when the command is called, not before its other options are known to be right.
    """
    hints = get_type_hints(command, include_extras=True)
    plain = [
        parameter.replace(annotation=hints[name])
        for name, parameter in inspect.signature(command).parameters.items()
        if name != "target"
    ]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option)
        for name, (option, default) in OPTIONS.items()
    ]

    @functools.wraps(command)
    def chosen(**values: Any) -> None:
        options = {name: values.pop(name) for name in OPTIONS}
        command(**values, target=find_target(**options))

    parameters = [*plain, *added]
    chosen.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    chosen.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return chosen
