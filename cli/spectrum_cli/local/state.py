"""Where a running local stack leaves word of itself, so that other commands can find it.

One file for a user, the latest stack's: $XDG_STATE_HOME/spectrum-forwarder/local.json. It names
addresses and resources and holds no secret, yet only its owner can read it.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class LocalState:
    """How to reach a local stack. `overrides`: boto3 service name to a URL other than `aws_url`.

    `physical_ids` is keyed by the template's logical ids; `time_scale` multiplies its durations.
    """

    pid: int
    endpoint_url: str
    aws_url: str
    overrides: Mapping[str, str]
    physical_ids: Mapping[str, str]
    outputs: Mapping[str, str]
    time_scale: float = 1.0


def state_path() -> Path:
    home = os.environ.get("XDG_STATE_HOME", "")
    # The specification says that a relative path is to be ignored.
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "state"
    return base / "spectrum-forwarder" / "local.json"


def find_running() -> LocalState | None:
    """Return the state of the local stack that runs now, if there is one."""
    state = _read(state_path())
    if state is None:
        return None
    try:
        os.kill(state.pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return state


@contextlib.contextmanager
def published(state: LocalState) -> Iterator[Path]:
    """Leave the state where `find_running` looks, for as long as the context lasts.

    Raises OSError when the file cannot be written.
    """
    path = state_path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Made with mode 0600, and renamed so that nobody reads half of it.
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(state), file, indent=2)
    Path(name).replace(path)
    try:
        yield path
    finally:
        left = _read(path)
        # A stack that was started later may have put its own there.
        if left is not None and left.pid == state.pid:
            path.unlink(missing_ok=True)


def _read(path: Path) -> LocalState | None:
    try:
        return LocalState(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
