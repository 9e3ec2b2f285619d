"""Where the real adapters are tried: AWS as moto takes it, and as ministack does.

`make contract` runs both, beside the stand-ins in memory; `make test` leaves ministack out, which
has an environment of its own.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.processes import answers, free_port, running
from tests.support.waiting import PATIENCE

MEMORY, MOTO, MINISTACK = "memory", "moto", "ministack"
PYTHON_VARIABLE: Final = "MINISTACK_PYTHON"
# The interpreter of ministack's environment; nothing leaves it out.
PYTHON: Final = os.environ.get(PYTHON_VARIABLE)
STORES: Final = (MOTO, MINISTACK) if PYTHON else (MOTO,)


@contextlib.contextmanager
def ministack() -> Iterator[str]:
    """The emulator as it is, without this project's repairs; its URL."""
    if PYTHON is None:
        raise RuntimeError(f"set {PYTHON_VARIABLE} to the interpreter of ministack's environment")
    with tempfile.TemporaryDirectory(prefix="contract-", ignore_cleanup_errors=True) as home:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        own = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": home,
            "TMPDIR": home,
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            # moto's, which stands in the ARNs of tests.
            "MINISTACK_ACCOUNT_ID": "123456789012",
        }
        command = [PYTHON, "-m", "ministack"]
        log = Path(home, "log")
        with running(command, environment=own, log=log, cwd=Path(home)) as process:
            health = urllib.request.Request(f"{url}/_ministack/health")
            if not answers(process, lambda: _ask(health), PATIENCE):
                raise RuntimeError("ministack did not start")
            yield url


def empty(url: str) -> None:
    """Forget whatever is in it."""
    _ask(urllib.request.Request(f"{url}/_ministack/reset", method="POST"))


def _ask(request: urllib.request.Request) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(request, timeout=PATIENCE).close()
