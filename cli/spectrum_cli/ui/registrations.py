"""What is wrong with our registrations at Spectrum, read in the background while somebody looks.

No page waits for Spectrum: it gets what was read last, at most a minute old when all is well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from spectrum_forwarder.domain.registration import look

from spectrum_cli.stack.registry import webhooks_of
from spectrum_cli.stack.target import Target
from spectrum_cli.ui.behind import ReadBehind
from spectrum_cli.vendor.options import ID_VARIABLE, SECRET_VARIABLE, project_of_the_environment
from spectrum_cli.vendor.webhook_list import say_trouble
from spectrum_cli.vendor.webhook_store import WebhookStore, stored

EVERY = 60.0
NOT_ASKED = f"Spectrum is not asked: set {ID_VARIABLE} and {SECRET_VARIABLE} to see registrations."

# What is wrong, and what to do about it.
Troubles = Sequence[tuple[str, str]]


class Registrations(ReadBehind[Troubles]):
    """`read` asks Spectrum, and is None without credentials."""

    def __init__(
        self,
        read: Callable[[], Troubles] | None,
        explain: Callable[[Exception], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(read, explain, clock, name="registrations", every=EVERY, latest=())

    @property
    def quiet(self) -> str:
        """A line about the asking, empty where there is nothing to be said of it."""
        if not self.asks:
            return NOT_ASKED
        return f"Registrations are not up to date. {self.trouble}" if self.trouble else ""


def reader(target: Target) -> Callable[[], Troubles] | None:
    """What asks Spectrum with the environment's credentials; None where there are none."""
    project = project_of_the_environment()
    if not project.known:
        return None

    def read() -> Troubles:
        with project.open() as api:
            listed = api.list()
        kept = stored(WebhookStore(webhooks_of(target)).read(), time.time())
        judged = look(listed, kept, target.endpoint_url)
        return [say_trouble(found, len(listed)) for found in judged if found.trouble]

    return read
