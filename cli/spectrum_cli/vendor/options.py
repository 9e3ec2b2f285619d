"""The options by which commands find Spectrum's API and the project, shared by those that do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from spectrum_cli.stack.http_client import HttpClient
from spectrum_cli.terminal.errors import Unreachable
from spectrum_cli.vendor.api import SpectrumApi

ID_VARIABLE, SECRET_VARIABLE = "SPECTRUM_PROJECT_ID", "SPECTRUM_PROJECT_SECRET"
PANEL = "Spectrum's API"

ProjectId = Annotated[
    str | None,
    typer.Option(envvar=ID_VARIABLE, help="The Spectrum project.", rich_help_panel=PANEL),
]
ProjectSecret = Annotated[
    str | None,
    typer.Option(
        envvar=SECRET_VARIABLE,
        help="Its secret; better set the variable than this.",
        rich_help_panel=PANEL,
    ),
]
ApiUrl = Annotated[
    str,
    typer.Option(envvar="SPECTRUM_API_URL", help="Where the API is.", rich_help_panel=PANEL),
]


@contextmanager
def open_api(project_id: str | None, project_secret: str | None, url: str) -> Iterator[SpectrumApi]:
    """The API of a project, while the context lasts; raises Unreachable without credentials."""
    if not project_id or not project_secret:
        raise Unreachable(
            f"Spectrum's API needs the project's id and secret: set {ID_VARIABLE} and "
            f"{SECRET_VARIABLE}"
        )
    with HttpClient() as client:
        yield SpectrumApi(client, project_id, project_secret, url)
