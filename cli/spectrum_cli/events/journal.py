"""What makes a replay resumable: when a command that was not finished had begun.

A small file for each target and wording of the command, there from before the first event is
touched until all are done. Which events were begun stands on the events themselves; the journal
only says from when on that counts.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from spectrum_cli.local.state import state_home
from spectrum_cli.terminal.errors import Unreachable

# What was left unfinished longer ago is not continued, but begun anew.
LONGEST_PAUSE = 86_400.0


@dataclass(frozen=True, slots=True)
class Run:
    """A replay that was begun at `begun_at`, of events received within bounds (Unix seconds)."""

    begun_at: float
    since: float | None
    until: float | None


class Journal:
    """The file of one command on one target."""

    def __init__(self, target_id: str, wording: Sequence[object]) -> None:
        text = json.dumps([target_id, *wording], default=str)
        name = hashlib.sha256(text.encode()).hexdigest()[:32]
        self._path = state_home() / "replays" / f"{name}.json"

    def unfinished(self) -> Run | None:
        """The run of the same command that did not come to its end, if it is not too old."""
        try:
            run = Run(**json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return run if time.time() - run.begun_at < LONGEST_PAUSE else None

    def begin(self, run: Run) -> None:
        """Write the run down; raise Unreachable where that is not possible."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps(asdict(run)))
            part.replace(self._path)
        except OSError as error:
            raise Unreachable(
                f"{self._path} cannot be written ({error.strerror}), and without it an interrupted "
                "replay could not be continued: set XDG_STATE_HOME to a folder that can"
            ) from error

    def finish(self) -> None:
        """Forget the run."""
        Path(self._path).unlink(missing_ok=True)
