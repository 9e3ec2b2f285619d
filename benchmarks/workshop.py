"""What every benchmark needs: rows, ratios, stubs, an event, and a function's environment."""

from __future__ import annotations

import contextlib
import hmac
import http.client
import io
import json
import os
import ssl
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.certificates import make_certificate

CHECKOUT = Path(__file__).resolve().parents[1]
# The benchmarks' own environment: all implementations run on its Python and its packages.
PYTHON = CHECKOUT / ".bench-venv" / "bin" / "python"
SECRET = "5e" * 32
# A trace, as Lambda tells of it.
TRACE = "Root=1-6921a000-0123456789abcdef01234567;Parent=1"


@dataclass(frozen=True)
class Spread:
    """What rounds measured: the median, and the middle half of them."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Compare round by round, so that what slows both does not count."""
    return spread([mine / other for mine, other in zip(ours, theirs, strict=True)])


def spread(measured: Sequence[float]) -> Spread:
    """Of a figure that each round gives."""
    rounds, quarter = sorted(measured), len(measured) // 4
    return Spread(statistics.median(rounds), rounds[quarter], rounds[-1 - quarter])


@dataclass(frozen=True)
class Row:
    """One line of the table: what, the bar in words, the figure reached, and whether it is met.

    `before` is what the build before reached in the same run, where it was measured.
    """

    what: str
    bar: str
    reached: str
    met: bool | None
    before: str = "-"

    @property
    def verdict(self) -> str:
        return "reported" if self.met is None else "met" if self.met else "short"

    def __str__(self) -> str:
        before = "" if self.before == "-" else f"; before: {self.before}"
        return f"{self.verdict:9}{self.what}: {self.reached}  (bar: {self.bar}{before})"


@dataclass(frozen=True)
class Stub:
    """A running stub; `url` is where all services and destinations answer."""

    url: str
    bundle: Path | None

    def counts(self) -> dict[str, int]:
        """AWS calls by operation since the last time of asking."""
        return dict(json.loads(self._ask("GET", "/counts")))

    def arrivals(self) -> list[tuple[str, float]]:
        """Paths of attempts and when they came (seconds) since the last time of asking."""
        return [(path, at) for path, at in json.loads(self._ask("GET", "/arrivals"))]

    def load(self, items: Mapping[str, object]) -> None:
        """What GetItem, UpdateItem and GetSecretValue return, by key."""
        self._ask("POST", "/load/items", json.dumps(items))

    def delay(self, milliseconds: int) -> None:
        """Let every AWS call take so long."""
        self._ask("POST", f"/delay/{milliseconds}")

    def fill(self, events: int) -> None:
        """So many stored events more, for nobody to ask for."""
        self._ask("POST", f"/fill/{events}")

    def _ask(self, method: str, path: str, body: str | None = None) -> bytes:
        host = self.url.split("//")[1]
        connection: http.client.HTTPConnection
        if self.bundle is None:
            connection = http.client.HTTPConnection(host)
        else:
            context = ssl.create_default_context(cafile=str(self.bundle))
            connection = http.client.HTTPSConnection(host, context=context)
        with contextlib.closing(connection):
            connection.request(method, path, body)
            return connection.getresponse().read()


@contextlib.contextmanager
def stub(folder: Path, *, tls: bool = True, certificate: Path | None = None) -> Iterator[Stub]:
    """Run the stub in a process of its own; its certificate vouches for itself.

    A second one can have the certificate of the first.
    """
    bundle: Path | None = None
    arguments: list[str] = []
    if tls:
        bundle = certificate or make_certificate(folder)[0]
        arguments = [str(bundle), str(folder / "key.pem")]
    command = [sys.executable, "-m", "benchmarks.stub", *arguments]
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        scheme = "https" if tls else "http"
        try:
            yield Stub(f"{scheme}://127.0.0.1:{port}", bundle)
        finally:
            process.kill()


def python_version() -> str:
    """Of the Python that is measured, not of the one that measures."""
    told = subprocess.run([str(PYTHON), "-V"], capture_output=True, text=True, check=True)
    return told.stdout.split()[1]


def packages() -> Path:
    """What peers run on: everything as pip installs it, byte code included, nothing trimmed."""
    (found,) = (PYTHON.parents[1] / "lib").glob("python3*/site-packages")
    return found


def signed_event(message_id: str, *, now: float | None = None) -> dict[str, Any]:
    """A text message of about 600 bytes as an HTTP API event."""
    timestamp = str(int(time.time() if now is None else now))
    content = {
        "event": "messages",
        "space": {"id": "any;-;+15550100", "platform": "iMessage", "type": "dm"},
        "message": {
            "id": message_id,
            "platform": "iMessage",
            "direction": "inbound",
            "timestamp": "2026-11-23T12:00:00.000Z",
            "sender": {"id": "+15550100", "platform": "iMessage"},
            "space": {"id": "any;-;+15550100", "platform": "iMessage", "type": "dm"},
            "content": {"type": "text", "text": "Is the blue one still there? " * 6},
        },
    }
    body = json.dumps(content, separators=(",", ":"))
    signed = f"v0:{timestamp}:{body}".encode()
    headers = {
        "content-type": "application/json",
        "host": "example.execute-api.us-east-1.amazonaws.com",
        "user-agent": "spectrum-webhook/1.0",
        "x-spectrum-event": "messages",
        "x-spectrum-webhook-id": "w-1",
        "x-spectrum-timestamp": timestamp,
        "x-spectrum-signature": "v0=" + hmac.digest(SECRET.encode(), signed, "sha256").hex(),
    }
    http_context = {"method": "POST", "path": "/spectrum-webhook", "sourceIp": "192.0.2.1"}
    return {
        "version": "2.0",
        "routeKey": "POST /spectrum-webhook",
        "rawPath": "/spectrum-webhook",
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {"http": http_context, "requestId": message_id, "stage": "$default"},
        "body": body,
        "isBase64Encoded": False,
    }


def environment(stub: Stub, *, bundle: Path | None) -> dict[str, str]:
    """What a function finds in its environment, and nothing of this process's."""
    variables = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": stub.url,
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        # Segments go to a port where nobody listens.
        "LAMBDA_TASK_ROOT": "/var/task",
        "_X_AMZN_TRACE_ID": f"{TRACE};Sampled=1",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2",
        "POWERTOOLS_SERVICE_NAME": "receiver",
        "POWERTOOLS_METRICS_NAMESPACE": "SpectrumForwarder",
        "EVENTS_TABLE": "events",
        "EVENTS_QUEUE_URL": f"{stub.url}/1/main",
        "SLOW_QUEUE_URL": f"{stub.url}/1/slow",
        "WAITING_TABLE": "waiting",
        "PAYLOADS_BUCKET": "payloads",
        "WEBHOOKS_SECRET": "webhooks",
        "DESTINATIONS_SECRET": "destinations",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if bundle is not None:
        variables["AWS_CA_BUNDLE"] = str(bundle)
    return variables


def zipped(*folders: Path) -> int:
    """Bytes of these folders as a deployment packs them."""
    total = 0
    for folder in folders:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
        total += len(packed.getvalue())
    return total
