"""Consumers that are Lambda functions, in a process of their own: listings of the page, invoked."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from spectrum_forwarder.adapters.kinds.lambda_ import LARGEST, write_payload

from tests.consumers.bodies import BODIES, PLAIN, Body
from tests.consumers.conftest import SECRET, Row, delivery
from tests.consumers.recipes import listing, write
from tests.consumers.servers import MODULES

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:orders"
# What the fan-out says of an attempt that fits into no invocation.
TOO_LARGE = "too_large"
SECONDS = 120
# Both read events of standard input, a line each, and write a line for what the handler answers.
PYTHON = """
import importlib, json, sys
handler = importlib.import_module(sys.argv[1]).handler
for line in sys.stdin:
    try:
        print(handler(json.loads(line), None)["statusCode"], file=sys.__stdout__)
    except Exception as error:
        print(type(error).__name__, file=sys.__stdout__)
"""
NODE = """
import { createInterface } from "node:readline";
const { handler } = await import(process.argv[1]);
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const context = { callbackWaitsForEmptyEventLoop: true };
    process.stdout.write(`${(await handler(JSON.parse(line), context)).statusCode}\\n`);
  } catch (error) {
    process.stdout.write(`${error.name}\\n`);
  }
}
process.exit();
"""


def invocation(body: Body, *, secret: str = SECRET) -> bytes:
    """The event that a function gets."""
    return write_payload(delivery(FUNCTION, body, secret=secret), time.time())


def python_function(name: str, folder: Path, *needed: str, swap: tuple[str, str] = ("", "")) -> Row:
    """What a listing that makes a Python `handler` answers; `needed` are those that it imports.

    `swap` puts a second name into the place of a first.
    """
    write(folder, name, "verify.py", *needed)
    for module in (folder / name, *(folder / other for other in needed)):
        module.write_text(module.read_text(encoding="utf-8").replace(*swap), encoding="utf-8")
    return _row([sys.executable, "-c", PYTHON, name.removesuffix(".py")], folder)


def node_function(name: str, folder: Path, base: str | None = None) -> Row:
    """The same on Node; a listing with a `base` stands in the place of that one's last line."""
    (folder / "node_modules").symlink_to(MODULES)
    write(folder, name, "verify.mjs")
    if base:
        lines = listing(base).rstrip().splitlines()
        (folder / name).write_text(
            "const { SECRET } = process.env;\n" + "\n".join(lines[:-1]) + "\n" + listing(name),
            encoding="utf-8",
        )
    node = shutil.which("node") or "node"
    return _row([node, "--input-type=module", "-e", NODE, str(folder / name)], folder)


def _row(command: Sequence[str], folder: Path) -> Row:
    """What becomes of each body, and of one that is signed with another secret."""
    events = {body.name: invocation(body) for body in BODIES}
    events["forged"] = invocation(Body("forged", PLAIN), secret="0a" * 32)
    fitting = {name: event for name, event in events.items() if len(event) <= LARGEST}
    ran = subprocess.run(
        command,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "SECRET": SECRET,
            "PYTHONPATH": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        input=b"\n".join([*fitting.values(), b""]),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    answered = dict(zip(fitting, ran.stdout.decode().split(), strict=True))
    return {name: answered.get(name, TOO_LARGE) for name in events}
