"""Diagnose by Standard Webhooks: what is wrong, with evidence, and that a good one verifies."""

import base64
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spectrum_cli.diagnosis.capture import read_secrets
from spectrum_cli.diagnosis.diagnose import diagnose
from spectrum_cli.diagnosis.log_line import explain
from spectrum_cli.diagnosis.model import Capture, Diagnosis, KnownSecret
from spectrum_cli.samples.keys import TEST_SECRET, TEST_STANDARD_SECRETS, TEST_WEBHOOK_ID
from spectrum_forwarder.domain.inbound import InboundRequest
from spectrum_forwarder.receive import Receiver

from tests.cli.test_sample_keys import NOW, sample
from tests.support.make import webhook_of
from tests.support.stacks import forwarder
from tests.support.world import World

OLD, NEW = TEST_STANDARD_SECRETS
OTHER_ID = "3f1c2b7e-0000-4000-8000-0000000000ff"
Headers = dict[str, str]


def known(*secrets: str, webhook_id: str | None = TEST_WEBHOOK_ID) -> list[KnownSecret]:
    return [KnownSecret(secret.encode(), webhook_id) for secret in secrets]


def diagnosed(
    scheme: str,
    secrets: list[KnownSecret],
    spoil: Callable[[Headers], Headers] = dict,
    body: Callable[[bytes], bytes] = bytes,
    late: int = 0,
) -> Diagnosis:
    request = sample(scheme)
    headers = tuple(spoil(dict(request.headers)).items())
    capture = Capture(headers, body(request.body), NOW + late)
    return diagnose(capture, secrets, now=NOW)


def changed(**values: str) -> Callable[[Headers], Headers]:
    return lambda headers: headers | {n.replace("_", "-"): v for n, v in values.items()}


@pytest.mark.parametrize("scheme", ["standard", "both", "rotated"])
@pytest.mark.parametrize("webhook_id", [TEST_WEBHOOK_ID, None])
def test_a_good_request_verifies_by_its_standard_secret(
    scheme: str, webhook_id: str | None
) -> None:
    assert diagnosed(scheme, known(NEW, webhook_id=webhook_id)).verifies


@pytest.mark.parametrize("secrets", [[NEW, TEST_SECRET], [TEST_SECRET], [NEW]])
def test_a_request_with_one_good_signature_verifies(secrets: list[str]) -> None:
    assert diagnosed("both", known(*secrets)).verifies
    bad_v0 = changed(X_Spectrum_Signature="v0=" + "ab" * 32)
    assert diagnosed("both", known(*secrets), bad_v0).verifies is (NEW in secrets)


CAUSES: list[tuple[dict[str, Any], str]] = [
    ({"secrets": known(TEST_SECRET)}, "scheme_without_secret"),
    ({"secrets": known("whsec_short")}, "standard_secret_malformed"),
    ({"secrets": known(OLD)}, "nothing_matches"),
    (
        {"secrets": known(OLD) + known(NEW, webhook_id=OTHER_ID)},
        "secret_of_another_webhook",
    ),
    ({"spoil": changed(webhook_id="")}, "standard_header_missing"),
    ({"spoil": changed(webhook_timestamp="")}, "standard_header_missing"),
    ({"spoil": changed(webhook_signature="")}, "standard_header_missing"),
    ({"spoil": changed(webhook_signature="v1,short")}, "standard_signature_malformed"),
    ({"spoil": changed(webhook_timestamp="soon")}, "standard_timestamp_malformed"),
    ({"spoil": changed(webhook_id="a.b")}, "standard_id_malformed"),
    ({"body": lambda body: body + b"\n"}, "body_newline"),
    ({"body": lambda body: json.dumps(json.loads(body)).encode()}, "body_reserialised"),
    ({"late": 301}, "timestamp_stale"),
    ({"late": -301}, "timestamp_future"),
]


