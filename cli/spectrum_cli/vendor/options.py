"""The options that name a project at Spectrum, and the project that comes of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

import typer

from spectrum_cli.stack.http_client import HttpClient
from spectrum_cli.terminal.errors import Unreachable
from spectrum_cli.terminal.option_groups import gathered
from spectrum_cli.vendor.api import BASE_URL, SpectrumApi

ID_VARIABLE, SECRET_VARIABLE = "SPECTRUM_PROJECT_ID", "SPECTRUM_PROJECT_SECRET"
URL_VARIABLE = "SPECTRUM_API_URL"
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
    typer.Option(envvar=URL_VARIABLE, help="Where the API is.", rich_help_panel=PANEL),
]


@dataclass(frozen=True, slots=True)
class Project:
    """A project at Spectrum, as far as its credentials were given."""

    project_id: str | None
    project_secret: str | None = field(repr=False)
    api_url: str

    @property
    def known(self) -> bool:
        """Whether there are credentials to ask with."""
        return bool(self.project_id and self.project_secret)

    def api(self, client: HttpClient) -> SpectrumApi:
        """Its API, asked through the client; raises Unreachable without credentials."""
        if not self.project_id or not self.project_secret:
            raise Unreachable(
                f"Spectrum's API needs the project's id and secret: set {ID_VARIABLE} and "
                f"{SECRET_VARIABLE}"
            )
        return SpectrumApi(client, self.project_id, self.project_secret, self.api_url)

    @contextmanager
    def open(self) -> Iterator[SpectrumApi]:
        """Its API, while the context lasts; raises as `api` does."""
        with HttpClient() as client:
            yield self.api(client)


# A command with `project: Project` takes the options that name it.
with_project = gathered(
    "project",
    {
        "project_id": (ProjectId, None),
        "project_secret": (ProjectSecret, None),
        "api_url": (ApiUrl, BASE_URL),
    },
    Project,
)


def project_of_the_environment() -> Project:
    """The project that the environment's variables name."""
    found = os.environ.get
    return Project(found(ID_VARIABLE), found(SECRET_VARIABLE), found(URL_VARIABLE) or BASE_URL)
