"""`forwarder doctor`: a healthy stack is called that, and what is broken is named."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from spectrum_cli.local.consumer import Consumer
from spectrum_cli.local.loopback import LoopbackHandler, LoopbackServer
from spectrum_cli.local.registry_files import destination_registry
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.local.state import published
from spectrum_forwarder.domain.event import CANARY_SOURCE

from tests.support.certificates import make_certificate
from tests.support.fake_spectrum import FakeSpectrum
from tests.support.http_server import serving
from tests.support.stacks import Ran, forwarder

SECRET = "c0" * 32


@dataclass(frozen=True)
class Ward:
    """A running stack that is registered at a Spectrum of its own."""

    stack: LocalStack
    spectrum: FakeSpectrum
    seen_by_consumer: list[bytes]

    def secret(self, logical_id: str) -> Any:
        return json.loads(
            self.stack.client("secretsmanager").get_secret_value(
                SecretId=self.stack.deployment.physical_ids[logical_id]
            )["SecretString"]
        )

    def versions(self, logical_id: str) -> set[str]:
        """All versions that there are of a secret."""
        listed = self.stack.client("secretsmanager").list_secret_version_ids(
            SecretId=self.stack.deployment.physical_ids[logical_id], IncludeDeprecated=True
        )
        return {version["VersionId"] for version in listed["Versions"]}

    def write(self, logical_id: str, content: object) -> None:
        self.stack.client("secretsmanager").put_secret_value(
            SecretId=self.stack.deployment.physical_ids[logical_id],
            SecretString=json.dumps(content),
        )


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    seen: list[bytes] = []

    def take(received: Any) -> int:
        seen.append(received.body)
        return 200

    consumer = Consumer(SECRET, take)
    consumer.start()
    destinations = destination_registry("consumer", consumer.url, SECRET)
    with (
        pytest.MonkeyPatch.context() as patch,
        FakeSpectrum(rate_limit=None) as spectrum,
        LocalStack(
            webhooks='{"webhooks":[]}',
            destinations=destinations,
            log=lambda *_: None,
            time_scale=0.05,
        ) as stack,
    ):
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        # The vendor's own command is never called here, installed or not.
        patch.setenv("PATH", str(tmp_path_factory.mktemp("bin")))
        for name, value in spectrum.environment.items():
            patch.setenv(name, value)
        with published(stack.state()):
            assert forwarder("webhooks", "register", "--source", "main", "--local").status == 0
            yield Ward(stack, spectrum, seen)
    consumer.stop()


def doctor(*options: str) -> Ran:
    return forwarder("doctor", "--local", *options)


def said(ran: Ran, verdict: str) -> dict[str, str]:
    """What the checks with this verdict say, by check."""
    return {
        check["check"]: check["said"] for check in ran.json["checks"] if check["verdict"] == verdict
    }


def canaries_of(ward: Ward) -> list[dict[str, Any]]:
    entries = ward.secret("WebhooksSecret")["webhooks"]
    return [entry for entry in entries if entry.get("source") == CANARY_SOURCE]


def test_a_healthy_stack_is_called_that(ward: Ward) -> None:
    assert forwarder("sample", "--local", "--send", "endpoint").status == 0
    before = ward.secret("WebhooksSecret")
    ran = doctor("--json")
    assert said(ran, "failed") == {}
    assert ran.status == 0
    verdicts = {check["check"] for check in ran.json["checks"] if check["verdict"] == "ok"}
    assert verdicts >= {"credentials", "registered", "secrets", "answers", "known", "canary"}
    assert verdicts >= {"table", "queues", "sweeper", "destinations"}
    stored = ward.secret("WebhooksSecret")["webhooks"]
    assert [entry for entry in stored if entry["source"] != CANARY_SOURCE] == before["webhooks"]


def test_a_run_writes_no_secret_and_the_canarys_is_renewed_by_its_age(ward: Ward) -> None:
    """Secrets Manager refuses about a hundred versions a day: a cron of this must not use it up."""
    doctor()
    [canary] = canaries_of(ward)
    before = ward.versions("WebhooksSecret")
    assert doctor().status == 0
    assert ward.versions("WebhooksSecret") == before
    others = [e for e in ward.secret("WebhooksSecret")["webhooks"] if e != canary]
    soon = canary | {"accepted_until": int(time.time()) + 3600}
    spoilt = canary | {"id": "canary-spoilt", "signing_secret": "none"}
    ward.write("WebhooksSecret", {"webhooks": [*others, soon, spoilt]})
    assert doctor().status == 0
    # Another doctor may be waiting for one that still counts.
    [standing, renewed] = canaries_of(ward)
    assert standing == soon
    assert renewed["id"] != canary["id"]
    assert renewed["accepted_until"] > time.time() + 29 * 86_400
    assert ward.secret("WebhooksSecret")["webhooks"] == [*others, soon, renewed]


def test_a_canary_alone_is_no_webhook(ward: Ward) -> None:
    doctor()
    before = ward.secret("WebhooksSecret")
    ward.write("WebhooksSecret", {"webhooks": canaries_of(ward)})
    try:
        ran = doctor("--no-canary", "--json")
    finally:
        ward.write("WebhooksSecret", before)
    assert "no webhook's secret is stored" in said(ran, "failed")["secrets"]


def test_the_canary_reaches_the_table_and_no_destination(ward: Ward) -> None:
    seen = len(ward.seen_by_consumer)
    canaries = [c["said"] for c in doctor("--json").json["checks"] if c["check"] == "canary"]
    assert len(canaries) == 2
    assert "answered 200" in canaries[0]
    assert "settled" in canaries[1]
    assert len(ward.seen_by_consumer) == seen


def test_people_are_told_the_next_step_and_no_secret(ward: Ward) -> None:
    content = ward.secret("WebhooksSecret")
    ward.write("WebhooksSecret", {"webhooks": [*content["webhooks"], {"id": "x"}]})
    try:
        ran = doctor("--no-canary")
    finally:
        ward.write("WebhooksSecret", content)
    assert ran.status == 1
    assert "✗ secrets" in ran.out
    assert "→ Store it again: forwarder webhooks import x." in ran.out
    assert content["webhooks"][0]["signing_secret"] not in ran.out + ran.err


def test_a_registration_without_its_secret_is_named(ward: Ward) -> None:
    content = ward.secret("WebhooksSecret")
    (registered,) = ward.spectrum.registrations.values()
    ward.write("WebhooksSecret", {"webhooks": []})
    try:
        ran = doctor("--no-canary", "--json")
    finally:
        ward.write("WebhooksSecret", content)
    assert registered.id in said(ran, "failed")["registered"]
    assert "no webhook's secret" in said(ran, "failed")["secrets"]


def test_an_endpoint_that_is_not_registered_is_named(ward: Ward) -> None:
    kept = dict(ward.spectrum.registrations)
    ward.spectrum.registrations.clear()
    try:
        ran = doctor("--no-canary", "--json")
    finally:
        ward.spectrum.registrations.update(kept)
    assert "none of the 0 webhooks" in said(ran, "failed")["registered"]


def test_contract_9_3_a_disabled_registration_is_red_with_its_cure(ward: Ward) -> None:
    (registered,) = ward.spectrum.registrations
    ward.spectrum.webhooks.disable(registered, "delivery_failures")
    try:
        ran = doctor("--no-canary", "--json")
    finally:
        assert forwarder("webhooks", "enable", registered, "--local").status == 0
    (line,) = [c for c in ran.json["checks"] if c["verdict"] == "failed"]
    assert (line["check"], "delivery_failures" in line["said"]) == ("registered", True)
    assert f"webhooks enable {registered}" in line["next_step"]
    assert ward.spectrum.registrations[registered].enabled


def test_contract_10_a_second_registration_is_named(ward: Ward) -> None:
    first = next(iter(ward.spectrum.registrations.values()))
    content = ward.secret("WebhooksSecret")
    second = ward.spectrum.add(first.url + "/7")
    entry = {"id": second.id, "signing_secret": second.secret}
    ward.write("WebhooksSecret", {"webhooks": [*content["webhooks"], entry]})
    try:
        ran = doctor("--no-canary", "--json")
    finally:
        del ward.spectrum.registrations[second.id]
        ward.write("WebhooksSecret", content)
    assert f"{first.id} " in said(ran, "failed")["registered"]
    assert "second registration" in said(ran, "failed")["registered"]


@pytest.mark.parametrize(
    ("field", "value", "verdict", "word"),
    [
        ("event_types", ("message.read",), "failed", "message.received"),
        ("schema_version", "raw-inbound.v1", "warning", "raw-inbound.v1"),
    ],
)
def test_contract_6_what_it_is_registered_for_is_looked_at(
    ward: Ward, field: str, value: object, verdict: str, word: str
) -> None:
    (one,) = ward.spectrum.registrations.values()
    ward.spectrum.registrations[one.id] = replace(one, **{field: value})  # type: ignore[arg-type]
    try:
        ran = doctor("--no-canary", "--json")
    finally:
        ward.spectrum.registrations[one.id] = one
    assert word in said(ran, verdict)["registered"]


def test_contract_6_a_regenerated_project_secret_is_explained(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPECTRUM_PROJECT_SECRET", "the-one-before")
    assert "regenerated" in said(doctor("--no-canary", "--json"), "failed")["registered"]


def test_wrong_credentials_fail_one_check_and_the_others_go_on(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPECTRUM_PROJECT_SECRET", "wrong")
    ran = doctor("--no-canary", "--json")
    assert (ran.status, list(said(ran, "failed"))) == (1, ["registered"])
    assert "destinations" in said(ran, "ok")


def test_without_spectrums_credentials_the_rest_is_checked(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPECTRUM_PROJECT_SECRET")
    ran = doctor("--no-canary", "--json")
    assert (ran.status, "Spectrum is not asked" in said(ran, "warning")["credentials"]) == (0, True)


def test_dead_letters_are_named(ward: Ward) -> None:
    sqs, url = ward.stack.client("sqs"), ward.stack.deployment.outputs["EventsDeadLetterQueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    try:
        ran = doctor("--no-canary", "--json")
    finally:
        sqs.purge_queue(QueueUrl=url)
    assert said(ran, "failed") == {"queues": "1 records are in the dead-letter queue"}


def test_destinations_that_cannot_be_used_are_named(ward: Ward) -> None:
    content = ward.secret("DestinationsSecret")
    (good,) = content["destinations"]
    gone = {**good, "name": "gone", "url": "http://127.0.0.1:9/"}
    broken = {**good, "name": "broken", "url": "ftp://x"}
    paused = {**good, "name": "paused", "enabled": False}
    ward.write("DestinationsSecret", {"destinations": [good, gone, broken, paused]})
    try:
        ran = doctor("--no-canary", "--json")
    finally:
        ward.write("DestinationsSecret", content)
    lines = [c for c in ran.json["checks"] if c["check"] == "destinations"]
    verdicts = {line["said"].split()[0].strip(":"): line["verdict"] for line in lines}
    assert verdicts == {
        "broken": "failed",
        "consumer": "ok",
        "gone": "failed",
        "paused": "warning",
    }


def test_doctor_believes_whom_the_sender_believes_and_not_whom_this_machine_does(
    ward: Ward, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = ward.secret("DestinationsSecret")
    (good,) = content["destinations"]
    bundle, context = make_certificate(tmp_path)
    # From now on this machine trusts it.
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with serving(tls=context) as server:
        of_its_own = {**good, "name": "own", "url": server.url(), "ca_bundle": bundle.read_text()}
        public = {**good, "name": "public", "url": server.url()}
        ward.write("DestinationsSecret", {"destinations": [good, of_its_own, public]})
        try:
            ran = doctor("--no-canary", "--json")
        finally:
            ward.write("DestinationsSecret", content)
    lines = [c for c in ran.json["checks"] if c["check"] == "destinations"]
    verdicts = {line["said"].split()[0]: line["verdict"] for line in lines}
    assert verdicts == {"consumer": "ok", "own": "ok", "public": "failed"}
    (line,) = [line for line in lines if line["verdict"] == "failed"]
    assert "TLS failed" in line["said"]


def test_an_entry_that_nobody_can_name_is_a_failure(ward: Ward) -> None:
    content = ward.secret("DestinationsSecret")
    (good,) = content["destinations"]
    ward.write("DestinationsSecret", {"destinations": [good, {**good, "name": "crm "}]})
    try:
        ran = doctor("--no-canary", "--json")
    finally:
        ward.write("DestinationsSecret", content)
    (line,) = [c for c in ran.json["checks"] if c["verdict"] == "failed"]
    assert "cannot be told: crm : name must be" in line["said"]
    assert "replay" in line["next_step"]


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [(302, b"", "redirects"), (200, b"hi", "something else"), (500, b"", "receiver's log")],
)
def test_an_endpoint_that_answers_otherwise_is_named(
    ward: Ward, status: int, body: bytes, word: str
) -> None:
    class Stranger(LoopbackHandler):
        def do_POST(self) -> None:
            self.read_body(1000)
            self.answer(status, body, [("Location", "https://example.com/")])

    server = LoopbackServer(Stranger)
    server.start("stranger")
    try:
        ran = forwarder_at(ward, f"http://{server.address}/spectrum-webhook")
    finally:
        server.stop()
    wrong = [c for c in ran.json["checks"] if c["check"] == "answers"]
    assert [c["verdict"] for c in wrong] == ["failed"] * 4
    assert word in wrong[0]["said"] + wrong[0]["next_step"]


def forwarder_at(ward: Ward, url: str) -> Ran:
    """The doctor, on a stack whose endpoint is elsewhere."""
    state = replace(ward.stack.state(), endpoint_url=url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", os.environ["XDG_STATE_HOME"] + "/elsewhere")
        with published(state):
            return doctor("--no-canary", "--json")


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        ('echo \'[{"platform":"imessage"}]\'', "ok"),
        ("echo '[]'", "failed"),
        ("exit 1", "warning"),
        ("echo hello", "warning"),
    ],
)
def test_what_the_vendors_command_says_is_passed_on(
    ward: Ward, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, verdict: str
) -> None:
    (tmp_path / "photon").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "photon").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = doctor("--no-canary", "--json")
    assert "platforms" in said(ran, verdict)


def test_no_stack_ends_with_3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert doctor().status == 3
