"""The built-in consumer: it verifies for itself."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from spectrum_cli.local.consumer import Consumer, Received, accept_verified
from spectrum_forwarder.domain.signature import sign

from tests.support.waiting import PATIENCE

SECRET = "0123456789abcdef" * 4
BODY = b'{"text":"\xc3\xa9"}'


@pytest.fixture
def received() -> list[Received]:
    return []


@pytest.fixture
def consumer(received: list[Received]) -> Iterator[Consumer]:
    def keep(attempt: Received) -> int:
        received.append(attempt)
        return accept_verified(attempt)

    consumer = Consumer(SECRET, keep)
    consumer.start()
    yield consumer
    consumer.stop()


def deliver(consumer: Consumer, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection(urlsplit(consumer.url).netloc, timeout=PATIENCE)
    connection.request("POST", "/events", BODY, {"webhook-id": "local:1", **headers})
    status = connection.getresponse().status
    connection.close()
    return status


def signed(at: int) -> dict[str, str]:
    return {"X-Spectrum-Timestamp": str(at), "X-Spectrum-Signature": sign(SECRET, at, BODY)}


def test_signed_delivery_is_verified_and_kept_as_it_came(
    consumer: Consumer, received: list[Received]
) -> None:
    assert deliver(consumer, signed(int(time.time()))) == 200
    (attempt,) = received
    assert (attempt.verified, attempt.body, attempt.event_key) == (True, BODY, "local:1")


def test_an_escaped_webhook_id_leads_back_to_its_event(
    consumer: Consumer, received: list[Received]
) -> None:
    deliver(consumer, signed(int(time.time())) | {"webhook-id": "local:1764~0001"})
    assert received[0].event_key == "local:1764.0001"


@pytest.mark.parametrize("change", ["none", "stale", "wrong", "garbage"])
def test_what_does_not_verify_is_refused(consumer: Consumer, change: str) -> None:
    now = int(time.time())
    headers = {
        "none": {},
        "stale": signed(now - 301),
        "wrong": {**signed(now), "X-Spectrum-Signature": "v0=" + "0" * 64},
        "garbage": {"X-Spectrum-Timestamp": "\xb2", "X-Spectrum-Signature": "\xe9"},
    }[change]
    assert deliver(consumer, headers) == 401
