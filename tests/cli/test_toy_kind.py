"""A kind of destinations is added by one module and one line: here, to a copy of the sources."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stacks import Deployed

CHECKOUT = Path(__file__).parents[2]
SOURCES = (
    CHECKOUT / "layers" / "core" / "spectrum_forwarder",
    CHECKOUT / "cli" / "spectrum_cli",
)
LIST = Path("spectrum_forwarder/adapters/kinds/__init__.py")
LAST_LINE = '    "lambda_",\n'
MODULE = '''
"""The kind `shelf`: an attempt as a file in a folder."""

from pathlib import Path

from spectrum_forwarder.adapters.kinds.kind import Field, Kind, TooLarge
from spectrum_forwarder.domain.errors import InvalidEntry

LARGEST = 1_000


class ShelfCourier:
    def carry(self, attempt, clients):
        if len(attempt.body) > LARGEST:
            raise TooLarge
        name = f"{attempt.headers['webhook-id']}{attempt.options['ending']}"
        Path(attempt.url.removeprefix("shelf:"), name).write_bytes(attempt.body)
        return 201


def check(target, allow_loopback, own):
    if not Path(str(target).removeprefix("shelf:")).is_dir():
        raise InvalidEntry("target must be a folder")


def ending(value):
    if not str(value).startswith("."):
        raise InvalidEntry("ending must begin with a full stop")
    return value


KIND = Kind(
    name="shelf",
    place="target",
    where="a folder",
    claims=lambda where: where.startswith("shelf:"),
    check=check,
    fields=[Field("ending", ending, ".json", ".TXT", "What its files' names end with.")],
    courier=ShelfCourier(),
)
'''
SEND = """
import sys
import time

import boto3
from spectrum_forwarder.adapters.destination_registry import SecretDestinations
from spectrum_forwarder.adapters.kinds.router import make_sender
from spectrum_forwarder.domain.outbound import Attempt

client = boto3.client("secretsmanager")
registry = SecretDestinations(client, sys.argv[1], clock=time.time, facts=lambda *_, **__: None)
[destination] = registry.load().usable.values()
attempts = [
    Attempt(
        event_key="main:m-1",
        destination=destination.id,
        url=destination.url,
        headers={"webhook-id": "m-1"},
        body=body,
        timeout_seconds=5.0,
        begin_by=time.time() + 60,
        kind=destination.kind,
        options=destination.options,
    )
    for body in (b"taken", b"x" * 1_001)
]
print(*sorted(str(answer) for _, answer in make_sender().send(attempts)))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources with the toy kind: one module, and one line."""
    for source in SOURCES:
        shutil.copytree(
            source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__")
        )
    (tmp_path / LIST).with_name("shelf.py").write_text(MODULE)
    listed = (tmp_path / LIST).read_text()
    assert listed.count(LAST_LINE) == 1
    (tmp_path / LIST).write_text(listed.replace(LAST_LINE, LAST_LINE + '    "shelf",\n'))
    return tmp_path


def test_a_kind_is_added_by_one_module_and_one_line(stack: Deployed, copy: Path) -> None:
    def run(*command: str) -> str:
        ran = subprocess.run(
            [sys.executable, *command],
            env={
                **{"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(copy), "COLUMNS": "200"},
                **{"PYTHONPATH": str(copy)},
                **stack.environment,
            },
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
        return ran.stdout if ran.returncode == 0 else ran.stderr

    forwarder = ("-m", "spectrum_cli", "destinations")
    shelf = copy / "shelf"
    shelf.mkdir()

    told = run(*forwarder, "add", "--help")
    assert "--ending" in told and "a folder" in told
    add = (*forwarder, "add", "box", "--json")
    assert "full stop" in run(*add, f"shelf:{shelf}", "--ending", "txt")
    assert "must be a folder" in run(*add, f"shelf:{shelf}/none")
    assert "ending is not for" in run(*add, "https://example.com/", "--ending", ".txt")
    assert json.loads(run(*add, f"shelf:{shelf}", "--ending", ".txt"))["state"] == "ok"

    said = run("-c", SEND, stack.outputs["DestinationsSecretId"])

    assert said.split() == ["201", "too_large"]
    assert {path.name: path.read_bytes() for path in shelf.iterdir()} == {"m-1.txt": b"taken"}
