"""A short, eventful life of the whole local stack: everything that is worth a metric happens."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from spectrum_cli.local.consumer import Answered, Consumer, Received, accept_verified
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.samples.requests import FLAWS, WEBHOOK_ID, flawed
from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
from spectrum_forwarder.adapters.notes import DynamoNotes
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.via import VIA_HEADER, mark_of

from tests.support.canaries import CANARIES, telling_body
from tests.support.make import WEBHOOK, body_of, signed_headers, stored_of
from tests.support.read_off import ReadOff, read_off
from tests.support.rights import SERVICES, without_right
from tests.support.waiting import PATIENCE, wait_until

ENTRY = {"id": WEBHOOK.id, "signing_secret": WEBHOOK.signing_secret, "source": "main"}
FORGER = WEBHOOK._replace(signing_secret="0f" * 32)
TIME_SCALE = 0.01


@dataclass
class Burst:
    """What came of it. `lines` are those of the functions, with who printed each; `read_off` what
    metric filters take from them; `answers` when, which status, after how many seconds."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    answers: list[tuple[float, int, float]] = field(default_factory=list)
    read_off: list[ReadOff] = field(default_factory=list)
    signatures: set[str] = field(default_factory=set)
    dashboard: dict[str, Any] = field(default_factory=dict)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    filters: list[dict[str, Any]] = field(default_factory=list)
    namespace: str = ""
    said: set[str] = field(default_factory=set)

    def documents(self) -> list[dict[str, Any]]:
        """The functions' lines that hold metrics."""
        parsed = [json.loads(line) for _, line in self.lines if line.startswith("{")]
        return [line for line in parsed if "_aws" in line]

    def metrics(self) -> set[str]:
        return {one.metric for one in self.read_off} | {
            metric["Name"]
            for line in self.documents()
            for directive in line["_aws"]["CloudWatchMetrics"]
            for metric in directive["Metrics"]
        }


def run_burst(
    missing: Callable[[Burst], Sequence[str]], *, events: int = 6, pause: float = 0.0
) -> Burst:
    """Run it until `missing` names nothing that is still to come, or patience is at its end.

    `events` ordinary ones come first, `pause` seconds apart.
    """
    burst = Burst()
    attempts: Counter[bytes] = Counter()
    lock = threading.Lock()

    def answer(received: Received) -> Answered:
        with lock:
            burst.signatures |= {
                received.headers["x-spectrum-signature"],
                received.headers.get("webhook-signature", "none"),
            }
            attempts[received.path.encode() + received.body] += 1
            first = attempts[received.path.encode() + received.body] == 1
        match received.path.rpartition("/")[2]:
            case "flaky":
                # It repeats all that it was sent, which is kept with the event and told to nobody.
                said = f"{json.dumps(CANARIES)} {received.headers} {received.body!r}"
                return (503, said) if first else accept_verified(received)
            case "gone":
                return 410
            case "slow":
                time.sleep(0.4)
        return accept_verified(received)

    def log(source: str, line: str) -> None:
        if source.endswith("Function"):
            burst.lines.append((source, line))
            burst.read_off += read_off(source, line, burst.filters)

    consumer = Consumer(CANARIES["destination's secret"], answer)
    consumer.start()
    try:
        stack = LocalStack(
            webhooks=json.dumps({"webhooks": [ENTRY]}),
            destinations=json.dumps({"destinations": _destinations(consumer)}),
            log=log,
            time_scale=TIME_SCALE,
        )
        with stack:
            _describe(stack, burst)
            _live(stack, burst, events, pause)
            _remove(stack, "broken")
            deadline = time.monotonic() + PATIENCE
            while missing(burst) and time.monotonic() < deadline:
                time.sleep(0.2)
            burst.said = _said(stack)
    finally:
        consumer.stop()
    return burst


def _destinations(consumer: Consumer) -> list[dict[str, Any]]:
    common = {
        "signing_secret": consumer.secret,
        "headers": {"Authorization": CANARIES["header"]},
    }
    names = ("steady", "flaky", "gone", "slow")
    entries = [{"name": name, "url": f"{consumer.url}/{name}", **common} for name in names]
    picky = {"name": "picky", "url": f"{consumer.url}/picky", "filter": "`false`", **common}
    # Fails on every event, and what it raises quotes the body.
    doubtful = picky | {"name": "doubtful", "filter": "contains(message.content.contact, 'x')"}
    broken = {"name": "broken", "url": f"ftp://{CANARIES['name']}", **common}
    return [*entries, picky, doubtful, broken]


def _remove(stack: LocalStack, name: str) -> None:
    """Take a destination out of the registry, with what waits for it."""
    secrets = stack.client("secretsmanager")
    secret = stack.deployment.physical_ids["DestinationsSecret"]
    content = json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"])
    left = [entry for entry in content["destinations"] if entry["name"] != name]
    secrets.put_secret_value(SecretId=secret, SecretString=json.dumps({"destinations": left}))


def _said(stack: LocalStack) -> set[str]:
    """What is kept with the events of answers that failed."""
    table = stack.deployment.physical_ids["EventsTable"]
    items = stack.client("dynamodb").scan(TableName=table)["Items"]
    deliveries = [d["M"] for i in items for d in i.get("deliveries", {"M": {}})["M"].values()]
    return {delivery["said"]["S"] for delivery in deliveries if "said" in delivery}


