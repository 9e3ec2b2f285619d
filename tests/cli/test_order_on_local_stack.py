"""Order and bursts on the real stack: real queues, tables and workers, several at a time."""

import json
import random
import threading
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
from spectrum_cli.local.state import published
from spectrum_cli.samples.requests import signed
from standardwebhooks import Webhook

from tests.support.make import body_of, changed
from tests.support.prove import LONG
from tests.support.stacks import forwarder

SECRET = "5e" * 32
# A head that is refused is attempted again after a second, and then after three or four.
TIME_SCALE = 0.1
CONVERSATIONS, EACH = (50, 10) if LONG else (8, 6)
# What hangs ends by then: it takes half a minute, and the long form one or two.
PATIENCE_SECONDS = 900.0 if LONG else 400.0
# Of an agent's POSTs each third is refused, and none of its events so more than twice.
THIRD, MOST_REFUSALS = 3, 2
# As a consumer has it, in small letters.
LATE = "x-spectrum-forwarder-late"
# Those that are paused at first are resumed once all stands that is to be sorted there.
ENTRIES: Mapping[str, dict[str, Any]] = {
    "agent": {"filter": "starts_with(space.id, 'space-')", "enabled": False},
    "other": {"filter": "space.id == 'good' || space.id == 'bad'"},
    "batches": {
        "filter": "space.id == 'burst'",
        "enabled": False,
        "batch": {"window": 10, "max": 20, "wait": 60},
    },
}


class EveryThird:
    """Refuses each third POST; where its event was refused twice by then, the next one instead."""

    def __init__(self) -> None:
        self.posts = 0
        self.refused = Counter[bytes]()

    def __call__(self, received: Received) -> bool:
        self.posts += 1
        is_due = self.refused.total() < self.posts // THIRD
        if not is_due or self.refused[received.body] == MOST_REFUSALS:
            return False
        self.refused[received.body] += 1
        return True


@dataclass
class Taker:
    """A destination that refuses what it is told to, and remembers what it took, in order."""

    refuses: Callable[[Received], bool] = lambda received: False
    requests: list[Received] = field(default_factory=list)
    taken: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    late: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, received: Received) -> int:
        with self.lock:
            return self._take(received)

    def _take(self, received: Received) -> int:
        self.requests.append(received)
        if not received.verified or self.refuses(received):
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
    """A stack, what each of its destinations was sent, and its own door."""

    takers: Mapping[str, Taker]
    post: Callable[[bytes], None]

    def post_all(self, bodies: list[bytes]) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self.post, bodies))

    def have_stand(self, name: str, bodies: list[bytes]) -> None:
        """Post these while their destination is paused, resume it once all stand in line."""
        self.post_all(bodies)
        self.wait(lambda: self._stand(name) == len(bodies))
        assert not self.takers[name].requests
        ran = forwarder("destinations", "resume", name, "--local")
        assert ran.status == 0, ran.err

    def wait(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not done():
            assert time.monotonic() < deadline, self.takers
            time.sleep(1.0)  # a look may be a whole command

    def _stand(self, name: str) -> int:
        ran = forwarder("events", "list", "--all", "--destination", name, "--json", "--local")
        return sum('"paused"' in event for event in ran.lines)


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    """The agent refuses every third POST, the other all of one chat, and batches none."""
    takers = {"agent": Taker(EveryThird()), "other": Taker(_is_bad), "batches": Taker()}
    webhook = make_up_webhook()
    consumers = {name: Consumer(SECRET, taker) for name, taker in takers.items()}
    for consumer in consumers.values():
        consumer.start()
    entries = [
        {
            "name": name,
            "url": consumers[name].url,
            "signing_secret": SECRET,
            "order": "conversation",
            **fields,
        }
        for name, fields in ENTRIES.items()
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

    with pytest.MonkeyPatch.context() as patch, stack:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        with published(stack.state()):
            yield Chat(takers, post)
    for consumer in consumers.values():
        consumer.stop()


def _is_bad(received: Received) -> bool:
    return said_in(received.body)[0] == "bad"


@pytest.mark.timeout(PATIENCE_SECONDS + 200)
def test_a_chat_that_is_sent_shuffled_with_every_third_post_failing_arrives_in_order(
    chat: Chat,
) -> None:
    """All of it stands in line before the first one goes out, so that none is late."""
    agent, began = chat.takers["agent"], time.time()
    spaces = [f"space-{number}" for number in range(CONVERSATIONS)]
    bodies = [said(space, number, began) for space in spaces for number in range(EACH)]
    random.Random(7).shuffle(bodies)
    chat.have_stand("agent", bodies)
    chat.wait(lambda: all(agent.count(space) >= EACH for space in spaces))
    assert agent.taken == {space: list(range(EACH)) for space in spaces}
    assert not agent.late
    posts = len(agent.requests)
    assert posts - len(bodies) >= posts // THIRD - 1  # so many were refused


@pytest.mark.timeout(300)
def test_a_conversation_that_always_fails_stops_no_other(chat: Chat) -> None:
    other, began = chat.takers["other"], time.time()
    for number in range(3):
        chat.post(said("bad", number, began))
    chat.post_all([said("good", number, began) for number in range(5)])
    chat.wait(lambda: other.count("good") == 5)
    assert other.taken["good"] == sorted(other.taken["good"])
    said_there = [said_in(received.body) for received in other.requests]
    assert {number for space, number in said_there if space == "bad"} == {0}  # its head alone


@pytest.mark.timeout(300)
def test_a_burst_of_twelve_arrives_as_one_post_that_both_signatures_prove(chat: Chat) -> None:
    bodies = [said("burst", number, time.time()) for number in range(12)]
    chat.have_stand("batches", bodies)
    requests = chat.takers["batches"].requests
    chat.wait(lambda: bool(requests))
    (received,) = requests
    events = json.loads(received.body)["events"]
    assert [event["body"].encode() for event in events] == bodies
    assert received.verified
    assert verify_standard(SECRET, received.headers, received.body)
    Webhook(SECRET).verify(received.body, dict(received.headers))
