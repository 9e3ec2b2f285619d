"""A deployed stack for tests of commands: the template applied to moto, found as one on AWS is."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from spectrum_cli.__main__ import run
from spectrum_cli.local.apply import deploy
from spectrum_cli.local.checkout import TEMPLATE, TRANSLATIONS
from spectrum_cli.local.deployment import Endpoints
from spectrum_cli.local.moto_server import MotoServer

from tests.support.quick_commands import quicken

REGION = "us-east-1"
STACK = "spectrum-forwarder"


@dataclass(frozen=True)
class Deployed:
    """A stack at a moto server; `environment` is what a command needs to reach it."""

    url: str
    outputs: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "NO_PROXY": "127.0.0.1",
        }

    def client(self, service: str) -> Any:
        return _client(self.url, service)

    def secret(self, output: str) -> str:
        """The text of a secret, by the output that names it ("WebhooksSecretId")."""
        found = self.client("secretsmanager").get_secret_value(SecretId=self.outputs[output])
        return str(found["SecretString"])

    def write_secret(self, output: str, text: str) -> None:
        secrets = self.client("secretsmanager")
        secrets.put_secret_value(SecretId=self.outputs[output], SecretString=text)

    def destinations(self) -> list[dict[str, Any]]:
        """The registry's entries as they are stored."""
        entries: list[dict[str, Any]] = json.loads(self.secret("DestinationsSecretId"))[
            "destinations"
        ]
        return entries

    def write_destinations(self, *entries: object) -> None:
        """A registry of these entries."""
        self.write_secret("DestinationsSecretId", json.dumps({"destinations": entries}))

    def write_webhooks(self, *entries: object) -> None:
        """The same of webhooks."""
        self.write_secret("WebhooksSecretId", json.dumps({"webhooks": entries}))


# Tests ask for one at each step; those of earlier modules' servers are let go of.
@lru_cache(8)
def _client(url: str, service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@contextlib.contextmanager
def deployed() -> Iterator[Deployed]:
    """Apply the template to a moto server, and its outputs as a CloudFormation stack's."""
    with MotoServer() as server:
        outputs = deploy(
            TEMPLATE, endpoints=Endpoints(server.url), parameters={}, kept=TRANSLATIONS
        ).outputs
        stack = Deployed(server.url, outputs)
        # moto's CloudFormation cannot make the resources, but it can tell where they are.
        template = {
            "Resources": {"Any": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        stack.client("cloudformation").create_stack(
            StackName=STACK, TemplateBody=json.dumps(template)
        )
        yield stack


@contextlib.contextmanager
def found(state: Path) -> Iterator[Deployed]:
    """A deployed stack that commands of this process find without any option.

    `state` is the folder where they keep what they keep.
    """
    with pytest.MonkeyPatch.context() as patch, deployed() as stack:
        for name in ("AWS_PROFILE", "FORWARDER_STACK"):
            patch.delenv(name, raising=False)
        for name, value in stack.environment.items():
            patch.setenv(name, value)
        patch.setenv("XDG_STATE_HOME", str(state))
        yield stack


@dataclass(frozen=True)
class Ran:
    """What a command did: its exit status and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def forwarder(*arguments: str, given: str = "") -> Ran:
    """Run a command in this process, `given` on its standard input, as a pipe."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO(given))
        quicken(patch)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run([str(argument) for argument in arguments])
    out.seek(0)
    return Ran(status, out.read(), err.getvalue())


def forwarder_process(
    *arguments: str, environment: Mapping[str, str], **more: Any
) -> "subprocess.Popen[str]":
    """Start a command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "spectrum_cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
        **more,
    )
