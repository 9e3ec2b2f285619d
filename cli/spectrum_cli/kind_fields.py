"""The options of `destinations add` and `set` that come from the kinds of destinations."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_type_hints

import typer
from spectrum_forwarder.adapters.kinds import KINDS

# What was given for fields that only some kind has, by name.
KindFields = Mapping[str, str]
*_FIRST, _LAST = (kind.where for kind in KINDS.values())
PLACES_OF_KINDS = f"{', '.join(_FIRST)} or {_LAST}"
_FIELDS = {field.name: (kind, field) for kind in KINDS.values() for field in kind.fields}


def with_kind_fields(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each field of a kind's own, and what was given as `fields`.

    The command declares `fields: KindFields` among its keyword-only parameters.
    """
    hints = get_type_hints(command, include_extras=True)
    parameters = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name == "fields":
            parameters += [_parameter(field) for field in _FIELDS]
        else:
            parameters.append(parameter.replace(annotation=hints[name]))

    @functools.wraps(command)
    def filled(*arguments: Any, **values: Any) -> None:
        given = {name: values.pop(name) for name in _FIELDS}
        fields = {name: value for name, value in given.items() if value is not None}
        command(*arguments, **values, fields=fields)

    filled.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    filled.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return filled


def _parameter(name: str) -> inspect.Parameter:
    kind, field = _FIELDS[name]
    option = typer.Option(
        field.option, metavar=field.metavar, help=f"{field.help} ({kind.name})", show_default=False
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[str | None, option],
    )
