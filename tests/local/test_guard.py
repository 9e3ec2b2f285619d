"""Who gets an answer of the emulated AWS: this stack's own parts and commands, and nobody else."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError, ProfileNotFound
from spectrum_cli.local.apply import deploy
from spectrum_cli.local.aws import made_up_credentials, session
from spectrum_cli.local.checkout import TEMPLATE, TRANSLATIONS
from spectrum_cli.local.deployment import Endpoints
from spectrum_cli.local.iam import assume
from spectrum_cli.local.moto_server import MotoServer
from spectrum_cli.local.runtime_api import PREFIX, RuntimeApi

from tests.support.waiting import PATIENCE

LIST = {"X-Amz-Target": "secretsmanager.ListSecrets", "Content-Type": "application/x-amz-json-1.1"}
OWN = made_up_credentials()
SIGNED = {
    "Authorization": f"AWS4-HMAC-SHA256 Credential={OWN['AWS_ACCESS_KEY_ID']}/20260101/us-east-1/"
    "secretsmanager/aws4_request, SignedHeaders=host, Signature=0"
}
# What the shell or the files of whoever starts a stack may say about AWS.
SHELLS: dict[str, dict[str, str]] = {
    "a profile": {"AWS_PROFILE": "none"},
    "a default profile": {"AWS_DEFAULT_PROFILE": "none"},
    "endpoints": {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9",
    },
    "kinds of endpoints": {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "a broken configuration": {"AWS_CONFIG_FILE": "broken"},
    "broken credentials": {"AWS_SHARED_CREDENTIALS_FILE": "broken"},
    "values that are none": {"AWS_RETRY_MODE": "no", "AWS_MAX_ATTEMPTS": "no"},
    "a mode of defaults": {"AWS_DEFAULTS_MODE": "no"},
    "a region": {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"},
    "a certificate": {"AWS_CA_BUNDLE": "/nowhere"},
}


@pytest.fixture(scope="module")
def server() -> Iterator[MotoServer]:
    with MotoServer(OWN["AWS_ACCESS_KEY_ID"]) as running:
        yield running


def ask(
    url: str, headers: dict[str, str], method: str = "POST", path: str = "/", body: bytes = b"{}"
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize(
    "headers",
    [
        {**SIGNED, "Origin": "https://example.com"},
        {**SIGNED, "Origin": "null"},
        {**SIGNED, "Origin": "http://127.0.0.1:3000"},
        {**SIGNED, "Host": "rebound.example.com"},
        {**SIGNED, "Host": "rebound.example.com:80"},
        {**SIGNED, "Host": "127.0.0.1.example.com"},
        {**SIGNED, "Host": ""},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s/aws4_request"},
        {"Authorization": "Credential=/"},
        {},
    ],
    # The credentials are made anew, and each worker of the tests has others.
    ids=lambda headers: str({n: v for n, v in headers.items() if v != SIGNED.get(n)}),
)
def test_nobody_else_reads_a_secret(server: MotoServer, headers: dict[str, str]) -> None:
    status, answered, body = ask(server.url, LIST | headers)
    assert status == 403
    assert b"SecretList" not in body
    assert not [name for name in answered if name.startswith("access-control-")]


@pytest.mark.parametrize("path", ["/moto-api/data.json", "/moto-api/reset", "/", "/a-bucket/a-key"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PUT", "DELETE"])
def test_nobody_else_reaches_any_path(server: MotoServer, method: str, path: str) -> None:
    assert ask(server.url, {}, method, path)[0] == 403


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "localhost"])
def test_its_own_credentials_are_answered_and_no_page_may_read_along(
    server: MotoServer, host: str
) -> None:
    named = {"Host": host.format(port=urlsplit(server.url).port)}
    status, answered, body = ask(server.url, LIST | SIGNED | named)
    assert (status, json.loads(body)["SecretList"]) == (200, [])
    assert not [name for name in answered if name.startswith("access-control-")]


def test_a_large_request_that_is_refused_gets_its_answer(server: MotoServer) -> None:
    assert ask(server.url, LIST, body=b"x" * 8_000_000)[0] == 403


def client_of(server: MotoServer, credentials: dict[str, str], service: str) -> Any:
    return session(credentials).client(service, endpoint_url=server.url)


def test_credentials_are_made_anew_and_others_are_refused_as_aws_does(server: MotoServer) -> None:
    with pytest.raises(ClientError, match="UnrecognizedClient"):
        client_of(server, made_up_credentials(), "secretsmanager").list_secrets()
    assert client_of(server, OWN, "secretsmanager").list_secrets()["SecretList"] == []


def test_a_functions_role_is_answered(server: MotoServer) -> None:
    endpoints = Endpoints(server.url, {}, OWN)
    deployment = deploy(TEMPLATE, endpoints=endpoints, parameters={}, kept=TRANSLATIONS)
    receiver = deployment.functions["ReceiverFunction"]
    credentials = assume(client_of(server, OWN, "sts"), receiver.role_name)
    asked = client_of(server, credentials, "secretsmanager")
    # What the role may read, for where another test has let roles count they do so ever after.
    secret = receiver.environment["WEBHOOKS_SECRET"]
    assert asked.get_secret_value(SecretId=secret)["ARN"] == secret


# ---- The Runtime API ---------------------------------------------------------------------------


@pytest.fixture
def runtime() -> Iterator[RuntimeApi]:
    api = RuntimeApi()
    yield api
    api.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/invocation/next"),
        ("POST", "/invocation/x/response"),
        ("POST", "/invocation/x/error"),
        ("POST", "/init/error"),
    ],
)
def test_only_the_worker_itself_reaches_its_runtime(
    runtime: RuntimeApi, method: str, path: str
) -> None:
    address, _, password = runtime.address.partition("/")
    url, paths = f"http://{address}", [f"{PREFIX}{path}", f"/{'0' * 40}{PREFIX}{path}"]
    answers = [ask(url, {}, method, each)[0] for each in paths]
    own = f"/{password}{PREFIX}{path}"
    answers += [ask(url, {"Origin": "null"}, method, own)[0]]
    answers += [ask(url, {"Host": "rebound.example.com"}, method, own)[0]]
    assert answers == [403] * 4
    assert runtime.outcomes.empty()
    assert not runtime.initialised.is_set()


# ---- The shell and its files -------------------------------------------------------------------


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
def test_nothing_that_the_shell_says_about_aws_reaches_the_stack(
    server: MotoServer, shell: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken").write_text("[default\nregion = ")
    monkeypatch.chdir(tmp_path)
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    own = session(OWN)
    for service in ("secretsmanager", "dynamodb", "sqs", "s3", "sts"):
        client = own.client(service, endpoint_url=server.url)
        assert client.meta.region_name == "us-east-1"
        assert client.meta.endpoint_url == server.url
    assert own.client("secretsmanager", endpoint_url=server.url).list_secrets()


def test_such_a_shell_does_reach_a_session_of_boto3s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "none")
    with pytest.raises(ProfileNotFound):
        boto3.session.Session().client("sqs", region_name="us-east-1")
    assert os.environ["AWS_PROFILE"] == "none"
