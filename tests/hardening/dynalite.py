"""dynalite, a DynamoDB in node that shares no line with moto: installed and run for one test.

It is fetched from npm, so only long runs do it. It tells no item along with a failed condition.
"""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

VERSION = "4.0.0"
INSTALL_SECONDS, START_SECONDS = 120, 20


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
    script = install(folder)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    at_once = [f"--{what}TableMs=0" for what in ("create", "update", "delete")]
    process = subprocess.Popen(
        ["node", str(script), "--host=127.0.0.1", f"--port={port}", *at_once],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise NoDynalite("dynalite does not start with this node") from None
            time.sleep(0.05)
