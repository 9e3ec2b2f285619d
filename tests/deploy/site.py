"""A deployed stack as its operator and Spectrum see it: outputs, commands, requests."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from spectrum_cli.local.registry_files import MadeUpWebhook
from spectrum_cli.samples.requests import SampleRequest, signed

from tests.deploy.emulator import Emulator
from tests.deploy.steps import Failed, expect

ROOT = Path(__file__).parents[2]
COMMAND_SECONDS = 120
REQUEST_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    """What a request got; `code` is our own error's, or our word for what became of it."""

    status: int
    code: str
    event_key: str | None


class Site:
    """A stack by its name. Requests are signed with the secret of `webhook`."""

    def __init__(self, emulator: Emulator, name: str, webhook: MadeUpWebhook) -> None:
        self.emulator, self.name, self.webhook = emulator, name, webhook
        # Where the commands' package is taken from, if not from the tree.
        self.package: Path | None = None
        self._trust = ssl.create_default_context(cafile=str(emulator.certificate))

    def outputs(self) -> dict[str, str]:
        found = self.emulator.client("cloudformation").describe_stacks(StackName=self.name)
        return {o["OutputKey"]: o["OutputValue"] for o in found["Stacks"][0].get("Outputs", [])}

    def status(self) -> str:
        found = self.emulator.client("cloudformation").describe_stacks(StackName=self.name)
        return str(found["Stacks"][0]["StackStatus"])

    def resources(self) -> dict[str, str]:
        """The physical ids by logical id."""
        client = self.emulator.client("cloudformation")
        found = client.describe_stack_resources(StackName=self.name)["StackResources"]
        return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found}

    def forwarder(
        self, *arguments: str, given: str = "", status: int = 0, resolving: bool = True
    ) -> str:
        """Run a command against the stack; its output. It has to end with `status`.

        Not `resolving`, the endpoint's name has no address.
        """
        more = {"COLUMNS": "200"} | ({} if resolving else {"DEPLOY_TEST_PORT": "0"})
        if self.package is not None:
            more["PYTHONPATH"] = str(self.package)
        done = subprocess.run(
            [sys.executable, "-m", "tests.deploy.loopback_only", *arguments, "--stack", self.name],
            input=given,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            env=self.emulator.environment | more,
            cwd=ROOT,
            check=False,
        )
        if done.returncode != status:
            said = f"{done.stdout[-1500:]}{done.stderr[-1500:]}"
            raise Failed(f"forwarder {' '.join(arguments)} ended with {done.returncode}:\n{said}")
        return done.stdout

    def json(
        self, *arguments: str, given: str = "", status: int = 0, resolving: bool = True
    ) -> Any:
        return json.loads(
            self.forwarder(*arguments, "--json", given=given, status=status, resolving=resolving)
        )

    def sign(self, body: bytes) -> SampleRequest:
        return signed(
            body,
            webhook_id=self.webhook.id,
            secret=self.webhook.signing_secret,
            timestamp=int(time.time()),
        )

    def post(self, url: str, request: SampleRequest) -> Answer:
        """Send it over a connection of its own; raise OSError or HTTPException."""
        parts = urlsplit(url)
        connection = http.client.HTTPSConnection(
            parts.netloc, timeout=REQUEST_SECONDS, context=self._trust
        )
        try:
            connection.request("POST", parts.path, request.body, dict(request.headers))
            answer = connection.getresponse()
            return understood(answer.status, answer.read())
        finally:
            connection.close()

    def accepted(self, url: str, body: bytes) -> str:
        """Send a new event that has to be taken; its key."""
        answer = self.post(url, self.sign(body))
        expect("a signed request's answer", (answer.status, answer.code), (200, "accepted"))
        return str(answer.event_key)


def understood(status: int, body: bytes) -> Answer:
    try:
        content = json.loads(body)
    except ValueError:
        return Answer(status, body[:80].decode("latin-1"), None)
    code = content["error"]["code"] if "error" in content else content.get("status", content)
    return Answer(status, str(code), content.get("event_key"))


def new_body(
    *,
    text: str = "hello",
    message_id: str | None = None,
    space: str = "space-1",
    second: int = 0,
) -> bytes:
    """A text message as Spectrum sends it, with an id that no other has, sent at that second."""
    where = {"id": space, "platform": "imessage"}
    message = {
        "id": message_id or f"spc-msg-{uuid.uuid4()}",
        "platform": "imessage",
        "direction": "inbound",
        "timestamp": f"2026-11-27T12:00:{second:02}.000Z",
        "sender": {"id": "+15550100", "platform": "imessage"},
        "space": where,
        "content": {"type": "text", "text": text},
    }
    content = {"event": "messages", "space": where, "message": message}
    return json.dumps(content, separators=(",", ":")).encode()
