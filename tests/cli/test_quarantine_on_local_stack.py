"""A mistyped secret on the real stack: what it cost is released, though the release is killed."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from spectrum_cli.local.consumer import Consumer, Received
from spectrum_cli.local.registry_files import MadeUpWebhook, destination_registry, make_up_webhook
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.local.state import published
from spectrum_cli.samples.requests import SampleRequest, make_body, signed
from spectrum_cli.stack.http_client import HttpClient

from tests.support.stacks import forwarder, forwarder_process
from tests.support.waiting import wait_until

SECRET = "5e" * 32
TIME_SCALE = 0.01
REFUSED = 40


@dataclass
class Running:
    """The stack that runs, what its consumer took, and two registrations of its endpoint."""

    stack: LocalStack
    taken: list[Received]
    webhook: MadeUpWebhook = field(default_factory=make_up_webhook)
    other: MadeUpWebhook = field(default_factory=make_up_webhook)

    def send(self, sample: SampleRequest) -> tuple[int, dict[str, Any]]:
        with HttpClient() as client:
            answer = client.request(
                "POST", self.stack.endpoint_url, headers=sample.headers, body=sample.body
            )
        return answer.status, json.loads(answer.body)

    def store(self, signing_secret: str) -> None:
        """Write the webhooks secret as a person would."""
        self.stack.client("secretsmanager").put_secret_value(
            SecretId=self.stack.deployment.physical_ids["WebhooksSecret"],
            SecretString=registry((self.webhook.id, signing_secret), self.other_entry),
        )

    @property
    def other_entry(self) -> tuple[str, str]:
        return self.other.id, self.other.signing_secret

    def signed(self, body: bytes, webhook: MadeUpWebhook) -> SampleRequest:
        return signed(
            body,
            webhook_id=webhook.id,
            secret=webhook.signing_secret,
            timestamp=int(time.time()),
        )


def registry(*entries: tuple[str, str]) -> str:
    """The webhooks secret of these ids and secrets, all of one source."""
    webhooks = [{"id": id_, "signing_secret": key, "source": "local"} for id_, key in entries]
    return json.dumps({"webhooks": webhooks})


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    taken: list[Received] = []

    def take(received: Received) -> int:
        taken.append(received)
        return 200 if received.verified else 401

    consumer = Consumer(SECRET, take)
    consumer.start()
    webhook, other = make_up_webhook(), make_up_webhook()
    stack = LocalStack(
        webhooks=registry((webhook.id, "0" * 64), (other.id, other.signing_secret)),
        destinations=destination_registry("crm", consumer.url, SECRET),
        log=lambda *_: None,
        time_scale=TIME_SCALE,
    )
    with stack, published(stack.state()):
        yield Running(stack, taken, webhook, other)
    consumer.stop()


def test_what_a_mistyped_secret_cost_arrives_once_each(running: Running) -> None:
    samples = [running.signed(make_body("text"), running.webhook) for _ in range(REFUSED)]
    assert {running.send(sample)[0] for sample in samples} == {401}
    running.store(running.webhook.signing_secret)

    # Some arrive by another way meanwhile.
    for sample in samples[:5]:
        assert running.send(running.signed(sample.body, running.other))[0] == 200

    arguments = ("quarantine", "release", "--all", "--json", "--local")
    command = forwarder_process(*arguments, environment={})
    while len(running.taken) < 10 and command.poll() is None:
        time.sleep(0.01)
    command.kill()
    command.communicate()
    ran = forwarder(*arguments)
    assert ran.status == 0, ran.out + ran.err
    assert ran.json["kept"] == []

    bodies = Counter(sample.body for sample in samples)
    wait_until(
        lambda: len(running.taken) >= len(bodies), lambda: f"{len(running.taken)} of {len(bodies)}"
    )
    time.sleep(1)
    assert Counter(received.body for received in running.taken) == bodies
    assert all(received.verified for received in running.taken)
    assert forwarder("quarantine", "list", "--local").out == ""
