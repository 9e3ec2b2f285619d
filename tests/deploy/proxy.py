"""microburst (on PyPI) between the functions and the emulator: faults in the forms of AWS."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from tests.deploy.emulator import ACCOUNT, REGION, Emulator
from tests.support.processes import answers, running

START_SECONDS: Final = 30.0
# The services that functions ask, and a call of each.
ASKED: Final = {
    "dynamodb": "list_tables",
    "sqs": "list_queues",
    "s3": "list_buckets",
    "secretsmanager": "list_secrets",
}
Rule = Mapping[str, Any]


class Proxy:
    """It faults by its rules, of which there are none at first."""

    def __init__(self, url: str) -> None:
        self._control = f"{url}/_microburst"
        self._told = 0
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    @contextlib.contextmanager
    def faulting(self, rules: Sequence[Rule]) -> Iterator[None]:
        self.ask("rules", list(rules))
        try:
            yield
        finally:
            self.ask("rules", [])

    def fired(self) -> int:
        """How many calls were spoilt since this was asked last."""
        before, self._told = self._told, int(self.ask("stats")["requests"]["faulted"])
        return self._told - before

    def ask(self, what: str, content: Any = None) -> Any:
        """What its control says; raise OSError where it is not there."""
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"{self._control}/{what}", data=body)
        with self._opener.open(request, timeout=10) as answer:
            return json.load(answer)


def _warm(url: str) -> None:
    """It reads a service's description when that is first asked for, which takes it seconds."""
    for service, call in ASKED.items():
        client: Any = boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="test",
            config=Config(proxies={}),
        )
        getattr(client, call)()


@contextlib.contextmanager
def standing(python: Path, port: int, emulator: Emulator) -> Iterator[Proxy]:
    """It listens at the port, where the functions of the emulator look for AWS."""
    log = emulator.log.with_name("proxy.log")
    words = ["--upstream", emulator.url, "--port", str(port), "--host", "127.0.0.1", "--no-resign"]
    command = [str(python.with_name("microburst")), *words]
    proxy = Proxy(f"http://127.0.0.1:{port}")
    with running(command, environment=emulator.environment, log=log) as process:
        if not answers(process, lambda: proxy.ask("health"), START_SECONDS):
            raise SystemExit(f"microburst did not start:\n{log.read_text()[-2000:]}")
        _warm(f"http://127.0.0.1:{port}")
        yield proxy
