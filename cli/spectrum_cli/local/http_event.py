"""Between HTTP and functions, as API Gateway's HTTP APIs translate (payload format 2.0).

Pure functions: which route a request takes, the event that a request becomes, and the HTTP answer
that a function's result becomes. Written after AWS's developer guide for HTTP APIs.
"""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from spectrum_cli.local.http_routes import Match
from spectrum_cli.local.worker import ACCOUNT

# Headers that end at the gateway; a chunked body has a length by the time the function sees it.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Answer headers that are the gateway's own business.
NOT_THE_FUNCTIONS = HOP_BY_HOP | {"content-length", "date"}
TEXT_TYPES = re.compile(r"text/|application/(json|javascript|xml|[^;]+\+json|[^;]+\+xml)\b")
WITHOUT_BODY = frozenset({204, 304})


class MalformedAnswer(ValueError):
    """The function's result cannot be an HTTP answer."""


@dataclass(frozen=True)
class Request:
    """One request. `headers` as they came, in order; `target` is path and query, still encoded."""

    method: str
    target: str
    protocol: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    client: str
    host: str

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(frozen=True)
class Answer:
    """One answer, ready to be sent but for its Content-Length."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def to_event(request: Request, match: Match) -> dict[str, Any]:
    """Return the payload 2.0 event that API Gateway would make of this request."""
    now = time.time()
    headers = _joined(request)
    cookies = [part.strip() for part in headers.pop("cookie", "").split(";") if part.strip()]
    default = match.route.path == "$default"
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default" if default else f"{match.route.method} {match.route.path}",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": request.host,
            "domainPrefix": request.host.partition(".")[0],
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": request.protocol,
                "sourceIp": request.client,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default" if default else f"{match.route.method} {match.route.path}",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if query := _query_parameters(request.query):
        event["queryStringParameters"] = query
    if match.parameters:
        event["pathParameters"] = dict(match.parameters)
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request.body, headers)
    return event


def to_answer(payload: bytes) -> Answer:
    """Return the HTTP answer for a function's result. Raises MalformedAnswer."""
    try:
        result = json.loads(payload)
    except ValueError as error:
        raise MalformedAnswer("the result is not JSON") from error
    if not isinstance(result, dict) or "statusCode" not in result:
        # Without a status code the result itself is the body.
        body = result.encode() if isinstance(result, str) else payload
        return Answer(200, [("Content-Type", "application/json")], body)
    return Answer(_status(result["statusCode"]), _answer_headers(result), _answer_body(result))


def _joined(request: Request) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in request.headers:
        key = name.lower()
        if key in HOP_BY_HOP:
            continue
        glue = ";" if key == "cookie" else ","
        joined[key] = f"{joined[key]}{glue}{value}" if key in joined else value
    if request.body:
        joined["content-length"] = str(len(request.body))
    forwarded = joined.get("x-forwarded-for")
    joined["x-forwarded-for"] = f"{forwarded}, {request.client}" if forwarded else request.client
    joined.setdefault("x-forwarded-proto", "http")
    joined.setdefault("x-amzn-trace-id", f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}")
    return joined


def _query_parameters(query: str) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(body: bytes, headers: Mapping[str, str]) -> tuple[str, bool]:
    if "content-encoding" not in headers and TEXT_TYPES.match(
        headers.get("content-type", "").strip().lower()
    ):
        try:
            return body.decode("utf-8"), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode("ascii"), True


def _status(code: object) -> int:
    text = str(code)
    if isinstance(code, bool) or not (text.isascii() and text.isdigit() and len(text) == 3):
        raise MalformedAnswer("statusCode is not an HTTP status")
    if not 200 <= int(text) <= 599:
        raise MalformedAnswer("statusCode is not an HTTP status")
    return int(text)


def _answer_headers(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    headers = result.get("headers") or {}
    cookies = result.get("cookies") or []
    if not isinstance(headers, dict) or not isinstance(cookies, list):
        raise MalformedAnswer("headers are not an object, or cookies not a list")
    pairs = [(name, _header_value(value)) for name, value in headers.items()]
    pairs = [(name, value) for name, value in pairs if name.lower() not in NOT_THE_FUNCTIONS]
    if "content-type" not in {name.lower() for name, _ in pairs}:
        pairs.append(("Content-Type", "text/plain; charset=utf-8"))
    pairs += [("Set-Cookie", _header_value(cookie)) for cookie in cookies]
    if any(set("\r\n\0") & set(name + value) for name, value in pairs):
        raise MalformedAnswer("a header holds a line break")
    if any(ord(character) > 255 for name, value in pairs for character in name + value):
        raise MalformedAnswer("a header holds more than HTTP can carry")
    return pairs


def _header_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise MalformedAnswer("a header's value is not text")


def _answer_body(result: Mapping[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedAnswer("the body is not text")
    if not result.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as error:
        raise MalformedAnswer("the body is not base64") from error
