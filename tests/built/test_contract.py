"""CONTRACT §§1, 2 and 9.2, asked of a running stack: the receiver as it was built."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from spectrum_cli.local.consumer import Consumer, Received
from spectrum_cli.local.registry_files import destination_registry
from spectrum_cli.local.stack import LocalStack

from tests.support import contract, vendor_signing
from tests.support.waiting import PATIENCE

SECRET = "c0" * 32


@dataclass
class Asked:
    """A stack with CONTRACT's registrations, and what its one destination took."""

    endpoint: str = ""
    taken: Counter[bytes] = field(default_factory=Counter)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, received: Received) -> int:
        with self.changed:
            self.taken[received.body] += 1
            self.changed.notify_all()
        return 200 if received.verified else 401

    def post(self, headers: vendor_signing.Headers, body: bytes) -> contract.Answer:
        """The answer in short: its status, and the word for it."""
        parts = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
        try:
            connection.request(
                "POST", parts.path, body, {"content-type": "application/json"} | headers
            )
            answer = connection.getresponse()
            content = json.loads(answer.read())
            return answer.status, content.get("status") or content["error"]["code"]
        finally:
            connection.close()


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    asked = Asked()
    consumer = Consumer(SECRET, asked.take)
    consumer.start()
    with LocalStack(
        webhooks=json.dumps({"webhooks": contract.ENTRIES}),
        destinations=destination_registry("consumer", consumer.url, SECRET),
        log=lambda *_: None,
        time_scale=0.05,
    ) as stack:
        asked.endpoint = stack.endpoint_url
        yield asked
    consumer.stop()


@pytest.mark.parametrize("case", contract.CASES, ids=lambda case: case.name)
def test_contract_1_and_9_2_the_built_receiver_answers_every_way_of_signing(
    asked: Asked, case: contract.Case
) -> None:
    assert asked.post(*case.request(time.time())) == case.answer


def test_contract_2_any_body_comes_out_of_the_built_functions_byte_for_byte(asked: Asked) -> None:
    for number, body in enumerate(contract.BODIES.values()):
        now = int(time.time())
        signed = vendor_signing.v0(contract.BOTH, contract.LEGACY, body, now)
        signed |= vendor_signing.standard(contract.BOTH, body, now, f"evt_{number}", contract.KEY)
        assert [asked.post(signed, body) for _ in range(2)] == [
            (200, "accepted"),
            (200, "duplicate"),
        ]
    wanted = set(contract.BODIES.values())
    with asked.changed:
        assert asked.changed.wait_for(lambda: wanted <= asked.taken.keys(), PATIENCE)
        assert {body: asked.taken[body] for body in wanted} == dict.fromkeys(wanted, 1)