@pytest.mark.parametrize(("changes", "cause"), CAUSES)
def test_what_is_wrong_with_a_standard_request_is_named(
    changes: dict[str, Any], cause: str
) -> None:
    found = diagnosed("standard", **({"secrets": known(NEW)} | changes)).findings
    assert [one.cause for one in found] == [cause]
    assert NEW[6:] not in repr(found)


@pytest.mark.parametrize("key", [NEW, NEW.removeprefix("whsec_")])
def test_a_key_that_was_not_decoded_is_named_as_that(key: str) -> None:
    request = sample("standard")
    event_id = request.headers["webhook-id"]
    signed = f"{event_id}.{NOW}.".encode() + request.body
    token = base64.b64encode(hmac.digest(key.encode(), signed, "sha256")).decode()
    found = diagnosed("standard", known(NEW), changed(webhook_signature=f"v1,{token}"))
    assert [one.cause for one in found.findings] == ["signed_with_undecoded_secret"]


def test_v0_alone_without_a_secret_of_v0_is_named_as_that() -> None:
    (found,) = diagnosed("v0", known(NEW)).findings
    assert found.cause == "scheme_without_secret"


def test_the_secrets_of_both_schemes_are_read_out_of_the_registry() -> None:
    entry = {"id": "w", "signing_secret": TEST_SECRET, "standard_secrets": [OLD, {"secret": NEW}]}
    found = read_secrets(json.dumps({"webhooks": [entry, {"id": "x"}, 7]}).encode())
    assert [one.key.decode() for one in found] == [TEST_SECRET, OLD, NEW]


def test_the_command_verifies_a_sample_of_each_scheme(tmp_path: Path) -> None:
    stored = tmp_path / "webhooks.json"
    entry = {"id": TEST_WEBHOOK_ID, "standard_secrets": [NEW]}
    stored.write_text(json.dumps({"webhooks": [entry]}))
    request = tmp_path / "request.http"
    for scheme, status in (("standard", 0), ("both", 0), ("rotated", 0), ("v0", 1)):
        made = forwarder("sample", "--scheme", scheme, "--json").json
        head = "".join(f"{name}: {value}\r\n" for name, value in made["headers"].items())
        request.write_bytes(f"POST / HTTP/1.1\r\n{head}\r\n{made['body']}".encode())
        ran = forwarder("diagnose", "--request", str(request), "--secret-file", str(stored))
        assert ran.status == status, ran.err


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (changed(webhook_id=""), "standard_header_missing"),
        (changed(webhook_signature=""), "standard_header_missing"),
        (changed(webhook_timestamp=""), "standard_header_missing"),
        (changed(webhook_signature="v1,short"), "standard_signature_malformed"),
        (changed(webhook_timestamp="soon"), "standard_timestamp_malformed"),
        (changed(webhook_id="a.b"), "standard_id_malformed"),
        (changed(webhook_id="another"), "nothing_matches"),
        (changed(webhook_timestamp="1"), "timestamp_stale"),
    ],
)
def test_the_receivers_own_line_names_the_cause(
    spoil: Callable[[Headers], Headers], cause: str
) -> None:
    world = World()
    world.clock.now = NOW
    world.webhooks.webhooks[:] = [webhook_of(NEW)._replace(id=TEST_WEBHOOK_ID)]
    request = sample("standard")
    headers = {name.lower(): value for name, value in spoil(dict(request.headers)).items()}
    receiver: Receiver = world.receiver()
    assert receiver.receive(InboundRequest(headers, request.body), receipt="1").status == 401
    (line,) = world.facts.named("request.refused")
    code_and_shape = {name: value for name, value in line.items() if value is not None}
    assert [one.cause for one in explain(code_and_shape)] == [cause]


def test_a_line_that_lacks_a_secret_says_in_which_scheme() -> None:
    line = {"code": "scheme_without_secret", "tried": "standard=scheme_without_secret"}
    (found,) = explain(line)
    assert (found.cause, "standard" in found.evidence) == ("scheme_without_secret", True)
