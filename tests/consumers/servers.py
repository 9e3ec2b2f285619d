"""Consumers in processes of their own, as they would run: a listing of the page, served."""

import contextlib
import os
import queue
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.consumers.recipes import CHECKOUT, listing, write
from tests.support.processes import free_port
from tests.support.waiting import PATIENCE

MODULES = Path(__file__).with_name("node_modules")
# Starting a framework may compile it first.
SERVE = "from tests.consumers.serve import serve; import sys; serve(sys.argv[1], int(sys.argv[2]))"


@contextlib.contextmanager
def serving(command: Sequence[str], folder: Path, secret: str) -> Iterator[str]:
    """Run a server until the block ends; `{port}` in the command is its port. Yields its URL."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SECRET": secret,
        "PORT": str(port),
        "NEXT_TELEMETRY_DISABLED": "1",
        "PYTHONPATH": f"{folder}{os.pathsep}{CHECKOUT}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    process = subprocess.Popen(
        [word.format(port=port) for word in command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    listener = threading.Thread(target=_hear, args=(process, said), daemon=True)
    listener.start()
    try:
        _await_port(port, process, said)
        yield f"http://127.0.0.1:{port}/spectrum-webhook"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()
        listener.join()


@contextlib.contextmanager
def python_consumer(name: str, folder: Path, secret: str) -> Iterator[str]:
    """A listing that makes a Python `app`."""
    write(folder, name, "verify.py")
    module = name.removesuffix(".py")
    with serving([sys.executable, "-c", SERVE, module, "{port}"], folder, secret) as url:
        yield url


@contextlib.contextmanager
def node_consumer(name: str, folder: Path, secret: str) -> Iterator[str]:
    """A listing for Node, one that Next.js loads, or one that Workers' runtime does."""
    (folder / "node_modules").symlink_to(MODULES)
    node = shutil.which("node") or "node"
    if name.startswith("next"):
        _make_next(folder, name)
        command = [node, "node_modules/next/dist/bin/next", "start", "-p", "{port}"]
    elif name.startswith("worker"):
        _make_worker(folder, name)
        command = [node, "run.mjs"]
    else:
        write(folder, name, "verify.mjs")
        command = [node, name]
    with serving(command, folder, secret) as url:
        yield url


def _make_next(folder: Path, name: str) -> None:
    route = folder / "app" / "spectrum-webhook"
    route.mkdir(parents=True)
    write(route, name, "verify.mjs")
    (route / name).rename(route / "route.js")
    # A linked folder of modules is outside of what the bundler takes for its root.
    (folder / "node_modules").unlink()
    shutil.copytree(MODULES, folder / "node_modules", copy_function=os.link, symlinks=True)
    (folder / "package.json").write_text('{"name":"consumer","private":true}')
    (folder / "app" / "layout.js").write_text(
        "export default function Layout({ children }) {"
        " return <html><body>{children}</body></html>; }"
    )
    subprocess.run(
        [shutil.which("node") or "node", "node_modules/next/dist/bin/next", "build"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "NEXT_TELEMETRY_DISABLED": "1"},
        check=True,
        capture_output=True,
    )


def _make_worker(folder: Path, name: str) -> None:
    (folder / "worker.mjs").write_text(listing(name), encoding="utf-8")
    (folder / "run.mjs").write_text(
        'import { readFileSync } from "node:fs";\n'
        'import { Miniflare } from "miniflare";\n'
        "const { SECRET, PORT } = process.env;\n"
        'const source = readFileSync("worker.mjs", "utf8");\n'
        "const script = `const SECRET = ${JSON.stringify(SECRET)};\\n${source}`;\n"
        'new Miniflare({ modules: true, script, host: "127.0.0.1", port: Number(PORT),'
        ' cf: false, compatibilityDate: "2026-03-01" });\n',
        encoding="utf-8",
    )


def _hear(process: subprocess.Popen[str], said: "queue.SimpleQueue[str | None]") -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            said.put(line)
    said.put(None)


def _await_port(
    port: int, process: subprocess.Popen[str], said: "queue.SimpleQueue[str | None]"
) -> None:
    ended = threading.Event()
    for _ in range(int(PATIENCE / 0.1)):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        if process.poll() is not None:
            break
        ended.wait(0.1)
    lines: list[str] = []
    while not said.empty():
        lines.append(said.get() or "")
    raise AssertionError("the consumer does not listen:\n" + "".join(lines[-30:]))
