"""The kind `lambda`: an attempt as an asynchronous invocation.

The function gets what an HTTP API or a function URL would pass it (payload format 2.0), so that a
receiver behind one of those works unchanged. What it answers is seen by nobody: the delivery has
succeeded when Lambda has queued the invocation.
"""

import base64
import json

from spectrum_forwarder.adapters.kinds.kind import Clients, Grant, TooLarge, at_service
from spectrum_forwarder.domain.outbound import Attempt

LARGEST = 1_048_576


class LambdaCourier:
    """Invokes functions in any account and region that the role may invoke."""

    def carry(self, attempt: Attempt, clients: Clients) -> int:
        """See the protocol."""
        payload = write_payload(attempt)
        if len(payload) > LARGEST:
            raise TooLarge
        client = clients.get("lambda", attempt.url, attempt.timeout_seconds)
        answer = client.invoke(FunctionName=attempt.url, InvocationType="Event", Payload=payload)
        return int(answer["StatusCode"])


def write_payload(attempt: Attempt) -> bytes:
    """The event that the function gets, as JSON."""
    try:
        body, encoded = attempt.body.decode(), False
    except UnicodeDecodeError:
        body, encoded = base64.b64encode(attempt.body).decode(), True
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {name.lower(): value for name, value in attempt.headers.items()},
        "requestContext": {
            "http": {
                "method": "POST",
                "path": "/",
                "protocol": "HTTP/1.1",
                "userAgent": attempt.headers.get("User-Agent", ""),
            },
            "requestId": attempt.event_key,
            "routeKey": "$default",
            "stage": "$default",
        },
        "body": body,
        "isBase64Encoded": encoded,
    }
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


KIND = at_service(
    "lambda",
    service="lambda",
    resource=r"function:[A-Za-z0-9_-]{1,64}(:[$A-Za-z0-9_-]{1,128})?",
    example="function:orders",
    where="a function's ARN",
    courier=LambdaCourier(),
    grant=Grant("TargetFunctionArns", "lambda:InvokeFunction"),
)
