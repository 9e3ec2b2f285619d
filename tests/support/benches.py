"""A bench for each kind of destination: a target to send to, made to fail at will, and looked into.

Queues and buses are moto's behind a relay that a script can take the place of; an HTTP endpoint
and Lambda's API are a scripted server itself.
"""

import base64
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spectrum_forwarder.adapters.kinds.lambda_ import LARGEST
from spectrum_forwarder.adapters.kinds.sqs import read
from spectrum_forwarder.domain.outbound import Attempt

from tests.support.aws import shared_client
from tests.support.http_server import HttpServer, Script, respond
from tests.support.target_scripts import queue, refusal, relay

REGION, ACCOUNT = "us-east-1", "123456789012"
NUMBERS = itertools.count()
HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "spectrum-forwarder/test",
    "X-Team": "a b; c",
    "X-Spectrum-Event": "messages",
    "X-Spectrum-Webhook-Id": "w-1",
    "X-Spectrum-Timestamp": "1800000000",
    "X-Spectrum-Signature": "v0=" + "5e" * 32,
    "webhook-id": "main:spc-msg-1",
    "webhook-timestamp": "1800000000",
    "webhook-signature": "v1,c2lnbmF0dXJl",
}
# (headers with lower-case names, body)
Arrived = tuple[dict[str, str], bytes]


@dataclass
class Bench:
    """`throttled` and `failing` are answers that the target's kind gives when it cannot take more,
    and when it is broken; `refusing` is one that can never be otherwise.
    """

    kind: str
    url: str
    server: HttpServer
    path: str
    well: Script
    throttled: Script
    failing: Script
    look: Callable[[], list[Arrived]]
    largest_body: int | None = None
    seen: list[Arrived] = field(default_factory=list)

    def script(self, script: Script | None) -> None:
        """Have the target answer so from now on; None for well."""
        self.server.on(self.path, script or self.well)

    def attempt(self, **changes: object) -> Attempt:
        """An attempt of its own event at this target."""
        values: dict[str, Any] = {
            "event_key": f"test:{next(NUMBERS)}",
            "destination": self.kind,
            "url": self.url,
            "headers": HEADERS,
            "body": b"{}",
            # Generous: a client's first call includes reading its service's description.
            "timeout_seconds": 20.0,
            "begin_by": float("inf"),
            "kind": self.kind,
        }
        return Attempt(**(values | changes))

    def arrived(self) -> list[Arrived]:
        """Everything that has arrived so far, in any order."""
        self.seen += self.look()
        return self.seen


def http_bench(server: HttpServer) -> Bench:
    """An ordinary endpoint."""

    def look() -> list[Arrived]:
        requests, server.requests[:] = list(server.requests), []
        return [({n.lower(): v for n, v in r.headers}, r.body) for r in requests]

    return Bench(
        kind="http",
        url=server.url("/hook"),
        server=server,
        path="/hook",
        well=respond(),
        throttled=respond(429),
        failing=respond(500),
        look=look,
    )


def sqs_bench(server: HttpServer, moto_url: str, name: str) -> Bench:
    """A queue of moto's; a FIFO queue, if it is called so."""
    client, fifo = shared_client("sqs", moto_url), name.endswith(".fifo")
    attributes = {"FifoQueue": "true"} if fifo else {}
    queue_url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def look() -> list[Arrived]:
        sent = [read(record) for record in _drain(client, queue_url)]
        return [({n.lower(): v for n, v in r.headers.items()}, r.body) for r in sent]

    return Bench(
        kind="sqs",
        url=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}",
        server=server,
        path="/",
        well=queue(moto_url, fifo=fifo),
        throttled=refusal(400, "RequestThrottled"),
        failing=refusal(500, "InternalFailure"),
        look=look,
        largest_body=1_048_576 - 2_000,
    )


def eventbridge_bench(server: HttpServer, moto_url: str, name: str) -> Bench:
    """A bus of moto's, with a rule on the body's content that leads to a queue."""
    sqs, events = shared_client("sqs", moto_url), shared_client("events", moto_url)
    queue_url = sqs.create_queue(QueueName=name)["QueueUrl"]
    events.create_event_bus(Name=name)
    events.put_rule(
        Name=name, EventBusName=name, EventPattern=json.dumps({"source": ["spectrum-forwarder"]})
    )
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])

    def look() -> list[Arrived]:
        found = []
        for record in _drain(sqs, queue_url):
            event = json.loads(record["Body"])
            detail = event["detail"]
            body = detail["body"].encode()
            if detail.get("isBase64Encoded"):
                body = base64.b64decode(body)
            found.append(({n.lower(): v for n, v in detail["headers"].items()}, body))
        return found

    return Bench(
        kind="eventbridge",
        url=f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{name}",
        server=server,
        path="/",
        well=relay(moto_url),
        throttled=refusal(400, "ThrottlingException"),
        failing=respond(
            200,
            {"Content-Type": "application/x-amz-json-1.1"},
            b'{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure"}]}',
        ),
        look=look,
        largest_body=1_048_576 // 2 - 2_000,
    )


def lambda_bench(server: HttpServer) -> Bench:
    """Lambda's own API, as far as an asynchronous invocation goes."""
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"

    def look() -> list[Arrived]:
        requests, server.requests[:] = list(server.requests), []
        found = []
        for request in requests:
            assert request.header("X-Amz-Invocation-Type") == "Event"
            event: Mapping[str, Any] = json.loads(request.body)
            body = event["body"].encode()
            if event["isBase64Encoded"]:
                body = base64.b64decode(body)
            found.append((dict(event["headers"]), body))
        return found

    return Bench(
        kind="lambda",
        url=arn,
        server=server,
        path=f"/2015-03-31/functions/{arn.replace(':', '%3A')}/invocations",
        well=respond(202),
        throttled=refusal(429, "TooManyRequestsException"),
        failing=refusal(500, "ServiceException"),
        look=look,
        largest_body=LARGEST - 2_000,
    )


def _drain(client: Any, queue_url: str) -> list[dict[str, Any]]:
    """Everything that is in the queue now."""
    found: list[dict[str, Any]] = []
    while True:
        records = client.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", [])
        if not records:
            return found
        for record in records:
            client.delete_message(QueueUrl=queue_url, ReceiptHandle=record["ReceiptHandle"])
        found += records
