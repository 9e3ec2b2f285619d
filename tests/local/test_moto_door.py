"""The server before moto: one connection for many calls, whatever they come to."""

from __future__ import annotations

import gzip
import http.client
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from spectrum_cli.local.moto_door import Door, StraightRequest
from spectrum_cli.local.moto_request import PlainCall, answer_plainly, is_plain
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


def test_a_call_that_is_not_plain_is_answered_as_a_plain_one(
    connection: http.client.HTTPConnection,
) -> None:
    """Compressed, with a query, of another type: what moto's own requests know is for these."""
    asked = {
        "X-Amz-Target": "DynamoDB_20120810.ListTables",
        "Authorization": SIGNED.format("dynamodb"),
    }
    plain, body = {"Content-Type": "application/x-amz-json-1.0"}, b'{"Limit": 1}'
    for path, headers, sent in (
        ("/", plain, body),
        ("/", plain | {"Content-Encoding": "gzip"}, gzip.compress(body)),
        ("/?Version=1", plain, body),
        ("/", {"Content-Type": "application/x-amz-json-1.0; charset=utf-8"}, body),
        ("/", {}, body),
        ("/", plain | {"Host": "localhost"}, body),
    ):
        connection.request("POST", path, sent, asked | headers)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, {"TableNames": []}), headers
        assert answer.headers["x-amzn-requestid"] and answer.headers["x-amz-crc32"]


def environ(**fields: str) -> dict[str, Any]:
    asked = {"REQUEST_METHOD": "POST", "RAW_URI": "/", "PATH_INFO": "/", "wsgi.url_scheme": "http"}
    kinds = {"CONTENT_TYPE": "application/x-amz-json-1.0", "CONTENT_LENGTH": "2"}
    sent = {"HTTP_HOST": "127.0.0.1:5000", "wsgi.input": io.BytesIO(b"{}"), "SCRIPT_NAME": ""}
    return asked | kinds | sent | {"HTTP_X_AMZ_TARGET": "a.B"} | fields


def test_a_plain_call_looks_as_in_motos_own_request() -> None:
    call, request = PlainCall(environ()), StraightRequest(environ())
    for name in ("method", "path", "raw_path", "raw_url", "content_encoding", "content_type"):
        assert getattr(call, name) == getattr(request, name)
    assert call.data == request.data
    for name in ("form", "files", "values"):
        assert dict(getattr(call, name)) == dict(getattr(request, name)) == {}
    assert dict(call.headers) == dict(request.headers)
    for name in ("x-amz-target", "X-Amz-Target", "content-type", "HOST", "none"):
        assert call.headers.get(name) == request.headers.get(name)
        assert (name in call.headers) == (name in request.headers)


@pytest.mark.parametrize(
    "changed",
    [
        {"REQUEST_METHOD": "PUT"},
        {"RAW_URI": "/?a=b"},
        {"CONTENT_TYPE": "application/x-www-form-urlencoded"},
        {"HTTP_CONTENT_ENCODING": "gzip"},
        {"HTTP_HOST": "b\u00fccher.example"},
        {"HTTP_HOST": "127.0.0.1:80"},
        {"HTTP_HOST": ""},
    ],
)
def test_whatever_moto_would_look_at_more_closely_is_not_plain(changed: dict[str, str]) -> None:
    assert is_plain(environ())
    assert not is_plain(environ(**changed))


@pytest.mark.parametrize(
    "answered",
    [
        ("400", {"Content-Type": "text/plain"}, "text"),
        (200, {"Content-Type": "text/plain"}, b"bytes"),
        (200, {}, "text"),
        (200, {"Content-Type": "text/plain", "X-Odd": "a\r\nb"}, "text"),
    ],
)
def test_an_answer_that_takes_more_to_be_sent_is_left_to_the_framework(answered: Any) -> None:
    def start_response(*sent: object) -> None:
        raise AssertionError(sent)

    assert answer_plainly(answered, start_response) is None


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
