"""What functions ask of AWS, asked by the layer as it is built, with nothing else on the path."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from spectrum_cli.local.checkout import TEMPLATE, TRANSLATIONS
from spectrum_cli.local.moto_server import MotoServer
from spectrum_cli.local.template import load
from werkzeug.serving import BaseWSGIServer, make_server

from tests.support.aws import create_queue, create_table
from tests.support.built import for_lambda, for_this_machine
from tests.support.certificates import make_certificate
from tests.support.http_server import HttpServer, Request, Script, respond, serving

CALLS = Path(__file__).with_name("calls.py")
BUILDS = {"this machine's": for_this_machine, "Lambda's": for_lambda}
# What roles allow that no function asks for by itself.
BY_LAMBDA = {
    *("logs:CreateLogStream", "logs:PutLogEvents"),
    *("sqs:ReceiveMessage", "sqs:DeleteMessage"),
}
# Actions that are not called as the operations are that they allow.
OPERATIONS = {
    "sqs:SendMessage": {"sqs.SendMessage", "sqs.SendMessageBatch"},
    "sqs:ChangeMessageVisibility": {"sqs.ChangeMessageVisibilityBatch"},
    "s3:ListBucket": {"s3.ListObjectsV2"},
    "lambda:InvokeFunction": {"lambda.Invoke"},
}
TARGETS = ("TargetQueueArns", "TargetEventBusArns", "TargetFunctionArns")
FOUND = {
    "put an item": 200,
    "put it again": [
        "ConditionalCheckFailedException",
        "ConditionalCheckFailedException",
        {"event_key": {"S": "one"}, "shard": {"N": "0"}},
    ],
    "get an item": True,
    "get from no table": ["ResourceNotFoundException", "ResourceNotFoundException"],
    "update an item": {"N": "5"},
    "update in no table": ["ResourceNotFoundException", "ResourceNotFoundException"],
    "delete an item": 200,
    "delete from no table": ["ResourceNotFoundException", "ResourceNotFoundException"],
    "query an index": 1,
    "query no table": ["ResourceNotFoundException", "ResourceNotFoundException"],
    "send a message": 32,
    "send to no queue": ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"],
    "send a batch": ["1", "2"],
    "send a batch to no queue": ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"],
    "show a message again": ["1"],
    "show again in no queue": ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"],
    "ask for a depth": True,
    "ask no queue": ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"],
    "send to a target": 32,
    "send to no target": ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"],
    "read a secret": '{"webhooks": []}',
    "read no secret": ["ResourceNotFoundException", "ResourceNotFoundException"],
    "put an object": 200,
    "put into no bucket": ["NoSuchBucket", "NoSuchBucket"],
    "keep an object": True,
    "keep it again": ["ClientError", "PreconditionFailed"],
    "get an object": True,
    "get no object": ["NoSuchKey", "NoSuchKey"],
    "list objects": ["kept", "large"],
    "list no bucket": ["NoSuchBucket", "NoSuchBucket"],
    "put events": 0,
    "put wrong events": ["ClientError", "ValidationException"],
    "invoke a function": ["ResourceNotFoundException", "ResourceNotFoundException"],
}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.fixture(scope="module", params=BUILDS)
def layer(request: pytest.FixtureRequest) -> Path:
    """The layer's folder; it holds nothing for a platform of its own, so that any can be run."""
    return BUILDS[request.param]()["CoreLayer"]


@pytest.fixture
def moto() -> Iterator[str]:
    """The URL of a moto server that has one of everything that is called."""
    with MotoServer() as server:

        def client(service: str) -> Any:
            named = {name.lower(): value for name, value in CREDENTIALS.items()}
            return boto3.client(  # type: ignore[call-overload]
                service, endpoint_url=server.url, region_name="us-east-1", **named
            )

        create_table(client("dynamodb"))
        create_queue(client("sqs"), "main")
        received = create_queue(client("sqs"), "received")
        client("sqs").send_message(QueueUrl=received, MessageBody="text")
        client("s3").create_bucket(Bucket="payloads")
        client("secretsmanager").create_secret(Name="webhooks", SecretString='{"webhooks": []}')
        yield server.url


def handle(moto: str) -> str:
    """The handle of the message in the queue `received`."""
    named = {name.lower(): value for name, value in CREDENTIALS.items()}
    sqs: Any = boto3.client(  # type: ignore[call-overload]
        "sqs", endpoint_url=moto, region_name="us-east-1", **named
    )
    found = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="received")["QueueUrl"])
    return str(found["Messages"][0]["ReceiptHandle"])


