"""Where running local stacks leave word of themselves, so that other commands can find them.

One file for each that runs: $XDG_STATE_HOME/spectrum-forwarder/local/NAME.json. It holds the
stack's credentials, with which its secrets can be read, so that only its owner can read it.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

from spectrum_cli.local.deployment import Endpoints
from spectrum_cli.terminal.errors import Unreachable

DEFAULT_NAME = "local"


@dataclass(frozen=True)
class LocalState:
    """How to reach a local stack: where requests go, where its AWS answers, its outputs.

    `time_scale` multiplies its durations. Without a `name` it gets the first that is free.
    """

    pid: int
    endpoint_url: str
    endpoints: Endpoints
    outputs: Mapping[str, str]
    time_scale: float = 1.0
    name: str = ""


def state_home() -> Path:
    """The folder of all that commands remember on this machine."""
    home = os.environ.get("XDG_STATE_HOME", "")
    # The specification says that a relative path is to be ignored.
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "state"
    return base / "spectrum-forwarder"


def state_path(name: str) -> Path:
    return state_home() / "local" / f"{name}.json"


def running() -> list[LocalState]:
    """The local stacks that run now, by name."""
    folder = state_path("").parent
    found = (_read(path) for path in sorted(folder.glob("*.json"), key=_stem))
    return [state for state in found if state is not None and _lives(state.pid)]


def refuse_taken(name: str) -> None:
    """Raise Unreachable if a local stack of this name runs already."""
    for other in running():
        if other.name == name and other.pid != os.getpid():
            raise Unreachable(
                f"a local stack named {name} runs already (process {other.pid}, "
                f"{other.endpoint_url}): end it, or choose another --name"
            )


@contextlib.contextmanager
def published(state: LocalState) -> Iterator[LocalState]:
    """Leave the state where `running` looks, for as long as the context lasts; it has a name then.

    Raises OSError when the file cannot be written, Unreachable when the name is taken.
    """
    folder = state_path("").parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    with _alone(folder):
        if state.name:
            refuse_taken(state.name)
        named = replace(state, name=state.name or _free_name())
        path = state_path(named.name)
        # Made with mode 0600, and renamed so that nobody reads half of it.
        handle, part = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "w") as file:
            json.dump(asdict(named), file, indent=2)
        Path(part).replace(path)
    try:
        yield named
    finally:
        left = _read(path)
        # Whoever removed it by hand may have started another one of the same name.
        if left is not None and left.pid == state.pid:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Choose a name while nobody else chooses one."""
    import fcntl  # noqa: PLC0415 (other commands run where there is none)

    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _free_name() -> str:
    taken = {state.name for state in running() if state.pid != os.getpid()}
    names = (f"{DEFAULT_NAME}-{number}" if number > 1 else DEFAULT_NAME for number in count(1))
    return next(name for name in names if name not in taken)


def _stem(path: Path) -> str:
    return path.stem


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _read(path: Path) -> LocalState | None:
    try:
        fields = json.loads(path.read_text())
        state = LocalState(**{**fields, "endpoints": Endpoints(**fields["endpoints"])})
        return replace(state, name=path.stem)
    except (OSError, ValueError, TypeError, KeyError):
        return None
