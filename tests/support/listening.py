"""A developer's machine: a consumer that can be stopped and started, and the command itself."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from spectrum_cli.local.loopback import LoopbackHandler, LoopbackServer

from tests.support.waiting import PATIENCE, wait_until


def verifies(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a request is signed as Spectrum signs, freshly, by the published rule alone."""
    timestamp = headers.get("x-spectrum-timestamp", "0")
    signed = b"v0:" + timestamp.encode() + b":" + body
    expected = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    fresh = abs(time.time() - int(timestamp)) < 30
    return fresh and hmac.compare_digest(headers.get("x-spectrum-signature", ""), expected)


class DevConsumer:
    """An HTTP server that writes a line for each request it has taken into a log of its own.

    `answer(event_key)` decides on the status; only what is answered 200 is written down.
    """

    def __init__(self, log: Path) -> None:
        self.log = log
        self.secret = ""
        self.answer: Callable[[str], int] = lambda _: 200
        self.unverified = 0
        self.port = 0
        self._server: LoopbackServer | None = None
        self._writing = threading.Lock()
        log.touch()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def start(self) -> None:
        """Serve, on the same port as before."""
        consumer = self

        class Handler(LoopbackHandler):
            def do_POST(self) -> None:
                body = self.read_body(10**7)
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.answer_json(consumer.take(headers, body), {})

        self._server = LoopbackServer(Handler, self.port)
        self.port = self._server.port
        self._server.start("dev-consumer")

    def stop(self) -> None:
        """Take no more connections, and cut those that are there."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        if not verifies(self.secret, headers, body):
            self.unverified += 1
            return 401
        key = headers["webhook-id"]
        status = self.answer(key)
        if status == 200:
            with self._writing, self.log.open("a") as log:
                log.write(f"{key}\n")
        return status

    def taken(self) -> list[str]:
        """Event keys, in the order in which they were taken."""
        return self.log.read_text().splitlines()


class Listen:
    """`forwarder listen` as a process, its output in files."""

    def __init__(
        self, folder: Path, number: int, *options: str, terminal: int | None = None
    ) -> None:
        self.out_path, self.err_path = folder / f"out-{number}", folder / f"err-{number}"
        with self.out_path.open("w") as out, self.err_path.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "spectrum_cli", "listen", "--local", *options],
                stdin=subprocess.DEVNULL if terminal is None else terminal,
                stdout=out if terminal is None else terminal,
                stderr=err,
                env=environment() | {"TERM": "xterm", "COLUMNS": "140", "LINES": "40"},
                start_new_session=True,
            )

    @property
    def err(self) -> str:
        return self.err_path.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """Its JSON lines so far."""
        whole = self.out_path.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def started(self) -> dict[str, Any]:
        """Wait for the first line."""
        wait_until(
            lambda: self.lines() or self.process.poll() is not None, lambda: f"a start: {self.err}"
        )
        assert self.process.poll() is None, self.err
        return self.lines()[0]

    def end(self, number: int) -> int:
        """Send a signal, and wait."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def environment() -> dict[str, str]:
    """For a process that is to find this checkout and the running local stack."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}


class Terminal:
    """The other side of a pseudo-terminal: what was drawn so far, and keys."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._drawn = b""
        threading.Thread(target=self._read, name="terminal", daemon=True).start()

    @property
    def text(self) -> str:
        return self._drawn.decode("utf-8", "replace")

    def shows(self, text: str) -> bool:
        return text in self.text

    def press(self, key: str) -> None:
        os.write(self._descriptor, key.encode())

    def close(self) -> None:
        os.close(self._descriptor)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the other side is closed
            while part := os.read(self._descriptor, 65536):
                self._drawn += part
