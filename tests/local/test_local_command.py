"""`forwarder local` as a process: what it prints, how it ends, what it leaves behind."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.waiting import PATIENCE, wait_until


class Command:
    """A started `forwarder local`, in a session of its own, with its output in files."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
            "XDG_STATE_HOME": str(folder / "state"),
            **environment,
        }
        with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "spectrum_cli", "local", *options],
                stdout=out,
                stderr=err,
                env=self.environment,
                start_new_session=True,
            )

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text()

    def ready_url(self) -> str:
        wait_until(lambda: self.out.endswith("\n") or self.process.poll() is not None)
        match = re.fullmatch(r"READY (http://127\.0\.0\.1:\d+/spectrum-webhook)\n", self.out)
        assert match, self.out + self.err
        return match[1]

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def children(self) -> list[int]:
        """The ids of the processes that this one has started and that still run."""
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(status.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == self.process.pid:
                found.append(int(status.parent.name))
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


@pytest.fixture
def commands() -> Iterator[list[Command]]:
    started: list[Command] = []
    yield started
    for command in started:
        if command.process.poll() is None:
            command.process.kill()
            command.process.wait()


def send(url: str, webhook: str, secret: str, body: bytes) -> tuple[int, str]:
    timestamp = str(int(time.time()))
    signed = f"v0:{timestamp}:".encode() + body
    signature = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    headers = {
        "Content-Type": "application/json",
        "X-Spectrum-Webhook-Id": webhook,
        "X-Spectrum-Timestamp": timestamp,
        "X-Spectrum-Signature": signature,
    }
    connection.request("POST", urlsplit(url).path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="counts child processes through /proc")
@pytest.mark.parametrize("run", ["built", "source"])
def test_event_sent_by_hand_reaches_the_built_in_consumer_and_nothing_stays_behind(
    folder: Path, commands: list[Command], run: str
) -> None:
    options = ("--port", "0", "--time-scale", "0.01", "--from", run)
    # A proxy for the outside world must not come between the stack's own parts.
    command = Command(folder, *options, HTTP_PROXY="http://127.0.0.1:9")
    commands.append(command)
    url = command.ready_url()
    state = json.loads((folder / "state/spectrum-forwarder/local/local.json").read_text())
    assert (state["pid"], state["endpoint_url"]) == (command.process.pid, url)
    made_up = re.search(r"webhook (\S+), secret (\S+)", command.err)
    assert made_up, command.err
    body = b'{"event":"messages","message":{"id":"by-hand-1"}}'
    status, text = send(url, made_up[1], made_up[2], body)
    assert status == 200, text + command.err
    wait_until(lambda: "by-hand-1 verified" in command.err)
    workers = command.children()
    assert workers
    assert command.end() == 0
    assert command.out == f"READY {url}\n"
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    assert not (folder / "state/spectrum-forwarder/local/local.json").exists()
    assert "Traceback" not in command.err


@pytest.mark.parametrize("after", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_during_the_start_ends_it_with_success(
    folder: Path, commands: list[Command], after: float, number: int
) -> None:
    command = Command(folder, "--port", "0")
    commands.append(command)
    time.sleep(after)
    workers = command.children()
    assert command.end(number) == 0, command.err
    assert "Traceback" not in command.err
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


def test_taken_port_is_said_in_one_line(folder: Path, commands: list[Command]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = Command(folder, "--port", port)
        commands.append(command)
        assert command.process.wait(PATIENCE) == 3
    assert command.out == ""
    assert command.err.startswith(f"forwarder: port {port} cannot be used")
    assert command.err.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--webhooks", "/does/not/exist"],
        ["--destinations", "/does/not/exist"],
        ["--time-scale", "0"],
        ["--time-scale", "nan"],
        ["--port", "70000"],
        ["--from", "elsewhere"],
        ["--name", "a b"],
        ["--name", ".."],
        ["--unknown"],
    ],
)
def test_wrong_use_is_status_2_without_a_traceback(
    folder: Path, commands: list[Command], options: list[str]
) -> None:
    command = Command(folder, *options)
    commands.append(command)
    assert command.process.wait(PATIENCE) == 2
    assert command.err
    assert "Traceback" not in command.err
    assert command.out == ""


def test_two_stacks_run_at_once_in_a_shell_that_is_set_up_for_something_else(
    folder: Path, commands: list[Command]
) -> None:
    (folder / "broken").write_text("[default\nregion = ")
    shell = {
        "XDG_STATE_HOME": str(folder / "state"),
        "AWS_PROFILE": "none",
        "AWS_CONFIG_FILE": str(folder / "broken"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
        "AWS_USE_FIPS_ENDPOINT": "true",
    }
    options = ("--port", "0", "--from", "source")
    (folder / "first").mkdir()
    (folder / "second").mkdir()
    first = Command(folder / "first", *options, **shell)
    commands.append(first)
    first.ready_url()
    second = Command(folder / "second", *options, "--name", "other", **shell)
    commands.append(second)
    url = second.ready_url()
    assert "--local --stack other" in second.err

    def ask(*where: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "spectrum_cli", "destinations", "list", "--local", *where],
            env=second.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    both = ask()
    assert both.returncode == 2
    assert f"other at {url}" in both.stderr
    assert ask("--stack", "local").returncode == 0
    assert first.end() == 0
    assert ask().returncode == 0
    assert second.end() == 0
    assert ask().returncode == 3


def test_with_spectrum_the_endpoint_can_be_registered_delivered_to_and_is_watched(
    folder: Path, commands: list[Command]
) -> None:
    options = ("--port", "0", "--time-scale", "0.01", "--from", "source")
    command = Command(folder, *options, "--spectrum")
    commands.append(command)
    url = command.ready_url()
    assert "looks at the list every 6 s" in command.err
    wait_until(lambda: "registration.trouble" in command.err)
    found = re.search(
        r"SPECTRUM_API_URL=(\S+) SPECTRUM_PROJECT_ID=(\S+) SPECTRUM_PROJECT_SECRET=(\S+)",
        command.err,
    )
    assert found, command.err
    names = ("SPECTRUM_API_URL", "SPECTRUM_PROJECT_ID", "SPECTRUM_PROJECT_SECRET")
    environment = {**command.environment, **dict(zip(names, found.groups(), strict=True))}
    ran = subprocess.run(
        [sys.executable, "-m", "spectrum_cli", "webhooks", "register", "--local", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout)["url"] == url
    connection = http.client.HTTPConnection(urlsplit(found[1]).netloc, timeout=PATIENCE)
    login = base64.b64encode(f"{found[2]}:{found[3]}".encode()).decode()
    connection.request("POST", "/stand-in/deliver", headers={"Authorization": f"Basic {login}"})
    (delivered,) = json.loads(connection.getresponse().read())["data"]
    connection.close()
    assert delivered["status"] == 200, command.err
    assert command.end() == 0
