"""The receiver's handler and its quarantine: what stands in the bucket, and a bucket in trouble."""

from __future__ import annotations

import base64
import importlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from spectrum_forwarder.adapters.quarantine_shelf import S3QuarantineShelf

from functions.receiver import app
from tests.support.deployed import BUCKET, REGION, Context, Deployed
from tests.support.http_server import HttpServer, Request, reset, respond, serving, silent
from tests.support.make import WEBHOOK, body_of, signed_headers

BODY = body_of(text="canary-text")
FORGED = "v0=" + "c0de" * 16


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    importlib.reload(app)  # as a cold start does
    with mock_aws():
        yield Deployed(monkeypatch)


class Bucket(HttpServer):
    """A stand-in for S3 that answers every request in the same way."""

    def __init__(self, script: Any) -> None:
        super().__init__()
        self._script = script
        self._scripts = self  # type: ignore[assignment]

    def get(self, _path: str, _usual: object) -> Any:
        return self._script


def forged(**changes: str) -> dict[str, Any]:
    """A request that names a known webhook and is not signed with its secret."""
    headers = signed_headers(BODY) | {"x-spectrum-signature": FORGED} | changes
    text = base64.b64encode(BODY).decode()
    return {"version": "2.0", "headers": headers, "body": text, "isBase64Encoded": True}


def answer(event: dict[str, Any]) -> tuple[int, str]:
    """The status, and the word for it."""
    found = app.handler(event, Context())
    return found["statusCode"], json.loads(found["body"])["error"]["code"]


def test_a_refused_request_stands_in_the_bucket(
    deployed: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(forged()) == (401, "signature_mismatch")
    shelf = S3QuarantineShelf(boto3.client("s3", region_name=REGION), BUCKET)
    ((kept,),) = shelf.pages()
    suspect = shelf.get(kept.id)
    assert suspect is not None
    assert suspect.body == BODY
    assert suspect.headers["x-spectrum-webhook-id"] == WEBHOOK.id
    printed = "".join(capsys.readouterr())
    assert "request.quarantined" in printed
    for secret in ("canary-text", "c0de", "+15550100"):
        assert secret not in printed


@pytest.mark.parametrize(
    "changes",
    [
        {"x-spectrum-webhook-id": "unknown"},
        {"x-spectrum-webhook-id": ""},
        {"x-spectrum-webhook-id": "unknown", "x-spectrum-signature": "v0=short"},
    ],
)
def test_nothing_else_costs_a_call_to_the_bucket(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]
) -> None:
    with serving() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url(""))
        answer(forged(**changes))
        assert server.connections == 0


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"x-spectrum-signature": "v0=short"}, "malformed_signature"),
        ({"x-spectrum-signature": ""}, "missing_signature"),
        ({"x-spectrum-timestamp": ""}, "missing_timestamp"),
    ],
)
def test_a_cut_or_missing_proof_stands_in_the_bucket(
    deployed: Deployed, changes: dict[str, str], word: str
) -> None:
    assert answer(forged(**changes)) == (401, word)
    shelf = S3QuarantineShelf(boto3.client("s3", region_name=REGION), BUCKET)
    ((kept,),) = shelf.pages()
    suspect = shelf.get(kept.id)
    assert suspect is not None
    assert (suspect.code, suspect.body) == (word, BODY)


def test_a_body_of_megabytes_stands_in_the_bucket(deployed: Deployed) -> None:
    event = forged()
    event["body"] = base64.b64encode(b"x" * 4_000_000).decode()
    assert answer(event) == (401, "signature_mismatch")
    shelf = S3QuarantineShelf(boto3.client("s3", region_name=REGION), BUCKET)
    ((kept,),) = shelf.pages()
    assert kept.size > 4_000_000


def lost(request: Request, connection: socket.socket) -> bool:
    """The object is stored, and the answer never comes."""
    return False


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        (silent, "ReadTimeoutError"),
        (reset(), "ConnectionClosedError"),
        (lost, "ConnectionClosedError"),
        (respond(503, body=b"<Error><Code>SlowDown</Code></Error>"), "SlowDown"),
        (respond(200, body=b"no XML at all"), ""),
    ],
    ids=["slow", "reset", "lost", "throttled", "garbage"],
)
def test_a_bucket_in_trouble_does_not_change_the_answer(
    deployed: Deployed,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: Any,
    cause: str,
) -> None:
    bucket = Bucket(script)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket.url(""))
    assert answer(forged()) == (401, "signature_mismatch")
    assert len(bucket.requests) == 1
    printed = capsys.readouterr().out
    assert '"message":"quarantine.failed"' in printed
    assert cause in printed
    bucket.close()


def test_a_slow_bucket_is_waited_for_once(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = Bucket(silent)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket.url(""))
    for last in "abcdef":
        changed = {"x-spectrum-signature": FORGED[:-1] + last}
        assert answer(forged(**changed)) == (401, "signature_mismatch")
    assert len(bucket.requests) == 1
    bucket.close()


def test_a_bucket_that_is_gone_does_not_change_the_answer(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = HttpServer()
    closed.close()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", closed.url(""))
    assert answer(forged()) == (401, "signature_mismatch")
    assert answer(forged(**{"x-spectrum-timestamp": "1000000000"})) == (401, "stale_timestamp")
