"""Every file in events/ goes through its real handler, under Lambda's own runtime client."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from spectrum_cli.demo.consumer import Consumer
from spectrum_cli.local.apply import deploy
from spectrum_cli.local.checkout import TRANSLATIONS
from spectrum_cli.local.deployment import Deployment, Endpoints, FunctionSpec
from spectrum_cli.local.functions import FunctionPool
from spectrum_cli.local.moto_server import MotoServer
from spectrum_cli.local.worker import REGION
from spectrum_cli.samples.event_files import DESTINATION_SECRET, ON_PLATFORMS, Maker
from spectrum_cli.samples.keys import SCHEMES
from spectrum_cli.samples.requests import CONTENT_KINDS, FLAWS, KINDS, flawed

from tests.support.built import for_this_machine

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"
# The receiver without the wide window that the stored files need.
AS_DEPLOYED = "ReceiverFunction as deployed"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}

# What the receiver answers to each file, when they come in this order.
ANSWERS = {
    **{kind: (200, "accepted") for kind in (*KINDS, *ON_PLATFORMS)},
    **{name: (200, "duplicate") for name in ("duplicate", "second_path", "base64", "rest_v1")},
    **{f"signed_{scheme}": (200, "duplicate") for scheme in SCHEMES[1:]},
    "refused_forged": (401, "signature_mismatch"),
    "refused_stale": (401, "stale_timestamp"),
    "refused_truncated_signature": (401, "malformed_signature"),
    "refused_without_signature": (401, "missing_signature"),
    "refused_unknown_webhook": (503, "unknown_webhook"),
}
# How many events each batch brings to a consumer, and which records stay in the queue.
BATCHES: dict[str, tuple[int, list[int]]] = {
    "slow_lane": (2, []),
    "hints": (8, []),
    "whole_events": (8, []),
    "strange_records": (1, [2]),
}


@dataclass
class Machine:
    """A deployed template whose functions are invoked by hand: no queue is polled."""

    deployment: Deployment
    pools: dict[str, FunctionPool]
    consumer: Consumer

    def invoke(self, function: str, event: bytes) -> Any:
        result = self.pools[function].invoke(event)
        assert not result.failed, result.payload
        return json.loads(result.payload)

    def receive(self, name: str) -> tuple[int, str]:
        file = EVENTS / "receiver" / f"{name}.json"
        return summary(self.invoke("ReceiverFunction", file.read_bytes()))


def summary(answer: Any) -> tuple[int, str]:
    """An HTTP answer in short: its status, and the word for it in the body."""
    body = json.loads(answer["body"])
    return answer["statusCode"], body.get("status") or body["error"]["code"]


@pytest.fixture
def machine() -> Iterator[Machine]:
    consumer = Consumer("example", DESTINATION_SECRET)
    consumer.start()
    with MotoServer() as moto:
        deployment = deploy(
            ROOT / "template.yaml",
            endpoints=Endpoints(default=moto.url),
            parameters={},
            code_dirs=for_this_machine(),
            kept=TRANSLATIONS,
        )
        fill_secrets(deployment, moto.url, consumer.url)
        local = CREDENTIALS | {"AWS_ENDPOINT_URL": moto.url, "ALLOW_LOOPBACK": "1"}
        pools = {
            name: one_worker(spec, local | overrides(name))
            for name, spec in deployment.functions.items()
        }
        pools[AS_DEPLOYED] = one_worker(deployment.functions["ReceiverFunction"], local)
        try:
            yield Machine(deployment, pools, consumer)
        finally:
            for pool in pools.values():
                pool.stop()
            consumer.stop()


def one_worker(spec: FunctionSpec, environment: dict[str, str]) -> FunctionPool:
    return FunctionPool(
        spec, max_workers=1, log=lambda _source, _line: None, environment=environment
    )


def overrides(function: str) -> dict[str, str]:
    """What `sam local invoke --env-vars events/env.json` sets for the function."""
    variables: dict[str, dict[str, str]] = json.loads((EVENTS / "env.json").read_text())
    return variables.get(function, {})


def fill_secrets(deployment: Deployment, endpoint: str, consumer_url: str) -> None:
    """Store the registries of events/, the one destination bound for our consumer."""
    destinations = json.loads((EVENTS / "destinations.json").read_text())
    destinations["destinations"][0] |= {"url": consumer_url, "filter": None}
    secrets = boto3.client(
        "secretsmanager",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    for logical_id, text in (
        ("WebhooksSecret", (EVENTS / "webhooks.json").read_text()),
        ("DestinationsSecret", json.dumps(destinations)),
    ):
        secrets.put_secret_value(SecretId=deployment.physical_ids[logical_id], SecretString=text)


def test_the_table_of_answers_names_every_file() -> None:
    assert {path.stem for path in (EVENTS / "receiver").iterdir()} == set(ANSWERS)
    assert {path.stem for path in (EVENTS / "fanout").iterdir()} == set(BATCHES)
    assert [path.stem for path in (EVENTS / "sweeper").iterdir()] == ["schedule"]


def test_the_receiver_answers_every_file_as_expected(machine: Machine) -> None:
    assert {name: machine.receive(name) for name in ANSWERS} == ANSWERS


def test_every_flaw_gets_its_own_answer_within_the_usual_window(machine: Machine) -> None:
    maker = Maker(timestamp=int(time.time()))
    answers = {}
    for flaw in FLAWS:
        request = flawed(
            flaw,
            maker.body("text"),
            webhook_id=maker.webhook_id,
            secret=maker.secret,
            timestamp=maker.timestamp,
        )
        event = json.dumps(maker.http_api(request, flaw)).encode()
        answers[flaw] = summary(machine.invoke(AS_DEPLOYED, event))
    assert answers == {name: (flaw.status, flaw.code) for name, flaw in FLAWS.items()}


def test_the_fan_out_takes_every_batch(machine: Machine) -> None:
    for kind in CONTENT_KINDS:
        machine.receive(kind)
    # The slow lane comes first: the main one is for destinations that have shown to be quick.
    for name, (delivered, kept) in BATCHES.items():
        before = len(machine.consumer.arrivals())
        event = (EVENTS / "fanout" / f"{name}.json").read_bytes()
        answer = machine.invoke("FanoutFunction", event)
        records = json.loads(event)["Records"]
        failures = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        assert failures == [records[number]["messageId"] for number in kept], name
        assert len(machine.consumer.arrivals()) - before == delivered, name


def test_what_the_fan_out_delivers_is_what_the_files_hold(machine: Machine) -> None:
    for kind in CONTENT_KINDS:
        machine.receive(kind)
    for name in ("slow_lane", "hints", "whole_events"):
        machine.invoke("FanoutFunction", (EVENTS / "fanout" / f"{name}.json").read_bytes())
    arrivals = machine.consumer.arrivals()
    assert all(arrival.v0_verifies and arrival.standard_verifies for arrival in arrivals)
    assert sorted(arrival.body for arrival in arrivals) == sorted(
        Maker().body(kind) for kind in (*CONTENT_KINDS[:10], *KINDS[-8:])
    )


def test_the_sweeper_takes_the_schedules_event(machine: Machine) -> None:
    answer = machine.invoke("SweeperFunction", (EVENTS / "sweeper" / "schedule.json").read_bytes())
    assert isinstance(answer, dict)
