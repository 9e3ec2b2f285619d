"""Order and bursts on the real stack: real queues, tables and workers, several at a time."""

import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.request import Request, urlopen

import pytest
from spectrum_cli.demo.consumer import verify_standard
from spectrum_cli.local.consumer import Consumer, Received
from spectrum_cli.local.registry_files import make_up_webhook
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.samples.requests import signed
from standardwebhooks import Webhook

from tests.support.make import body_of, changed
from tests.support.prove import LONG

SECRET = "5e" * 32
TIME_SCALE = 0.2
CONVERSATIONS, EACH = (50, 10) if LONG else (8, 6)
PATIENCE_SECONDS = 240.0
# As a consumer has it, in small letters.
LATE = "x-spectrum-forwarder-late"
ENTRIES: Mapping[str, dict[str, Any]] = {
    "agent": {"order": "conversation", "filter": "space.id != 'burst'"},
    "batches": {
        "order": "conversation",
        "batch": {"window": 10, "max": 20, "wait": 60},
        "filter": "space.id == 'burst'",
    },
}


@dataclass
class Taker:
    """A destination that refuses what it is told to, and remembers what it took, in order."""

    refuses: Callable[[int, Received], bool] = lambda number, received: False
    requests: list[Received] = field(default_factory=list)
    taken: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    late: Counter[str] = field(default_factory=Counter)

    def __call__(self, received: Received) -> int:
        self.requests.append(received)
        if not received.verified or self.refuses(len(self.requests), received):
            return 500
        if "events" not in json.loads(received.body):
            space, number = said_in(received.body)
            if received.headers.get(LATE):
                self.late[space] += 1
            else:
                self.taken[space].append(number)
        return 200

    def count(self, space: str) -> int:
        return len(self.taken[space]) + self.late[space]


def said(space: str, number: int, began: float) -> bytes:
    at = datetime.fromtimestamp(began + number / 1000, UTC).isoformat()
    body = body_of(f"{space}-{number}")
    return changed(body, space={"id": space}, message={"timestamp": at})


def said_in(body: bytes) -> tuple[str, int]:
    whole = json.loads(body)
    return whole["space"]["id"], int(whole["message"]["id"].rpartition("-")[2])


@dataclass
class Chat:
    """A stack with an ordered destination and one that takes batches, and what each was sent."""

    stack: LocalStack
    taker: Taker
    batches: Taker
    post: Callable[[bytes], None]

    def wait(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not done():
            assert time.monotonic() < deadline, (dict(self.taker.taken), dict(self.taker.late))
            time.sleep(0.1)


@pytest.fixture(scope="module")
def chat() -> Iterator[Chat]:
    """Every third request is refused, but for one chat, of which each is."""
    takers, webhook = (Taker(_refuses), Taker()), make_up_webhook()
    consumers = [Consumer(SECRET, taker) for taker in takers]
    for consumer in consumers:
        consumer.start()
    entries = [
        {"name": name, "url": consumer.url, "signing_secret": SECRET} | fields
        for (name, fields), consumer in zip(ENTRIES.items(), consumers, strict=True)
    ]
    stack = LocalStack(
        webhooks=webhook.registry,
        destinations=json.dumps({"destinations": entries}),
        log=lambda *_: None,
        time_scale=TIME_SCALE,
    )

    def post(body: bytes) -> None:
        now = int(time.time())
        secret = webhook.signing_secret
        sample = signed(body, webhook_id=webhook.id, secret=secret, timestamp=now)
        made = Request(stack.endpoint_url, sample.body, dict(sample.headers), method="POST")
        with urlopen(made, timeout=20) as answer:
            assert answer.status == 200

    with stack:
        yield Chat(stack, *takers, post)
    for consumer in consumers:
        consumer.stop()


def _refuses(number: int, received: Received) -> bool:
    space, _ = said_in(received.body)
    return space == "bad" or (space.startswith("space-") and number % 3 == 0)


def in_parallel(chat: Chat, bodies: list[bytes]) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(chat.post, bodies))


@pytest.mark.timeout(300)
def test_a_chat_that_is_sent_shuffled_with_every_third_post_failing_arrives_in_order(
    chat: Chat,
) -> None:
    """What says that it is late alone is out of order, and everything is taken once."""
    began = time.time()
    spaces = [f"space-{number}" for number in range(CONVERSATIONS)]
    bodies = [said(space, number, began) for space in spaces for number in range(EACH)]
    random.Random(7).shuffle(bodies)
    in_parallel(chat, bodies)
    chat.wait(lambda: all(chat.taker.count(space) >= EACH for space in spaces))
    for space in spaces:
        assert chat.taker.taken[space] == sorted(chat.taker.taken[space])
        assert chat.taker.count(space) == EACH
    in_order = sum(len(chat.taker.taken[space]) for space in spaces)
    assert in_order > len(bodies) // 2


@pytest.mark.timeout(300)
def test_a_conversation_that_always_fails_stops_no_other(chat: Chat) -> None:
    began = time.time()
    for number in range(3):
        chat.post(said("bad", number, began))
    in_parallel(chat, [said("good", number, began) for number in range(5)])
    chat.wait(lambda: chat.taker.count("good") == 5)
    assert chat.taker.taken["good"] == sorted(chat.taker.taken["good"])
    said_there = [said_in(received.body) for received in chat.taker.requests]
    assert {number for space, number in said_there if space == "bad"} == {0}  # its head alone


@pytest.mark.timeout(300)
def test_a_burst_of_twelve_arrives_as_one_post_that_both_signatures_prove(chat: Chat) -> None:
    bodies = [said("burst", number, time.time()) for number in range(12)]
    in_parallel(chat, bodies)
    chat.wait(lambda: bool(chat.batches.requests))
    (received,) = chat.batches.requests
    events = json.loads(received.body)["events"]
    assert [event["body"].encode() for event in events] == bodies
    assert received.verified
    assert verify_standard(SECRET, received.headers, received.body)
    Webhook(SECRET).verify(received.body, dict(received.headers))