def _describe(stack: LocalStack, burst: Burst) -> None:
    watching = stack.client("cloudwatch")
    named = watching.get_dashboard(DashboardName=stack.deployment.physical_ids["Dashboard"])
    burst.dashboard = json.loads(named["DashboardBody"])
    burst.alarms = watching.describe_alarms()["MetricAlarms"]
    burst.filters = stack.client("logs").describe_metric_filters()["metricFilters"]
    fan_out = stack.deployment.functions["FanoutFunction"]
    burst.namespace = fan_out.environment["POWERTOOLS_METRICS_NAMESPACE"]


def _live(stack: LocalStack, burst: Burst, events: int, pause: float) -> None:
    table = stack.deployment.physical_ids["EventsTable"]
    failing = Health(failing_since=time.time() - 1200, open_until=2e9, trips=3)
    DynamoHealthBoard(stack.client("dynamodb"), table, clock=time.time).save("slow", failing)
    for number in range(events):
        _send(stack, burst, telling_body(f"spc-msg-{number}"))
        time.sleep(pause)
    again = telling_body("spc-msg-0")
    _send(stack, burst, again)
    _send(stack, burst, body_of("spc-msg-0", text="another under the same id"))
    _put_as_later_version(stack, table)
    _send(stack, burst, again, _come_back(stack, table, again))
    # As Spectrum does: on a busy machine the bucket may take longer than the receiver has.
    large = telling_body("spc-msg-large", size=600_000)
    assert any(_send(stack, burst, large) == 200 for _ in range(6))
    stale = telling_body("spc-msg-stale")
    _send(stack, burst, stale, signed_headers(stale, now=time.time() - 400))
    for flaw in sorted(set(FLAWS) - {"stale"}):
        request = flawed(
            flaw,
            telling_body("spc-msg-flawed"),
            webhook_id=WEBHOOK.id,
            secret=WEBHOOK.signing_secret,
            timestamp=int(time.time()),
        )
        _send(stack, burst, request.body, dict(request.headers))
    with without_right(stack, "ReceiverRole", SERVICES["table"]):
        _send(stack, burst, telling_body("spc-msg-whole"))
    with without_right(stack, "ReceiverRole", SERVICES["queue"]):
        _send(stack, burst, telling_body("spc-msg-unhinted"))
    with without_right(stack, "ReceiverRole", SERVICES["bucket"]):
        forged = telling_body("spc-msg-forged")
        _send(stack, burst, forged, signed_headers(forged, webhook=FORGER))
    with without_right(stack, "ReceiverRole", SERVICES["secrets"]):
        time.sleep(2.1)  # only then is an unknown webhook looked for again
        headers = signed_headers(telling_body("x")) | {WEBHOOK_ID: "unknown"}
        _send(stack, burst, telling_body("spc-msg-unknown"), headers)
    with without_right(stack, "FanoutRole", "dynamodb:UpdateItem"):
        _send(stack, burst, telling_body("spc-msg-unclaimed"))
        _await_refusal(burst, "FanoutFunction")
    with without_right(stack, "SweeperRole", "dynamodb:Query"):
        _await_refusal(burst, "SweeperFunction")
    # Events as no service sends them: whatever a handler trips over may not be quoted.
    canary = json.dumps(CANARIES)
    stack.pools["ReceiverFunction"].invoke(json.dumps({"headers": [canary]}).encode())
    stack.pools["FanoutFunction"].invoke(json.dumps({canary: canary}).encode())
    records = [{"messageId": "1", "body": canary}]
    stack.pools["FanoutFunction"].invoke(json.dumps({"Records": records}).encode())


def _await_refusal(burst: Burst, function: str) -> None:
    """Wait until a function tells of a right that it has not got."""
    seen = len(burst.lines)
    wait_until(
        lambda: any(f == function and "AccessDenied" in line for f, line in burst.lines[seen:]),
        f"{function} misses a right",
    )


def _put_as_later_version(stack: LocalStack, table: str) -> None:
    stored = stored_of("spc-msg-later", received_at=time.time())
    item = items.new_item(stored, receipt="later", due_at=time.time())
    stack.client("dynamodb").put_item(TableName=table, Item=item | {"v": {"N": "99"}})


def _come_back(stack: LocalStack, table: str, body: bytes) -> dict[str, str]:
    """The headers of what the stack itself has forwarded."""
    notes = DynamoNotes(stack.client("dynamodb"), table).read()
    return signed_headers(body) | {VIA_HEADER: mark_of(notes.loop_key, body)}


def _send(
    stack: LocalStack, burst: Burst, body: bytes, headers: dict[str, str] | None = None
) -> int:
    """Send one request; its answer's status."""
    sent = signed_headers(body) if headers is None else headers
    burst.signatures |= {
        value for name, value in sent.items() if name.lower() == "x-spectrum-signature"
    }
    request = Request(stack.endpoint_url, body, sent)
    began = time.time()
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=PATIENCE) as answer:
            status = int(answer.status)
    except HTTPError as error:
        status = int(error.code)
        error.close()
    burst.answers.append((time.time(), status, time.time() - began))
    return status
