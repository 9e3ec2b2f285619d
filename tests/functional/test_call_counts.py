"""How many calls to AWS an event costs: each is paid with every event, so none may creep in."""

import importlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from spectrum_cli.demo.consumer import Consumer
from spectrum_forwarder.adapters.event_queue import encode_hint

from functions.fanout import app as fanout
from functions.receiver import app as receiver
from tests.support.deployed import Context, Deployed
from tests.support.make import (
    OTHER_WHSEC,
    WEBHOOK,
    WHSEC,
    body_of,
    signed_headers,
    webhook_of,
)

SECRET = "0123456789abcdef" * 4
EVENTS = 10


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Every request that reaches moto, retries included, by operation."""
    counted: Counter[str] = Counter()
    answer = BotocoreStubber.__call__

    def count(self: BotocoreStubber, event_name: str, request: Any, **more: Any) -> Any:
        counted[event_name.rpartition(".")[2]] += 1
        return answer(self, event_name, request, **more)

    monkeypatch.setattr(BotocoreStubber, "__call__", count)
    return counted


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, calls: Counter[str]) -> Iterator[Deployed]:
    for app in (receiver, fanout):
        importlib.reload(app)  # as a cold start does
    with mock_aws():
        surroundings = Deployed(monkeypatch)
        calls.clear()
        yield surroundings


def receive(number: int, **changes: str) -> str:
    body = body_of(f"spc-msg-{number}")
    headers = signed_headers(body) | changes
    event = {"version": "2.0", "headers": headers, "body": body.decode(), "isBase64Encoded": False}
    return str(receiver.handler(event, Context(f"request-{number}-{len(changes)}"))["statusCode"])


@pytest.mark.usefixtures("deployed")
def test_a_new_event_costs_the_receiver_two_calls(calls: Counter[str]) -> None:
    assert receive(1) == "200"
    calls.clear()
    assert receive(2) == "200"
    assert calls == {"PutItem": 1, "SendMessage": 1}


@pytest.mark.usefixtures("deployed")
def test_a_duplicate_costs_the_receiver_one_call(calls: Counter[str]) -> None:
    assert receive(1) == "200"
    calls.clear()
    assert receive(1, **{"x-request": "copy"}) == "200"
    assert calls == {"PutItem": 1}


@pytest.mark.parametrize("scheme", ["standard", "both"])
def test_a_second_scheme_costs_no_call(
    deployed: Deployed, calls: Counter[str], scheme: str
) -> None:
    """A new event 2 calls, a duplicate 1, also where only the signed id tells that it is one."""
    registered = webhook_of(WHSEC, OTHER_WHSEC, v0=WEBHOOK.signing_secret)
    entry = {"id": WEBHOOK.id, "standard_secrets": [WHSEC], "signing_secret": "5e" * 32}
    deployed.store_secret("webhooks", [entry])

    def post(text: str, event_id: str) -> dict[str, int]:
        body = body_of(text=text)
        headers = signed_headers(body, webhook=registered, scheme=scheme, event_id=event_id)
        event = {"version": "2.0", "headers": headers, "body": body.decode()}
        calls.clear()
        assert receiver.handler(event, Context(f"request-{text}"))["statusCode"] == 200
        return dict(calls)

    assert post("one", "evt_1")["GetSecretValue"] == 1  # a cold start
    assert post("two", "evt_1") == {"PutItem": 1}
    new = body_of("spc-msg-2", text="three")
    headers = signed_headers(new, webhook=registered, scheme=scheme, event_id="evt_2")
    headers |= {"x-spectrum-webhook-id": ""}
    calls.clear()
    event = {"version": "2.0", "headers": headers, "body": new.decode()}
    assert receiver.handler(event, Context("request-3"))["statusCode"] == 200
    assert calls == {"PutItem": 1, "SendMessage": 1}


@pytest.mark.usefixtures("deployed")
def test_a_request_that_nobody_signed_costs_the_receiver_no_call(calls: Counter[str]) -> None:
    unsigned = ("webhook-id", "signature", "timestamp")
    assert receive(2, **{f"x-spectrum-{name}": "" for name in unsigned}) == "400"
    assert calls == {}


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    "changes",
    [
        {"x-spectrum-timestamp": "1000000000"},
        {"x-spectrum-timestamp": "1_000"},
        {"x-spectrum-signature": "v0=short"},
        {"x-spectrum-signature": ""},
    ],
)
def test_a_refused_request_that_is_kept_for_release_costs_that_one_call(
    calls: Counter[str], changes: dict[str, str]
) -> None:
    assert receive(1) == "200"
    calls.clear()
    assert receive(2, **changes) == "401"
    assert calls == {"PutObject": 1}


def test_an_event_costs_the_fan_out_two_calls(deployed: Deployed, calls: Counter[str]) -> None:
    consumer = Consumer("crm", SECRET)
    consumer.start()
    entry = {"name": "crm", "url": consumer.url, "signing_secret": SECRET}
    deployed.store_secret("destinations", [entry])
    for number in range(EVENTS + 1):
        receive(number)
    hints = [encode_hint(item["event_key"]["S"], slow=True) for item in deployed.items()]
    # The first one reads what an instance keeps for a while, and proves the destination.
    fan_out(hints[0])
    calls.clear()
    fan_out(*hints[1:])
    consumer.stop()
    assert len(consumer.arrivals()) == EVENTS + 1
    assert calls == {"UpdateItem": 2 * EVENTS}


def fan_out(*bodies: str) -> None:
    records = [{"messageId": f"record-{n}", "body": body} for n, body in enumerate(bodies)]
    assert fanout.handler({"Records": records}, Context()) == {"batchItemFailures": []}
