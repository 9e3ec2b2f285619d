"""The events that functions are invoked with, in the shapes of API Gateway, SQS and EventBridge.

All ids in them come from names, so that the same call makes the same event.
"""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from collections.abc import Iterable

from spectrum_cli.samples.requests import SENT_AT, SampleRequest

Json = dict[str, object]

ACCOUNT, REGION = "123456789012", "us-east-1"


def stable_id(name: str) -> str:
    """A UUID that is always the same for a name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"spectrum-forwarder sample {name}"))


def http_api(
    request: SampleRequest,
    name: str,
    timestamp: int,
    *,
    binary: bool = False,
    slot: str | None = None,
) -> Json:
    """An HTTP API event, payload format 2.0."""
    path = "/spectrum-webhook" + (f"/{slot}" if slot else "")
    route = "POST /spectrum-webhook" + ("/{proxy+}" if slot else "")
    headers = {key.lower(): value for key, value in request.headers.items()}
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers | _gateway_headers(request, name),
        **({"pathParameters": {"proxy": slot}} if slot else {}),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "sample",
            "domainName": "sample.example",
            "domainPrefix": "sample",
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": headers["user-agent"],
            },
            "requestId": stable_id(name),
            "routeKey": route,
            "stage": "$default",
            "time": _gateway_time(timestamp),
            "timeEpoch": timestamp * 1000,
        },
        **_gateway_body(request.body, binary=binary),
    }


def rest_api(request: SampleRequest, name: str, timestamp: int) -> Json:
    """A REST API event, payload format 1.0: header names as sent, and each with all values."""
    headers = dict(request.headers) | {"X-Forwarded-For": "192.0.2.1"}
    return {
        "resource": "/spectrum-webhook",
        "path": "/spectrum-webhook",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {key: [value] for key, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "sample",
            "httpMethod": "POST",
            "path": "/prod/spectrum-webhook",
            "protocol": "HTTP/1.1",
            "requestId": stable_id(name),
            "requestTime": _gateway_time(timestamp),
            "requestTimeEpoch": timestamp * 1000,
            "resourcePath": "/spectrum-webhook",
            "stage": "prod",
        },
        **_gateway_body(request.body, binary=False),
    }


def sqs(queue: str, bodies: Iterable[str], timestamp: int) -> Json:
    """A batch as Lambda's event source mapping passes it."""
    sent = str(timestamp * 1000)
    return {
        "Records": [
            {
                "messageId": stable_id(f"{queue} {number} {body}"),
                "receiptHandle": f"sample-{number}",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": sent,
                    "SenderId": "AROASAMPLE:receiver",
                    "ApproximateFirstReceiveTimestamp": sent,
                },
                "messageAttributes": {},
                "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
                "awsRegion": REGION,
            }
            for number, body in enumerate(bodies, start=1)
        ]
    }


def _gateway_time(timestamp: int) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(timestamp))


def schedule(timestamp: int) -> Json:
    """EventBridge's own event for a schedule."""
    return {
        "version": "0",
        "id": stable_id("schedule"),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(timestamp)),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/sweep"],
        "detail": {},
    }


def _gateway_headers(request: SampleRequest, name: str) -> dict[str, str]:
    return {
        "content-length": str(len(request.body)),
        "host": "sample.example",
        "x-amzn-trace-id": f"Root=1-{SENT_AT:08x}-{uuid.UUID(stable_id(name)).hex[:24]}",
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }


def _gateway_body(body: bytes, *, binary: bool) -> Json:
    text = base64.b64encode(body).decode() if binary else body.decode()
    return {"body": text, "isBase64Encoded": binary}
