"""What `destinations add` and `set` can be told of an entry: its fields, its line's, its kind's."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from spectrum_forwarder.adapters.kinds import KINDS
from spectrum_forwarder.adapters.kinds.kind import Field
from spectrum_forwarder.adapters.line_fields import LINE_FIELDS
from spectrum_forwarder.domain.destination import OnFilterError

from spectrum_cli.destinations.entries import Given
from spectrum_cli.destinations.options import (
    Filter,
    Headers,
    KeepAnswers,
    MaxAttempts,
    Only,
    Timeout,
    WebhookId,
    WhenItFails,
)
from spectrum_cli.destinations.ready_filters import one_of
from spectrum_cli.terminal.option_groups import gathered

*_FIRST, _LAST = (kind.where for kind in KINDS.values())
PLACES_OF_KINDS = f"{', '.join(_FIRST)} or {_LAST}"


def _option(field: Field, of_kind: str = "") -> tuple[Any, None]:
    """The option of a field, with the kind that alone has it."""
    option = typer.Option(
        field.option, metavar=field.metavar, help=f"{field.help}{of_kind}", show_default=False
    )
    return Annotated[str | None, option], None


def _given(
    *,
    expression: str | None,
    only: list[str] | None,
    on_filter_error: OnFilterError | None,
    header: list[str] | None,
    timeout: float | None,
    max_attempts: int | None,
    keep_answers: bool | None,
    webhook_id: str | None,
    **fields: str | None,
) -> Given:
    return Given(
        expression=one_of(expression, only),
        on_filter_error=on_filter_error,
        headers=header,
        timeout=timeout,
        max_attempts=max_attempts,
        keep_answers=keep_answers,
        webhook_id=webhook_id,
        fields={name: value for name, value in fields.items() if value is not None},
    )


# A command with `given: Given` takes them all.
with_entry_options = gathered(
    "given",
    {
        "expression": (Filter, None),
        "only": (Only, None),
        "on_filter_error": (WhenItFails, None),
        "header": (Headers, None),
        "timeout": (Timeout, None),
        "max_attempts": (MaxAttempts, None),
        "keep_answers": (KeepAnswers, None),
        "webhook_id": (WebhookId, None),
        **{field.name: _option(field) for field in LINE_FIELDS},
        **{
            field.name: _option(field, f" ({kind.name})")
            for kind in KINDS.values()
            for field in kind.fields
        },
    },
    _given,
)
