"""The slowest answer that the receiver can give: whichever calls hang, and in whichever order.

Time is virtual. Every call is answered at its last moment, or never, or refused at once; each order
of that is tried. The limits are those of the receiver's own clients.
"""

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.httpsession import URLLib3Session
from botocore.retries.quota import RetryQuota
from spectrum_forwarder.adapters import wire
from spectrum_forwarder.adapters.plain_http import Answer

from functions.receiver import app
from tests.support.deployed import Context
from tests.support.in_memory.clock import ManualClock
from tests.support.make import WEBHOOK, body_of, signed_headers

ENVIRONMENT = {
    "EVENTS_TABLE": "events",
    "EVENTS_QUEUE_URL": "http://127.0.0.1/1/events",
    "SLOW_QUEUE_URL": "http://127.0.0.1/1/slow",
    "PAYLOADS_BUCKET": "payloads",
    "WEBHOOKS_SECRET": "webhooks",
}
SECRET = {"id": WEBHOOK.id, "signing_secret": WEBHOOK.signing_secret, "source": WEBHOOK.source}
SECRETS = json.dumps({"webhooks": [SECRET]})
ANSWERS: dict[str, Any] = {
    "GetSecretValue": {"SecretString": SECRETS},
    "SendMessage": {"MessageId": "1"},
}
# What has the key already is another event, so that the event needs a key of its own.
TAKEN = {
    "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
    "message": "The conditional request failed",
    "Item": {
        "event_key": {"S": "main:spc-msg-1"},
        "received_at": {"N": "1"},
        "fp": {"B": "AAAA"},
        "due_at": {"N": "1"},
    },
}
OPERATION = re.compile(rb"(?i)X-Amz-Target: \w+\.(\w+)")


class Connection:
    """Stands for a socket that nobody reads."""

    def setsockopt(self, *_: object) -> None: ...

    def close(self) -> None: ...


@dataclass
class Services:
    """AWS, as slow as it is allowed to be; `fates` says how each call fares, and none is the first.

    `open` collects how many fates each further call could have had.
    """

    clock: ManualClock
    quick: bool = True
    fates: list[int] = field(default_factory=list)
    open: list[int] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def begin(self, fates: list[int] | None) -> None:
        """The next request's fates; None for answers at once."""
        self.quick, self.fates = fates is None, list(fates or [])
        self.open, self.calls = [], []

    def dial(self, host: str, port: int, ends: float) -> Connection:
        if not self.quick:
            self.clock.now = max(self.clock.now, ends)
        return Connection()

    def exchange(self, connection: Connection, message: bytes, ends: float) -> Answer:
        found = OPERATION.search(message)
        operation = found[1].decode() if found else "PutObject"
        if self.quick:
            return self._answer(operation)
        if ends <= self.clock.now:
            raise TimeoutError("no time is left")
        fates: list[Callable[[], Answer]] = [
            lambda: self._late(operation, ends),
            lambda: self._never(ends),
            lambda: _http(500, {"__type": "InternalServerError"}),
        ]
        if operation == "PutItem" and b"loop_key" not in message:
            fates.append(lambda: _http(400, TAKEN))
        if operation == "PutObject":
            fates.append(lambda: Answer(412, {}, b"", is_last=True))
        number = len(self.calls)
        self.calls.append(operation)
        if number >= len(self.fates):
            self.fates.append(0)
            self.open.append(len(fates))
        return fates[self.fates[number]]()

    def _late(self, operation: str, ends: float) -> Answer:
        self.clock.now = ends
        return self._answer(operation)

    def _never(self, ends: float) -> Answer:
        self.clock.now = ends
        raise TimeoutError("timed out")

    def _answer(self, operation: str) -> Answer:
        return _http(200, ANSWERS.get(operation, {}))


def _http(status: int, content: dict[str, Any]) -> Answer:
    return Answer(status, {}, json.dumps(content).encode(), is_last=True)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """The only clock there is; who sleeps because of a failure sleeps as long as he ever might."""
    clock = ManualClock()
    monkeypatch.setattr(time, "monotonic", clock)
    monkeypatch.setattr(time, "time", clock)
    monkeypatch.setattr(time, "sleep", lambda seconds: clock.advance(1.0))
    monkeypatch.setattr(app.BUDGET, "_ends", float("inf"))
    monkeypatch.setattr(RetryQuota, "acquire", lambda self, amount: True)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    return clock


def requests(now: float) -> dict[str, dict[str, Any]]:
    """One of each way through the receiver."""
    large = body_of(text=random.Random(1).randbytes(20_000).hex())
    small = body_of()
    forged = signed_headers(small, now=now) | {"x-spectrum-signature": "v0=" + "0" * 64}
    unknown = signed_headers(small, now=now) | {"x-spectrum-webhook-id": "unknown"}
    return {
        "a body in the item": _event(signed_headers(small, now=now), small),
        "a body in the bucket": _event(signed_headers(large, now=now), large),
        "forged": _event(forged, small),
        "an unknown webhook": _event(unknown, small),
    }


def _event(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """A request as the gateway passes it."""
    return {"version": "2.0", "headers": headers, "body": body.decode(), "isBase64Encoded": False}


def slowest(
    name: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[float, list[str], int]]:
    """Each order of fates of a request: its seconds, its calls, and its answer's status."""
    services = Services(clock)
    monkeypatch.setattr(wire, "dial", services.dial)
    monkeypatch.setattr(wire, "exchange", services.exchange)
    receiver = app.build(ENVIRONMENT)
    monkeypatch.setattr(app, "receiver", lambda: receiver)
    pending: list[list[int]] = [[]]
    while pending:
        # A warm instance: its copy of the secret is old, and all pauses after failures are over.
        services.begin(None)
        clock.advance(4000.0)
        app.handler(requests(clock())["a body in the item"], Context("warm"))
        clock.advance(28.0)
        services.begin(pending.pop())
        given = len(services.fates)
        began = clock()
        reply = app.handler(requests(clock())[name], Context("measured"))
        yield clock() - began, services.calls, reply["statusCode"]
        for further, fates in enumerate(services.open):
            prefix = services.fates[: given + further]
            pending += [[*prefix, fate] for fate in range(1, fates)]


@pytest.mark.parametrize("name", list(requests(0.0)))
def test_the_slowest_answer_takes_what_the_receivers_calls_may_take_together(
    name: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing besides goes to AWS: what does not go over the wire would have no limit."""

    def escaped(*_: object) -> None:
        raise AssertionError("a call went out by botocore's own session")

    monkeypatch.setattr(URLLib3Session, "send", escaped)
    found = list(slowest(name, clock, monkeypatch))
    longest, calls, _ = max(found, key=lambda each: each[0])
    assert longest <= app.BUDGET.seconds + 1e-6, calls
    assert app.BUDGET.seconds < 5.0
    assert len(found) > 1


def test_whatever_hangs_the_queue_has_time_to_take_the_event(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _, calls, status in slowest("a body in the bucket", clock, monkeypatch):
        assert status in (200, 503)
        if status == 503:
            assert calls[-1] in ("SendMessage", "GetItem", "GetSecretValue"), calls
