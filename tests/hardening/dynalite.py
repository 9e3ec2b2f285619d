"""dynalite, a DynamoDB in node that shares no line with moto: installed and run for one test.

It is fetched from npm, so only long runs do it. It tells no item along with a failed condition.
"""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import answers, free_port, running
from tests.support.waiting import PATIENCE

VERSION = "4.0.0"
INSTALL_SECONDS = 120


class NoDynalite(Exception):
    """It cannot be had here; the text says why."""


def install(folder: Path) -> Path:
    """Install dynalite; return the script that starts it. Raises NoDynalite."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise NoDynalite("npm and node are not installed")
    command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save"]
    try:
        installed = subprocess.run(
            [*command, "--prefix", str(folder), f"dynalite@{VERSION}"],
            cwd=folder,
            capture_output=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NoDynalite(f"npm did not answer within {INSTALL_SECONDS} s") from error
    script = folder / "node_modules" / "dynalite" / "cli.js"
    if installed.returncode or not script.is_file():
        raise NoDynalite("npm could not fetch dynalite: is this machine offline?")
    return script


@contextlib.contextmanager
def dynalite(folder: Path) -> Iterator[str]:
    """Run it on a free port of this machine; yields its URL. Raises NoDynalite."""
    script, port = install(folder), free_port()
    at_once = [f"--{what}TableMs=0" for what in ("create", "update", "delete")]
    command = ["node", str(script), "--host=127.0.0.1", f"--port={port}", *at_once]
    with running(command, environment=os.environ, log=folder / "log") as process:
        if not answers(process, lambda: _connect(port), PATIENCE):
            raise NoDynalite("dynalite does not start with this node")
        yield f"http://127.0.0.1:{port}"


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=1).close()
