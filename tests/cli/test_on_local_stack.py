"""Pausing, replaying and resuming on the real stack, while events go on coming in.

Nothing may be lost, and nothing that was settled delivered once more but what replay asked for.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from spectrum_cli.local.consumer import Consumer, Received
from spectrum_cli.local.registry_files import make_up_webhook
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.local.state import published
from spectrum_cli.samples.requests import make_body, signed

from tests.support.make import body_of
from tests.support.stacks import forwarder
from tests.support.waiting import PATIENCE, wait_until

TIME_SCALE = 0.01
SECRET = "5e" * 32
# A worker's copy of the registry is a third of a second old at most.
NOTICED_SECONDS = 0.5


class Consumers:
    """Two destinations, crm and erp, and what each of them took, by event.

    A third one, bot, is there and not configured.
    """

    def __init__(self) -> None:
        self.taken: defaultdict[str, list[Received]] = defaultdict(list)
        names = ("crm", "erp", "bot")
        self.consumers = {name: Consumer(SECRET, self._taker(name)) for name in names}

    def _taker(self, name: str) -> Callable[[Received], int]:
        def take(received: Received) -> int:
            self.taken[name].append(received)
            return 200 if received.verified else 401

        return take

    @property
    def registry(self) -> str:
        entries = [
            {"name": name, "url": consumer.url, "signing_secret": SECRET}
            for name, consumer in self.consumers.items()
            if name != "bot"
        ]
        return json.dumps({"destinations": entries})

    def counts(self, name: str) -> Counter[str]:
        return Counter(received.event_key for received in list(self.taken[name]))


class Running:
    """The stack that runs, a webhook of it, and its consumers."""

    def __init__(self, stack: LocalStack, consumers: Consumers) -> None:
        self.stack = stack
        self.consumers = consumers
        self.webhook = make_up_webhook()
        self.keys: list[str] = []

    def send(self, number: int) -> None:
        """Send so many new events; all must be acknowledged."""
        for _ in range(number):
            self.post(make_body("text"))

    def post(self, body: bytes) -> None:
        """Send one new event."""
        sample = signed(
            body,
            webhook_id=self.webhook.id,
            secret=self.webhook.signing_secret,
            timestamp=int(time.time()),
        )
        request = Request(self.stack.endpoint_url, sample.body, dict(sample.headers), method="POST")
        with urlopen(request, timeout=PATIENCE) as answer:
            self.keys.append(json.load(answer)["event_key"])

    def wait(self, done: Callable[[list[dict[str, object]]], bool]) -> None:
        """Wait until the log's events, as `events list --json` shows them, are as they should."""
        # Each look is a whole command.
        wait_until(lambda: self._stand(done), self._events, pause=1.0)

    def _stand(self, done: Callable[[list[dict[str, object]]], bool]) -> bool:
        events = self._events()
        return len(events) == len(self.keys) and done(events)

    def _events(self) -> list[dict[str, object]]:
        ran = forwarder("events", "list", "--all", "--json", "--local")
        return [json.loads(line) for line in ran.lines]


@pytest.fixture
def running(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Running]:
    """A stack with two destinations; its time runs a hundred times as fast unless a test says."""
    time_scale: float = getattr(request, "param", TIME_SCALE)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    consumers = Consumers()
    for consumer in consumers.consumers.values():
        consumer.start()
    webhook = make_up_webhook()
    stack = LocalStack(
        webhooks=webhook.registry,
        destinations=consumers.registry,
        log=lambda *_: None,
        time_scale=time_scale,
    )
    with stack, published(stack.state()):
        running = Running(stack, consumers)
        running.webhook = webhook
        yield running
    for consumer in consumers.consumers.values():
        consumer.stop()


def all_settled(events: list[dict[str, object]]) -> bool:
    return all(event["settled"] for event in events)


