"""What a function gets to see of a request, and what a client gets to see of its answer."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from spectrum_cli.local.deployment import RouteSpec
from spectrum_cli.local.http_event import MalformedAnswer, Request, to_answer, to_event
from spectrum_cli.local.http_routes import Routes

ROUTES = Routes(
    [
        RouteSpec("POST", "/hook/{slot}", "F"),
        RouteSpec("POST", "/hook", "F"),
        RouteSpec("POST", "/hook/fixed", "F"),
        RouteSpec("ANY", "/all/{rest+}", "F"),
    ]
)


def request(
    target: str = "/hook", body: bytes = b"{}", *headers: tuple[str, str], method: str = "POST"
) -> Request:
    return Request(
        method=method,
        target=target,
        protocol="HTTP/1.1",
        headers=headers or [("Content-Type", "application/json")],
        body=body,
        client="127.0.0.1",
        host="127.0.0.1:80",
    )


def event_of(made: Request) -> dict[str, Any]:
    match = ROUTES.match(made.method, made.path)
    assert match is not None
    return to_event(made, match)


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("POST", "/hook", "/hook"),
        ("POST", "/hook/fixed", "/hook/fixed"),
        ("POST", "/hook/b", "/hook/{slot}"),
        ("POST", "/hook/", None),
        ("POST", "/hook/b/", None),
        ("POST", "/hook/b/c", None),
        ("POST", "/other", None),
        ("GET", "/hook", None),
        ("GET", "/all/a/b/", "/all/{rest+}"),
        ("POST", "/all/", "/all/{rest+}"),
        ("POST", "/all", None),
    ],
)
def test_routes_match_whole_paths_and_the_most_exact_wins(
    method: str, path: str, route: str | None
) -> None:
    match = ROUTES.match(method, path)
    assert (match and match.route.path) == route


def test_event_is_payload_format_2() -> None:
    event = event_of(request("/hook/b?x=1&x=2&y=%20&z"))
    assert event["version"] == "2.0"
    assert event["routeKey"] == event["requestContext"]["routeKey"] == "POST /hook/{slot}"
    assert event["rawPath"] == "/hook/b"
    assert event["rawQueryString"] == "x=1&x=2&y=%20&z"
    assert event["queryStringParameters"] == {"x": "1,2", "y": " ", "z": ""}
    assert event["pathParameters"] == {"slot": "b"}
    assert event["requestContext"]["stage"] == "$default"
    assert event["requestContext"]["http"] == {
        "method": "POST",
        "path": "/hook/b",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "",
    }
    assert event["requestContext"]["timeEpoch"] > 1_700_000_000_000
    assert event["body"] == "{}"


def test_header_names_are_lower_cased_and_repeated_ones_joined() -> None:
    event = event_of(
        request(
            "/hook", b"x", ("X-A", "1"), ("x-a", "2"), ("Connection", "close"), ("Cookie", "a=1; b")
        )
    )
    assert event["headers"]["x-a"] == "1,2"
    assert "connection" not in event["headers"]
    assert event["cookies"] == ["a=1", "b"]
    assert event["headers"]["content-length"] == "1"
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("application/json", b'{"a":"\xc3\xa9"}', False),
        ("application/json; charset=utf-8", b"\xef\xbb\xbf{}", False),
        ("Text/Plain", b"\x00\xe2\x80\xa8", False),
        ("application/vnd.api+json", b"{}", False),
        ("application/json", b"\xed\xa0\xbd", True),
        ("application/jsonp", b"{}", True),
        ("application/octet-stream", b"{}", True),
        ("application/x-www-form-urlencoded", b"a=1", True),
    ],
)
def test_body_is_text_only_when_its_type_says_so_and_it_is_utf8(
    content_type: str, body: bytes, encoded: bool
) -> None:
    event = event_of(request("/hook", body, ("Content-Type", content_type)))
    assert event["isBase64Encoded"] is encoded
    text = event["body"]
    assert (base64.b64decode(text) if encoded else text.encode()) == body


def test_empty_body_is_not_in_the_event() -> None:
    event = event_of(request("/hook", b""))
    assert "body" not in event
    assert event["isBase64Encoded"] is False


def test_answer_has_the_functions_status_headers_and_body() -> None:
    answer = to_answer(
        json.dumps(
            {
                "statusCode": 503,
                "headers": {"Retry-After": 1, "Content-Length": "999", "content-type": "a/b"},
                "cookies": ["a=1"],
                "body": base64.b64encode(b"\xff").decode(),
                "isBase64Encoded": True,
            }
        ).encode()
    )
    assert answer.status == 503
    assert answer.body == b"\xff"
    assert answer.headers == [("Retry-After", "1"), ("content-type", "a/b"), ("Set-Cookie", "a=1")]


@pytest.mark.parametrize(
    ("result", "body"),
    [(b'{"status":"ok"}', b'{"status":"ok"}'), (b'"plain"', b"plain"), (b"null", b"null")],
)
def test_result_without_a_status_code_is_a_200(result: bytes, body: bytes) -> None:
    answer = to_answer(result)
    assert (answer.status, answer.body) == (200, body)
    assert answer.headers == [("Content-Type", "application/json")]


@pytest.mark.parametrize(
    "result",
    [
        b"not json",
        b'{"statusCode":"abc"}',
        b'{"statusCode":true}',
        b'{"statusCode":99}',
        b'{"statusCode":200,"body":{"a":1}}',
        b'{"statusCode":200,"headers":[1]}',
        b'{"statusCode":200,"headers":{"a":{}}}',
        b'{"statusCode":200,"headers":{"a":"b\\r\\nc: d"}}',
        b'{"statusCode":200,"headers":{"a":"\\u20ac"}}',
        b'{"statusCode":200,"body":"?","isBase64Encoded":true}',
    ],
)
def test_malformed_answer_is_refused(result: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        to_answer(result)
