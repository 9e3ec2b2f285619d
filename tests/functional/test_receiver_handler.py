"""The receiver's handler on moto: both gateway events, every answer, and what it prints."""

import base64
import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from functions.receiver import app
from tests.support.deployed import Context, Deployed
from tests.support.make import WEBHOOK, body_of, signed_headers

KEY = f"{WEBHOOK.id}:spc-msg-1"


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    importlib.reload(app)  # as a cold start does
    with mock_aws():
        yield Deployed(monkeypatch)


def http_api(body: bytes, **changes: str) -> dict[str, Any]:
    """A request as an HTTP API passes it on."""
    headers = signed_headers(body) | {k.replace("_", "-"): v for k, v in changes.items()}
    text = base64.b64encode(body).decode()
    return {"version": "2.0", "headers": headers, "body": text, "isBase64Encoded": True}


def rest_api(body: bytes) -> dict[str, Any]:
    """A request as a REST API passes it on, its header names as they were sent."""
    headers = {name.title(): value for name, value in signed_headers(body).items()}
    return {
        "version": "1.0",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "body": body.decode(),
        "isBase64Encoded": False,
    }


def answer(event: dict[str, Any], request_id: str = "request-1") -> tuple[int, str]:
    """The status, and the word for it."""
    found = app.handler(event, Context(request_id))
    assert found["headers"] == {"content-type": "application/json"}
    content = json.loads(found["body"])
    return found["statusCode"], content.get("status") or content["error"]["code"]


@pytest.mark.parametrize("make", [http_api, rest_api])
def test_a_request_is_stored_hinted_at_and_accepted(deployed: Deployed, make: Any) -> None:
    assert answer(make(body_of())) == (200, "accepted")
    assert [item["event_key"]["S"] for item in deployed.items()] == [KEY]
    assert [json.loads(record["body"]) for record in deployed.take()] == [{"event_key": KEY}]


def test_a_copy_is_a_duplicate(deployed: Deployed) -> None:
    assert answer(http_api(body_of()), "request-1") == (200, "accepted")
    assert answer(rest_api(body_of()), "request-2") == (200, "duplicate")
    assert len(deployed.take()) == 1


def test_bytes_that_are_no_text_are_accepted(deployed: Deployed) -> None:
    assert answer(http_api(b"\xff\x00\r\n")) == (200, "accepted")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            dict.fromkeys(
                ("x_spectrum_webhook_id", "x_spectrum_signature", "x_spectrum_timestamp"), ""
            ),
            (400, "missing_headers"),
        ),
        (
            {"x_spectrum_webhook_id": "", "x_spectrum_signature": "v0=" + "0" * 64},
            (503, "unnamed_webhook"),
        ),
        ({"x_spectrum_signature": ""}, (401, "missing_signature")),
        ({"x_spectrum_signature": "v0=short"}, (401, "malformed_signature")),
        ({"x_spectrum_timestamp": "1_700_000_0"}, (401, "malformed_timestamp")),
        ({"x_spectrum_timestamp": "1000000000"}, (401, "stale_timestamp")),
        ({"x_spectrum_signature": "v0=" + "0" * 64}, (401, "signature_mismatch")),
        ({"x_spectrum_webhook_id": "unknown"}, (503, "unknown_webhook")),
    ],
)
def test_what_is_wrong_has_its_answer(
    deployed: Deployed, changes: dict[str, str], expected: tuple[int, str]
) -> None:
    assert answer(http_api(body_of(), **changes)) == expected
    assert deployed.items() == deployed.take() == []


def test_without_its_secret_nothing_is_known(deployed: Deployed) -> None:
    deployed.secrets.delete_secret(SecretId="webhooks", ForceDeleteWithoutRecovery=True)
    assert answer(http_api(body_of())) == (503, "secrets_unavailable")


def test_without_the_table_the_queue_takes_the_event(deployed: Deployed) -> None:
    deployed.dynamodb.delete_table(TableName=deployed.table)
    assert answer(http_api(body_of())) == (200, "accepted")
    (record,) = deployed.take()
    assert json.loads(record["body"])["event"]["key"] == KEY


def test_without_table_and_queue_nothing_is_promised(deployed: Deployed) -> None:
    deployed.dynamodb.delete_table(TableName=deployed.table)
    deployed.sqs.delete_queue(QueueUrl=deployed.main_url)
    assert answer(http_api(body_of())) == (503, "not_durable")


def test_a_large_body_is_in_the_bucket(deployed: Deployed) -> None:
    noise = bytes(range(256)) + b"".join(
        base64.b85encode(str(n * n).encode() * 3) for n in range(60_000)
    )
    assert answer(http_api(noise)) == (200, "accepted")
    (item,) = deployed.items()
    assert "body" not in item
    assert item["payload"]["S"].startswith("payloads/")


@pytest.mark.parametrize("body", ["not base64", "YQ", "\u00e9"])
def test_base64_that_cannot_be_read_is_a_doubt_of_ours(deployed: Deployed, body: str) -> None:
    event = http_api(body_of()) | {"body": body}
    assert answer(event) == (503, "unreadable_body")


@pytest.mark.parametrize("event", [{"headers": "text"}, {"headers": {"a": 7}}, {"headers": [1]}])
def test_an_event_of_no_gateway_is_a_doubt_of_ours(
    deployed: Deployed, event: dict[str, Any]
) -> None:
    status, _ = answer(event)
    assert status in (400, 503)


def test_a_missing_setting_is_a_doubt_of_ours(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVENTS_TABLE")
    assert answer(http_api(body_of())) == (503, "internal_error")


def test_nothing_that_is_printed_holds_content(
    deployed: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    body = body_of(text="canary-text", phone="+15550100")
    good = http_api(body)
    answer(good, "request-1")
    answer(good, "request-2")
    answer(http_api(body, x_spectrum_signature="v0=" + "c0de" * 16))
    answer(http_api(body, x_spectrum_timestamp="1000000000"))
    answer(good | {"body": "canary-text"})
    answer({"headers": {"a": 7}, "body": "canary-text"})
    deployed.dynamodb.delete_table(TableName=deployed.table)
    answer(good, "request-3")
    printed = "".join(capsys.readouterr())
    assert "Traceback" not in printed
    assert "request.refused" in printed
    assert "event.queued_whole" in printed
    signature = good["headers"]["x-spectrum-signature"][3:]
    secrets = [signature, WEBHOOK.signing_secret, "c0de", good["body"][:40]]
    for secret in ("canary-text", "+15550100", "hello", *secrets):
        assert secret not in printed


def test_every_printed_line_is_one_json_object(
    deployed: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(http_api(body_of()))
    answer(http_api(b"\n", x_spectrum_webhook_id='"\n\ud83d'))
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)
