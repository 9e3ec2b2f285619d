"""The server before moto: one connection for many calls, whatever they come to."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest
from spectrum_cli.local.moto_door import Door
from spectrum_cli.local.moto_server import MotoServer

from tests.support.waiting import PATIENCE

SIGNED = "AWS4-HMAC-SHA256 Credential=local/20261127/us-east-1/{}/aws4_request, Signature=0"


@pytest.fixture
def connection() -> Iterator[http.client.HTTPConnection]:
    with MotoServer() as server:
        opened = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=PATIENCE)
        yield opened
        opened.close()


def ask(
    connection: http.client.HTTPConnection, target: str, content: dict[str, Any], *, service: str
) -> tuple[int, dict[str, Any]]:
    headers = {
        "X-Amz-Target": target,
        "Authorization": SIGNED.format(service),
        "Content-Type": "application/x-amz-json-1.0",
    }
    connection.request("POST", "/", json.dumps(content), headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_a_connection_is_kept_from_call_to_call(connection: http.client.HTTPConnection) -> None:
    socket = None
    for service, target in (
        ("dynamodb", "DynamoDB_20120810.ListTables"),  # straight
        ("sqs", "AmazonSQS.ListQueues"),
        ("logs", "Logs_20140328.DescribeLogGroups"),  # through moto's framework
        ("dynamodb", "DynamoDB_20120810.ListTables"),
    ):
        assert ask(connection, target, {}, service=service)[0] == 200
        socket = socket or connection.sock
        assert connection.sock is socket


def test_after_what_is_wrong_and_what_moto_fails_at_the_next_call_is_answered(
    connection: http.client.HTTPConnection,
) -> None:
    missing = {"TableName": "none", "Key": {"k": {"S": "x"}}}
    wrong = ask(connection, "DynamoDB_20120810.GetItem", missing, service="dynamodb")
    assert (wrong[0], wrong[1]["__type"].rpartition("#")[2]) == (400, "ResourceNotFoundException")
    unknown = ask(connection, "DynamoDB_20120810.Dance", {}, service="dynamodb")
    assert (unknown[0], unknown[1]["__type"]) == (500, "InternalFailure")
    socket = connection.sock
    assert ask(connection, "DynamoDB_20120810.ListTables", {}, service="dynamodb") == (
        200,
        {"TableNames": []},
    )
    assert connection.sock is socket


def test_a_body_in_chunks_is_put_together_and_a_names_underscore_is_no_dash() -> None:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read())
        start_response("200 OK", [("Content-Length", "2"), ("X-Two", "2")])
        return [b"o", b"k"]

    door = Door(application)
    door.start()
    try:
        connection = http.client.HTTPConnection(door.url.removeprefix("http://"), timeout=PATIENCE)
        headers = {"X_Amz_Target": "a", "x-amz-meta-with_line": "b", "X-Amz-Target": "c"}
        connection.request("PUT", "/a%20b/c?d=e", iter([b"one", b"two"]), headers)
        answer = connection.getresponse()
        assert (answer.status, answer.read(), answer.headers["X-Two"]) == (200, b"ok", "2")
        assert (seen["body"], seen["CONTENT_LENGTH"]) == (b"onetwo", "6")
        assert (seen["PATH_INFO"], seen["RAW_URI"]) == ("/a b/c", "/a%20b/c?d=e")
        assert (seen["HTTP_X_AMZ_TARGET"], seen["HTTP_X_AMZ_META_WITH_LINE"]) == ("c", "b")
        connection.request("HEAD", "/")
        assert connection.getresponse().headers["Content-Length"] == "2"
        connection.close()
    finally:
        door.stop()
