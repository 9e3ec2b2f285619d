"""Builds of layer and functions for this machine, by the very Makefiles that build them for Lambda.

Owns the store of what has been built: a folder for each state of the sources, which nobody changes
once it has its name. Many processes may build at once, and any of them may be killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from spectrum_cli.local.template import CodeFolder, code_folders
from spectrum_cli.terminal.errors import Unreachable

# What decides what `make packages` makes; all files of a folder decide what `make own` does.
_PACKAGES: Final = ("Makefile", "requirements.txt", "trim.py")
_LOOK_SECONDS: Final = 0.1
# Seconds after which what nobody has asked for is removed: builds, and what was cut off half-made.
_UNUSED, _CUT_OFF = 30 * 86_400.0, 86_400.0
_LAST_LINES: Final = 3


class BuildCancelled(Exception):
    """The build was asked to stop; what it had made is not in the store."""


@dataclass(frozen=True)
class Target:
    """What is built for; `variables` are the Makefiles', `name` stands in names of folders."""

    name: str
    variables: dict[str, str]


def this_machine(python: str = sys.executable) -> Target:
    """A Python of this machine, by default the one that runs this process, and its platform."""
    # The ABI's name tells implementations and C libraries apart.
    code = """if True:
        import sys, sysconfig
        print("%d.%d" % sys.version_info[:2], sysconfig.get_platform())
        print(sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag)
    """
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    version, platform, abi = done.stdout.split()
    variables = {"PLATFORMS": "", "PYTHON_VERSION": version}
    return Target(f"{platform}-{abi}", variables | {"PYTHON": python, "RUNTIME_PYTHON": python})


def awslambda(runtime_python: str) -> Target:
    """Lambda, as `make build` builds for it; `runtime_python` makes byte code if it is a 3.13."""
    return Target("lambda", {"PYTHON": sys.executable, "RUNTIME_PYTHON": runtime_python})


def build_all(template: Path, builds: Builds) -> dict[str, Path]:
    """The folders for Python's path of all code of a template, by logical id."""
    return {code.logical_id: builds.get(code) for code in code_folders(template)}


class Builds:
    """The store in `store`; `say` hears of what takes a while."""

    def __init__(
        self,
        store: Path,
        target: Target,
        *,
        say: Callable[[str], None] = lambda text: None,
        cancelled: threading.Event | None = None,
    ) -> None:
        self._store = store
        self._target = target
        self._say = say
        self._cancelled = cancelled or threading.Event()

    def get(self, code: CodeFolder) -> Path:
        """The folder that Lambda would put on Python's path for this code, built if need be.

        Raises Unreachable when it cannot be built, BuildCancelled.
        """
        self._store.mkdir(parents=True, exist_ok=True)
        while not (home := self._home(code, _files(code.folder))).is_dir():
            with self._alone(code.logical_id):
                if not home.is_dir():  # else somebody was quicker
                    self._build(code, home)
                    self._remove_unused()
        os.utime(home)
        return home / "python" if code.is_layer else home

    def _build(self, code: CodeFolder, home: Path) -> None:
        packages = self._packages(code) if (code.folder / "requirements.txt").is_file() else None
        with self._part() as part:
            if packages is None:
                part.mkdir()
            else:
                # Nobody changes a file of the store: one copy is enough for all builds.
                shutil.copytree(packages, part, copy_function=_link, symlinks=True)
                os.utime(packages)
            self._make(code, "own", part)
            # What somebody has changed meanwhile must not stand under the name of what was before.
            if self._home(code, _files(code.folder)) == home:
                part.rename(home)

    def _packages(self, code: CodeFolder) -> Path:
        """The part of a build that changes with its requirements alone."""
        inputs = [path for name in _PACKAGES if (path := code.folder / name).is_file()]
        home = self._home(code, inputs, "packages")
        if not home.is_dir():
            self._say(f"building {code.logical_id} for {self._target.name}, once")
            with self._part() as part:
                self._make(code, "packages", part)
                part.rename(home)
        return home

    def _home(self, code: CodeFolder, inputs: Sequence[Path], kind: str = "build") -> Path:
        digest = hashlib.sha256(repr(sorted(self._target.variables.items())).encode())
        for path in inputs:
            content = path.read_bytes()
            head = f"{path.relative_to(code.folder)} {path.stat().st_mode & 0o111} {len(content)}\n"
            digest.update(head.encode() + content)
        name = f"{code.logical_id}-{self._target.name}-{kind}-{digest.hexdigest()[:16]}"
        return self._store / name

    def _make(self, code: CodeFolder, goal: str, artifacts: Path) -> None:
        variables = self._target.variables | {"ARTIFACTS_DIR": str(artifacts)}
        given = [f"{name}={value}" for name, value in variables.items()]
        # What make above this one was told is not meant for this one.
        environment = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MAKELEVEL"}}
        try:
            process = subprocess.Popen(
                ["make", "--silent", "--directory", str(code.folder), goal, *given],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment,
                start_new_session=True,  # Ctrl-C is for this process, which then ends that one
            )
        except OSError as error:
            raise Unreachable(f"make cannot be run ({error.strerror}): install it") from error
        output = self._output(process)
        if process.returncode:
            raise Unreachable(self._explained(code, output))

    def _output(self, process: subprocess.Popen[str]) -> str:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.communicate(timeout=_LOOK_SECONDS)[0]
            if self._cancelled.is_set():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)
                process.communicate()
                raise BuildCancelled

    def _explained(self, code: CodeFolder, output: str) -> str:
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        causes = [line for line in lines if "make: ***" not in line and "WARNING" not in line]
        return (
            f"{code.logical_id} could not be built for {self._target.name}: "
            f"{' / '.join(causes[-_LAST_LINES:]) or 'make said nothing'}. What runs here is built "
            "as for Lambda, and pip fetches the pinned packages of "
            f"{code.folder}/requirements.txt once: see that `pip download` works here (network, "
            "proxy, PIP_INDEX_URL), then try again; `forwarder local --from source` runs without"
        )

    @contextlib.contextmanager
    def _part(self) -> Iterator[Path]:
        """A folder to be made, on the store's own file system, so that it can be moved there."""
        with tempfile.TemporaryDirectory(
            prefix=".part-", dir=self._store, ignore_cleanup_errors=True
        ) as folder:
            yield Path(folder) / "artifacts"

    @contextlib.contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """Hold one of the store's locks, which ends with this process at the latest."""
        with (self._store / f".{name}.lock").open("a") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if self._cancelled.wait(_LOOK_SECONDS):
                        raise BuildCancelled from None
                else:
                    break
            yield

    def _remove_unused(self) -> None:
        now = time.time()
        for folder in self._store.iterdir():
            longest = _CUT_OFF if folder.name.startswith(".part-") else _UNUSED
            with contextlib.suppress(OSError):  # somebody else removed it
                if folder.is_dir() and now - folder.stat().st_mtime > longest:
                    shutil.rmtree(folder)


def _files(folder: Path) -> list[Path]:
    """What a build is made from: everything but what Python leaves behind."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if "__pycache__" not in path.parts)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # not every file system has links
        shutil.copy2(source, target)
