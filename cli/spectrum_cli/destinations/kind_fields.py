"""The options of `destinations add` and `set` that come from the fields of entries, by kind."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_type_hints

import typer
from spectrum_forwarder.adapters.kinds import KINDS
from spectrum_forwarder.adapters.line_fields import LINE_FIELDS

# What was given for fields of a line, and for those that only some kind has, by name.
KindFields = Mapping[str, str]
*_FIRST, _LAST = (kind.where for kind in KINDS.values())
PLACES_OF_KINDS = f"{', '.join(_FIRST)} or {_LAST}"
# Each with the kind that alone has it, if that is so.
_FIELDS = {field.name: ("", field) for field in LINE_FIELDS} | {
    field.name: (f" ({kind.name})", field) for kind in KINDS.values() for field in kind.fields
}


def with_kind_fields(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each of these fields, and what was given as `fields`.

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
    of_kind, field = _FIELDS[name]
    option = typer.Option(
        field.option, metavar=field.metavar, help=f"{field.help}{of_kind}", show_default=False
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[str | None, option],
    )
