"""Where the real adapters are tried: AWS as moto takes it, and as ministack does.

`make contract` runs both, beside the stand-ins in memory; `make test` leaves ministack out, which
has an environment of its own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MEMORY, MOTO, MINISTACK = "memory", "moto", "ministack"
PYTHON_VARIABLE: Final = "MINISTACK_PYTHON"
# The interpreter of ministack's environment; nothing leaves it out.
PYTHON: Final = os.environ.get(PYTHON_VARIABLE)
STORES: Final = (MOTO, MINISTACK) if PYTHON else (MOTO,)
START_SECONDS: Final = 60.0


@contextlib.contextmanager
def ministack() -> Iterator[str]:
    """The emulator as it is, without this project's repairs; its URL."""
    if PYTHON is None:
        raise RuntimeError(f"set {PYTHON_VARIABLE} to the interpreter of ministack's environment")
    with tempfile.TemporaryDirectory(prefix="contract-", ignore_cleanup_errors=True) as home:
        port = _free_port()
        own = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": home,
            "TMPDIR": home,
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            # moto's, which stands in the ARNs of tests.
            "MINISTACK_ACCOUNT_ID": "123456789012",
        }
        with Path(home, "log").open("wb") as log:
            process = subprocess.Popen(
                [PYTHON, "-m", "ministack"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=own,
                cwd=home,
                start_new_session=True,
            )
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_for(url, process)
            yield url
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def empty(url: str) -> None:
    """Forget whatever is in it."""
    _ask(urllib.request.Request(f"{url}/_ministack/reset", method="POST"))


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError):
            _ask(urllib.request.Request(f"{url}/_ministack/health"))
            return
        time.sleep(0.1)
    raise RuntimeError("ministack did not start")


def _ask(request: urllib.request.Request) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(request, timeout=30).close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
