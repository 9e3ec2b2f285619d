"""Groups of options that several commands have, each handed to the command as one value."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

Command = Callable[..., None]


def gathered(
    name: str, options: Mapping[str, tuple[Any, Any]], make: Callable[..., Any]
) -> Callable[[Command], Command]:
    """Give a command these options (each its annotation and default), and one value in their place.

    The command declares `name` among its keyword-only parameters, where the options are to be
    shown. `make` gets what was given for all of them, by name; it is called when the command is
    called, not before its other options are known to be right.
    """
    added = [
        inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for option, (kind, default) in options.items()
    ]

    def give(command: Command) -> Command:
        hints = get_type_hints(command, include_extras=True)
        parameters: list[inspect.Parameter] = []
        for parameter in inspect.signature(command).parameters.values():
            if parameter.name == name:
                parameters += added
            else:
                parameters.append(parameter.replace(annotation=hints[parameter.name]))

        @functools.wraps(command)
        def gathering(*arguments: Any, **values: Any) -> None:
            given = {option: values.pop(option) for option in options}
            command(*arguments, **values, **{name: make(**given)})

        gathering.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        gathering.__annotations__ = {one.name: one.annotation for one in parameters}
        return gathering

    return give
