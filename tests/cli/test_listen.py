"""`forwarder listen` as a process, against the local stack: nothing is lost, nothing stays behind.

The short version takes seconds; PROVE=1 sends a thousand events.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import pty
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from spectrum_cli.local.registry_files import make_up_webhook
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.local.state import published
from spectrum_cli.stack.target import Target, local_target
from spectrum_forwarder.domain.ports import Webhook

from tests.support.listening import DevConsumer, Listen, Terminal
from tests.support.make import body_of, signed_headers
from tests.support.prove import LONG
from tests.support.stacks import forwarder
from tests.support.waiting import PATIENCE, wait_until

EVENTS = 1000 if LONG else 60
NUMBERS = itertools.count()

pytestmark = pytest.mark.timeout(900)


class Stack:
    """The running local stack, and its one webhook."""

    def __init__(self, target: Target, local: LocalStack, webhook: Webhook) -> None:
        self.target = target
        self._local = local
        self._url = local.endpoint_url
        self._webhook = webhook

    def replace_workers(self) -> None:
        """Have the next event handled by a worker that has read no registry yet."""
        pool = self._local.pools["FanoutFunction"]
        for pid in pool.pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not pool.pids, "no workers")

    def send(self, message_ids: list[str]) -> None:
        """Send events, a few at a time; every one is accepted."""
        with ThreadPoolExecutor(4) as senders:
            for accepted in senders.map(self._send, message_ids):
                assert accepted == 200

    def _send(self, message_id: str) -> int:
        body = body_of(message_id)
        connection = HTTPConnection(urlsplit(self._url).netloc, timeout=PATIENCE)
        headers = signed_headers(body, webhook=self._webhook)
        connection.request("POST", urlsplit(self._url).path, body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def queues(self) -> list[str]:
        """The URLs of the listeners' queues."""
        prefix = self.target.listen_queue_prefixes[0]
        found = self.target.client("sqs").list_queues(QueueNamePrefix=prefix)
        return list(found.get("QueueUrls", []))

    def destinations(self) -> list[str]:
        """The names in the registry."""
        secret = self.target.client("secretsmanager").get_secret_value(
            SecretId=self.target.destinations_secret
        )
        return [entry["name"] for entry in json.loads(secret["SecretString"])["destinations"]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made_up = make_up_webhook()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        local = LocalStack(
            webhooks=made_up.registry,
            destinations='{"destinations":[]}',
            log=lambda source, line: None,
            time_scale=0.01,
        )
        with local:
            state = local.state()
            with published(state):
                webhook = Webhook(made_up.id, made_up.signing_secret, "local")
                yield Stack(local_target(state), local, webhook)


@pytest.fixture
def consumer(tmp_path: Path) -> Iterator[DevConsumer]:
    consumer = DevConsumer(tmp_path / "consumer.log")
    consumer.start()
    yield consumer
    consumer.stop()


Listening = Callable[..., Listen]


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Listening]:
    started: list[Listen] = []

    def start(*options: str, **named: int) -> Listen:
        started.append(Listen(tmp_path, next(NUMBERS), *options, **named))
        return started[-1]

    yield start
    for command in started:
        command.end(signal.SIGKILL)


def test_every_event_arrives_although_consumer_and_command_are_stopped_and_started(
    running: Stack, consumer: DevConsumer, listen: Listening
) -> None:
    ids = [f"listen-{number}" for number in range(EVENTS)]
    options = ("--to", consumer.url, "--name", "anna", "--json")
    first = listen(*options)
    consumer.secret = first.started()["signing_secret"]
    sending = threading.Thread(target=running.send, args=(ids,))
    sending.start()
    wait_until(lambda: len(consumer.taken()) > EVENTS // 8, lambda: f"an eighth: {first.err}")
    consumer.stop()
    time.sleep(1)
    consumer.start()
    wait_until(lambda: len(consumer.taken()) > EVENTS // 4, lambda: f"a quarter: {first.err}")
    first.end(signal.SIGKILL)
    second = listen(*options)
    assert second.started() == {**first.lines()[0], "resumed": True}
    wait_until(lambda: len(consumer.taken()) > EVENTS // 2, lambda: f"a half: {second.err}")
    consumer.stop()
    second.end(signal.SIGKILL)
    third = listen(*options)
    third.started()
    consumer.start()

    wait_until(
        lambda: len(set(consumer.taken())) == EVENTS,
        lambda: f"{EVENTS} events, but {len(set(consumer.taken()))}: {third.err}",
    )
    sending.join()
    taken = consumer.taken()
    assert set(taken) == {f"local:{message_id}" for message_id in ids}
    # Each of the two kills can repeat what was under way then.
    assert len(taken) <= EVENTS + 20
    assert consumer.unverified == 0
    third.end(signal.SIGKILL)
    assert (len(running.queues()), running.destinations()) == (1, ["listen-anna"])

    clean = forwarder("listen", "--clean", "--local", "--json")
    assert clean.status == 0, clean.err
    assert [removed["name"] for removed in clean.json] == ["anna"]
    assert (running.queues(), running.destinations()) == ([], [])


def test_at_a_terminal_a_table_shows_all_and_keys_replay_and_end(
    running: Stack, consumer: DevConsumer, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    terminal = Terminal(ours)
    command = Listen(tmp_path, 0, "--to", consumer.url, "--name", "bert", terminal=theirs)
    os.close(theirs)
    try:
        wait_until(lambda: "q ends" in terminal.text, lambda: f"a table: {command.err}")
        consumer.secret = command.err.split("signed with ")[1].split()[0]
        refused = iter([500])
        consumer.answer = lambda _: next(refused, 200)
        # Workers may have read the registry before this destination was in it.
        running.replace_workers()
        running.send(["at-a-terminal"])
        wait_until(consumer.taken, "the event")
        for said in ("500", "again in 1 s", "200", "local:at-a-terminal", "messages text"):
            wait_until(partial(terminal.shows, said), lambda: terminal.text)
        terminal.press("r")
        wait_until(lambda: len(consumer.taken()) == 2, "a replay")
        wait_until(lambda: "replayed" in terminal.text, "a replayed row")
        terminal.press("q")
        assert command.process.wait(PATIENCE) == 0, command.err
    finally:
        command.end(signal.SIGKILL)
        terminal.close()
    assert consumer.unverified == 0
    assert "removed" in command.err
    assert (running.queues(), running.destinations()) == ([], [])


def test_a_signal_removes_everything_and_a_name_is_used_once_at_a_time(
    running: Stack, consumer: DevConsumer, listen: Listening
) -> None:
    first = listen("--to", consumer.url, "--name", "carl", "--filter", "event == 'none'", "--json")
    first.started()
    assert running.destinations() == ["listen-carl"]

    second = listen("--to", consumer.url, "--name", "carl")
    assert second.process.wait(PATIENCE) == 2
    assert "listening already" in second.err
    clean = forwarder("listen", "--clean", "--local")
    assert clean.status == 0
    assert "carl on" in clean.err and "in use" in clean.err

    assert first.end(signal.SIGTERM) == 0
    assert "Traceback" not in first.err
    assert (running.queues(), running.destinations()) == ([], [])
