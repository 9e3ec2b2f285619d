"""How many events a second go through the whole pipeline on the local stack, moto included."""

from __future__ import annotations

import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

from spectrum_cli.demo.sender import Sender
from spectrum_cli.local.consumer import Consumer, Received, accept_verified
from spectrum_cli.local.registry_files import make_up_webhook
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.samples import SampleRequest, make_body, signed

from benchmarks.workshop import Row

WARM_UP, EVENTS, CONNECTIONS = 40, 300, 4
PATIENCE = 120.0


def row() -> Row:
    """From the first request to the arrival of the last event at the one destination."""
    arrived: set[str] = set()

    def answer(received: Received) -> int:
        arrived.add(received.event_key)
        return accept_verified(received)

    webhook, consumer = make_up_webhook(), Consumer(secrets.token_hex(32), answer)

    def make() -> SampleRequest:
        body, now = make_body("text"), int(time.time())
        return signed(body, webhook_id=webhook.id, secret=webhook.signing_secret, timestamp=now)

    def through(stack: LocalStack, events: int) -> float:
        sender, began, before = Sender(stack.endpoint_url), time.monotonic(), len(arrived)
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            for _ in range(events):
                threads.submit(sender.send, "bench", make)
        while len(arrived) < before + events:
            if time.monotonic() > began + PATIENCE:
                raise RuntimeError(f"{len(arrived) - before} of {events} events arrived")
            time.sleep(0.01)
        return time.monotonic() - began

    entry = {"name": "bench", "url": consumer.url, "signing_secret": consumer.secret}
    consumer.start()
    try:
        with LocalStack(
            webhooks=webhook.registry,
            destinations=json.dumps({"destinations": [entry]}),
            log=lambda source, line: None,
        ) as stack:
            through(stack, WARM_UP)
            time.sleep(6.0)  # until every worker knows that the destination is quick
            rate = EVENTS / through(stack, EVENTS)
    finally:
        consumer.stop()
    return Row("local stack, events a second, all on this machine", "-", f"{rate:.0f}", None)