def called(layer: Path, part: str, url: str, **environment: str) -> Any:
    """What calls.py prints."""
    done = subprocess.run(
        [sys.executable, "-S", "-P", str(CALLS), part, url],
        env={
            "PYTHONPATH": str(layer),
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            **CREDENTIALS,
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def allowed() -> set[str]:
    """The actions that the template's roles allow, those for all kinds of targets included."""
    template = load(TEMPLATE, dict.fromkeys(TARGETS, "arn:1"), TRANSLATIONS)
    return {
        action
        for resource in template.resources.values()
        if resource.type == "AWS::IAM::Role"
        for policy in resource.properties["Policies"]
        for statement in statements(policy["PolicyDocument"]["Statement"])
        for action in as_list(statement["Action"])
    }


def statements(parts: list[Any]) -> Iterator[Mapping[str, Any]]:
    """Statements, those that stand under a condition too."""
    for part in parts:
        if "Fn::If" in part:
            yield from (each for each in part["Fn::If"][1:] if "Action" in each)
        else:
            yield part


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_every_call_that_a_role_allows_works_in_the_built_layer(layer: Path, moto: str) -> None:
    found = called(layer, "services", moto, HANDLE=handle(moto))

    assert found["outcomes"] == FOUND
    assert {str(Path(file).parents[1]) for file in found["loaded"].values()} == {str(layer)}
    wanted = {
        operation
        for action in allowed() - BY_LAMBDA
        for operation in OPERATIONS.get(action, {action.replace(":", ".")})
    }
    assert set(found["operations"]) == wanted, "calls.py must make each of them"


def test_s3_takes_and_gives_bodies_over_tls(layer: Path, moto: str, tmp_path: Path) -> None:
    """There botocore sends a body in chunks, with its checksum behind it."""
    bundle, context = make_certificate(tmp_path)
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True, ssl_context=context)
    with running(server):
        url = f"https://127.0.0.1:{server.server_port}"
        found = called(layer, "services", url, AWS_CA_BUNDLE=str(bundle), HANDLE=handle(moto))

    assert found["outcomes"] == FOUND


@contextlib.contextmanager
def running(server: BaseWSGIServer) -> Iterator[None]:
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def failing_first(failure: Script, success: Script) -> Script:
    """Answer the first request with a failure, all others with success."""
    asked = itertools.count()

    def script(request: Request, connection: socket.socket) -> bool:
        return (success if next(asked) else failure)(request, connection)

    return script


def in_json(status: int, code: str = "", **content: object) -> Script:
    body = json.dumps(content | ({"__type": code} if code else {})).encode()
    return respond(status, {"Content-Type": "application/x-amz-json-1.0"}, body)


def by_target(scripts: Mapping[str, Script]) -> Script:
    """Answer by the operation that the services with JSON name in a header."""

    def script(request: Request, connection: socket.socket) -> bool:
        return scripts[(request.header("X-Amz-Target") or "").split(".")[-1]](request, connection)

    return script


SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your rate.</Message></Error>"


def script_failures(server: HttpServer) -> None:
    checked = {"x-amz-checksum-crc32": base64.b64encode(zlib.crc32(b"body").to_bytes(4)).decode()}
    throttled = in_json(400, "ThrottlingException", message="Rate exceeded")
    scripts = {
        "GetItem": failing_first(
            in_json(400, "com.amazonaws#ProvisionedThroughputExceededException"),
            in_json(200, Item={"event_key": {"S": "a"}}),
        ),
        "SendMessage": failing_first(
            throttled,
            in_json(200, MessageId="1", MD5OfMessageBody="1cb251ec0d568de6a929b520c4aed8d1"),
        ),
        "GetSecretValue": failing_first(
            in_json(500, "InternalServiceError"), in_json(200, SecretString="s")
        ),
        "PutEvents": failing_first(throttled, in_json(200, FailedEntryCount=0, Entries=[])),
    }
    server.on("/", by_target(scripts))
    server.on("/b/k", failing_first(respond(503, body=SLOW_DOWN), respond(200, checked, b"body")))
    server.on("/b/wrong", respond(200, checked, b"another"))
    busy = respond(429, {"X-Amzn-ErrorType": "TooManyRequestsException"}, b'{"message":"busy"}')
    path = "/2015-03-31/functions/f/invocations"
    server.on(path, failing_first(busy, respond(202)))


def test_failures_are_read_and_tried_again_by_the_built_layer(layer: Path) -> None:
    with serving() as server:
        script_failures(server)
        found = called(layer, "retries", server.url(""))

    assert found["outcomes"] == {
        "dynamodb": 200,
        "sqs": 200,
        "secretsmanager": 200,
        "s3": "body",
        "s3 in doubt": ["FlexibleChecksumError"],
        "events": ["ThrottlingException", "ThrottlingException"],
        "events again": 200,
        "lambda": ["TooManyRequestsException", "TooManyRequestsException"],
        "lambda again": 202,
    }
