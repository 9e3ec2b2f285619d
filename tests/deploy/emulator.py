"""The emulator of a run: a process of its own on loopback, which ends with it."""

from __future__ import annotations

import contextlib
import os
import ssl
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from tests.support import processes
from tests.support.certificates import write_certificate

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
ENDPOINTS: Final = f"execute-api.{REGION}.amazonaws.com"
START_SECONDS: Final = 60.0
_SCRIPT: Final = Path(__file__).with_name("repaired_ministack.py")
# Whatever asks for anything beyond loopback is refused at once, and not served by the world.
_NOWHERE: Final = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
}


@dataclass(frozen=True)
class Emulator:
    """Where it is. `environment` is what a program needs to take it for AWS, as administrator."""

    port: int
    certificate: Path
    log: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            **_NOWHERE,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CA_BUNDLE": str(self.certificate),
            "SSL_CERT_FILE": str(self.certificate),
            "DEPLOY_TEST_PORT": str(self.port),
            "SAM_CLI_TELEMETRY": "0",
        }

    def client(self, service: str, **credentials: str) -> Any:
        """A client of the administrator's, or of whose credentials are given; it tries once."""
        given = credentials or {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "test"}
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name=REGION,
            verify=str(self.certificate),
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
            **given,
        )


@contextlib.contextmanager
def running(python: Path, *, functions_at: str | None = None) -> Iterator[Emulator]:
    """The emulator, run by the interpreter of its environment; raise SystemExit if it cannot.

    Its functions look for AWS there, or at the URL `functions_at`.
    """
    with tempfile.TemporaryDirectory(prefix="deploy-test-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        certificate, key = write_certificate(home, "localhost", f"*.{ENDPOINTS}")
        emulator = Emulator(processes.free_port(), certificate, home / "emulator.log")
        own = {
            **emulator.environment,
            "GATEWAY_PORT": str(emulator.port),
            "BIND_HOST": "127.0.0.1",
            "USE_SSL": "1",
            "AUTH": "true",
            "MINISTACK_SSL_CERT": str(certificate),
            "MINISTACK_SSL_KEY": str(key),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "TMPDIR": str(home),
            "AWS_ENDPOINT_URL": functions_at or emulator.url,
            "DEPLOY_TEST_PROXY": functions_at.removeprefix("http://") if functions_at else "",
            # Functions have it from here: their consumers stand on loopback.
            "ALLOW_LOOPBACK": "1",
        }
        with processes.running(
            [str(python), str(_SCRIPT)],
            environment=own,
            log=emulator.log,
            cwd=home,
            stdin=subprocess.PIPE,
        ) as process:
            if not processes.answers(process, lambda: _ask(emulator), START_SECONDS):
                said = emulator.log.read_text()[-2000:]
                raise SystemExit(f"ministack did not start:\n{said}")
            yield emulator


def _ask(emulator: Emulator) -> None:
    trust = ssl.create_default_context(cafile=str(emulator.certificate))
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
    )
    opener.open(f"{emulator.url}/_ministack/health", timeout=2).close()
