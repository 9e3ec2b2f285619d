"""The options by which commands say what a destination's entry is to hold."""

from __future__ import annotations

from typing import Annotated

import typer
from spectrum_forwarder.domain.destination import OnFilterError

from spectrum_cli.destinations.ready_filters import READY

Name = Annotated[str, typer.Argument(metavar="NAME", help="The destination's name.")]
Filter = Annotated[
    str | None,
    typer.Option(
        "--filter",
        metavar="JMESPATH",
        help="Deliver only events whose body makes this JMESPath expression true; '' for all.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="NAME",
        help="Write a ready filter: "
        + "; ".join(f"'{name}', {one.takes}" for name, one in READY.items())
        + ". Repeatable.",
    ),
]
WhenItFails = Annotated[
    OnFilterError | None,
    typer.Option(
        "--on-filter-error",
        help="What becomes of an event that the filter cannot be evaluated on.  [default: deliver]",
    ),
]
KeepAnswers = Annotated[
    bool | None,
    typer.Option(
        "--keep-answers/--drop-answers",
        help="Keep the first kilobyte of a failing answer, masked.  [default: keep]",
    ),
]
Headers = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        metavar="'NAME: VALUE'",
        help="Send this header along; without a value it is dropped again. Repeatable.",
    ),
]
Timeout = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", help="For one whole attempt.")
]
MaxAttempts = Annotated[
    int | None, typer.Option("--max-attempts", help="Then a delivery is dead-lettered.")
]
WebhookId = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="Send this as X-Spectrum-Webhook-Id; '' for the id of the source's first webhook.",
    ),
]
SecretFromInput = Annotated[
    bool,
    typer.Option("--secret-stdin", help="Read the signing secret from standard input."),
]
