"""Servers that tests start as processes of their own on loopback."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

PAUSE = 0.1
# Below what Linux, macOS and Windows hand out.
NEVER_HANDED_OUT = range(20_000, 32_000)


def free_port() -> int:
    """A port of this machine that nothing listens at.

    It is none of those that are handed out to whoever asks for any: another server that is begun
    meanwhile would get it, and answer in the place of the one it is for.
    """
    for port in random.SystemRandom().sample(NEVER_HANDED_OUT, 100):
        with contextlib.suppress(OSError), socket.socket() as free:
            free.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"of a hundred ports below {NEVER_HANDED_OUT.stop} none is free")


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    cwd: Path | None = None,
    stdin: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that writes into a log; it, and whatever it started, is killed at the end."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=out,
            stderr=out,
            env=environment,
            cwd=cwd,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin:
            process.stdin.close()


def answers(process: subprocess.Popen[bytes], ask: Callable[[], object], seconds: float) -> bool:
    """Whether the process answers within so many seconds; `ask` raises OSError until it does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            ask()
            return True
        time.sleep(PAUSE)
    return False
