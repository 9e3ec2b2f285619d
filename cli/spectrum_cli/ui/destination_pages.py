"""What can be done to a destination on the overview: let it wait, go on, and have it all now."""

from __future__ import annotations

from flask import redirect, request
from werkzeug.wrappers import Response

from spectrum_cli.ui.jobs import Job, Jobs
from spectrum_cli.ui.stack import Stack
from spectrum_cli.ui.waiting import Waiting


class DestinationPages:
    """One method a change; each leads back to the overview."""

    def __init__(self, stack: Stack, waiting: Waiting, jobs: Jobs) -> None:
        self._stack, self._waiting, self._jobs = stack, waiting, jobs

    def pause(self) -> Response:
        """Let a destination wait."""
        self._stack.pause(self._identity)
        return self._back("paused")

    def resume(self) -> Response:
        """Deliver to it again."""
        self._stack.resume(self._identity)
        return self._back("resumed")

    def flush(self) -> Response:
        """Deliver now what it is owed; raise Finding while something else is under way."""
        identity = self._identity
        name = self._stack.destinations().name_of(identity)

        def work(job: Job) -> str:
            return self._stack.flush(identity, job)

        self._jobs.begin(f"delivering what {name} is owed", work)
        return self._back("begins")

    @property
    def _identity(self) -> str:
        return request.form.get("destination", "")

    def _back(self, done: str) -> Response:
        self._waiting.anew()
        return redirect(f"/overview?done={done}", 303)
