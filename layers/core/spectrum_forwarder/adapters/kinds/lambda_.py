"""The kind `lambda`: an attempt as an asynchronous invocation.

The function gets what a function URL or an HTTP API would pass it (payload format 2.0), so that a
receiver behind one of those, and every adapter between that format and a web framework, works
unchanged. What it answers is seen by nobody: the delivery has succeeded when Lambda has queued the
invocation. So whatever an adapter could miss in the event is there: nobody would hear of it.
"""

import base64
import json
import re
import time
from datetime import UTC, datetime
from typing import Any

from spectrum_forwarder.adapters.kinds.kind import Clients, Field, Grant, TooLarge, at_service
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Clock

LARGEST = 1_048_576
DEFAULT_PATH = "/spectrum-webhook"
LONGEST_PATH = 1_024
# A name that is in nobody's DNS, and never will be.
API_ID = "spectrum-forwarder"
HOST = f"{API_ID}.internal"
# An address that stands for nobody (RFC 5737); one of loopback would be trusted by some.
SOURCE_IP = "192.0.2.1"
# A path in which nothing is encoded, because adapters do not agree on who decodes it.
_PATH = re.compile(rf"/(?!/)[A-Za-z0-9._~!$&'()*+,;=:@/-]{{0,{LONGEST_PATH - 1}}}")


class LambdaCourier:
    """Invokes functions in any account and region that the role may invoke."""

    def __init__(self, clock: Clock = time.time) -> None:
        self._clock = clock

    def carry(self, attempt: Attempt, clients: Clients) -> int:
        """See the protocol."""
        payload = write_payload(attempt, self._clock())
        if len(payload) > LARGEST:
            raise TooLarge
        client = clients.get("lambda", attempt.url, attempt.timeout_seconds)
        answer = client.invoke(FunctionName=attempt.url, InvocationType="Event", Payload=payload)
        return int(answer["StatusCode"])


def write_payload(attempt: Attempt, now: float) -> bytes:
    """The event that the function gets, as JSON; `now` is in Unix seconds."""
    try:
        body, encoded = attempt.body.decode(), False
    except UnicodeDecodeError:
        body, encoded = base64.b64encode(attempt.body).decode(), True
    headers = _headers(attempt)
    path = attempt.options.get("path", DEFAULT_PATH)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": attempt.url.split(":")[4],
            "apiId": API_ID,
            "domainName": headers["host"],
            "domainPrefix": headers["host"].partition(".")[0],
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": SOURCE_IP,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": attempt.event_key,
            "routeKey": "$default",
            "stage": "$default",
            "time": f"{datetime.fromtimestamp(now, UTC):%d/%b/%Y:%H:%M:%S} +0000",
            "timeEpoch": int(now * 1000),
        },
        "body": body,
        "isBase64Encoded": encoded,
    }
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def _headers(attempt: Attempt) -> dict[str, str]:
    """Those of the attempt, and what its connection would have added."""
    sent = {name.lower(): value for name, value in attempt.headers.items()}
    return {
        "host": HOST,
        "x-forwarded-for": SOURCE_IP,
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
        **sent,
        "content-length": str(len(attempt.body)),
    }


def _path(value: object) -> str:
    if not isinstance(value, str) or not _PATH.fullmatch(value):
        raise InvalidEntry(
            f"path must begin with one slash and have nothing encoded, no query and at most "
            f"{LONGEST_PATH} characters"
        )
    return value


KIND = at_service(
    "lambda",
    service="lambda",
    resource=r"function:[A-Za-z0-9_-]{1,64}(:[$A-Za-z0-9_-]{1,128})?",
    example="function:orders",
    where="a function's ARN",
    courier=LambdaCourier(),
    grant=Grant("TargetFunctionArns", "lambda:InvokeFunction"),
    fields=[
        Field(
            "path",
            _path,
            DEFAULT_PATH,
            "PATH",
            f"The path that the function is told; {DEFAULT_PATH} if none is.",
        )
    ],
)