def test_what_was_paused_replayed_and_resumed_arrives_as_often_as_asked_for(
    running: Running,
) -> None:
    consumers = running.consumers
    running.send(10)
    running.wait(all_settled)
    assert forwarder("destinations", "pause", "crm", "--local").status == 0
    time.sleep(NOTICED_SECONDS)
    running.send(10)
    running.wait(lambda events: sum("paused" in json.dumps(event) for event in events) == 10)
    ran = forwarder("replay", "--since", "1h", "--destination", "erp", "--json", "--local")
    assert ran.status == 0, ran.err
    assert ran.json["deliveries"] == {"erp": 20}
    ran = forwarder("destinations", "resume", "crm", "--json", "--local")
    assert ran.status == 0, ran.err
    running.send(5)
    running.wait(all_settled)
    assert consumers.counts("crm") == Counter(running.keys)
    assert consumers.counts("erp") == Counter(running.keys) + Counter(running.keys[:20])
    marks = Counter(
        received.headers.get("x-spectrum-forwarder-replay") for received in consumers.taken["erp"]
    )
    assert marks == {None: 25, "1": 20}


def test_two_events_with_one_id_in_two_chats_are_both_delivered_shown_and_replayed(
    running: Running,
) -> None:
    here, there = (body_of("57.1", text=text) for text in ("here", "there"))
    running.post(here)
    running.post(there)
    running.wait(all_settled)
    first, second = running.keys
    assert second.startswith(f"{first}+")
    taken = running.consumers.taken["crm"]
    assert {received.body for received in taken} == {here, there}
    sent = {received.event_key: received.headers["webhook-id"] for received in taken}
    assert sent.keys() == {first, second}
    assert "." not in "".join(sent.values())
    shown = [forwarder("events", "show", k, "--body", "--local") for k in (first, sent[second])]
    assert [ran.out.encode() for ran in shown] == [here, there]
    ran = forwarder("replay", sent[second], "--destination", "crm", "--json", "--local")
    assert (ran.status, ran.json["begun"]) == (0, 1)
    running.wait(lambda _: len(taken) == 3)
    assert (taken[2].body, taken[2].headers["webhook-id"]) == (there, sent[second])


# In real time: a worker's copy of the registry is half a minute old.
@pytest.mark.parametrize("running", [1.0], indirect=True)
def test_a_replay_right_after_a_destination_was_added_delivers_all(running: Running) -> None:
    running.send(40)
    running.wait(all_settled)
    url = running.consumers.consumers["bot"].url
    ran = forwarder("destinations", "add", "bot", url, "--secret-stdin", "--local", given=SECRET)
    assert ran.status == 0, ran.err
    ran = forwarder("replay", "--since", "1h", "--destination", "bot", "--yes", "--json", "--local")
    assert ran.json["deliveries"] == {"bot": 40}
    running.wait(all_settled)
    assert running.consumers.counts("bot") == Counter(running.keys)


def test_what_a_removed_destination_was_owed_does_not_go_to_its_successor(running: Running) -> None:
    """Removed with six events owed, and added under the same name with another URL."""
    consumers = running.consumers.consumers
    here = ("--local", "--secret-stdin")
    forwarder("destinations", "add", "bot", consumers["bot"].url, "--paused", *here, given=SECRET)
    time.sleep(NOTICED_SECONDS)
    running.send(6)
    running.wait(lambda events: sum("paused" in json.dumps(event) for event in events) == 6)
    forwarder("destinations", "remove", "bot", "--yes", "--local")
    ran = forwarder("destinations", "add", "bot", consumers["bot"].url, *here, given=SECRET)
    assert ran.status == 0, ran.err
    running.wait(all_settled)
    assert running.consumers.counts("bot") == Counter()
    listed = forwarder("events", "list", "--status", "removed", "--local").lines
    assert sum("removed bot (removed)" in line for line in listed) == 6
    time.sleep(NOTICED_SECONDS)
    running.send(1)
    running.wait(all_settled)
    assert running.consumers.counts("bot") == Counter(running.keys[-1:])
