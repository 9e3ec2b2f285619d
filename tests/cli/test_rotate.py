"""Rotation: killed at every step, on the local stack, while events come through both slots."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any
from urllib.parse import urlsplit

import pytest
from spectrum_cli.local.consumer import Consumer, Received, accept_verified
from spectrum_cli.local.registry_files import destination_registry
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.local.state import published
from spectrum_cli.samples.requests import make_body
from spectrum_cli.stack.http_client import HttpClient
from spectrum_cli.stack.probes import knows
from spectrum_cli.vendor import api as spectrum_api
from spectrum_cli.vendor.rotation import other_slot

from tests.support.fake_spectrum import Delivered, FakeSpectrum
from tests.support.killer import CHANGING, Killed, Killer
from tests.support.prove import LONG
from tests.support.stacks import Ran, forwarder
from tests.support.waiting import wait_until

CONSUMER_SECRET = "c0" * 32
# More of them than a rotation makes.
MOST_STEPS = 30
# The short version kills at one step in so many; the long one at each.
SKIPPING = 3
# Deliveries under way at once: as many as two cores can take without queueing.
MOST_OPEN = 4


class World:
    """A running stack, Spectrum, a consumer, and what came of every event so far."""

    def __init__(self, stack: LocalStack, spectrum: FakeSpectrum, taken: Counter[bytes]) -> None:
        self.stack = stack
        self.spectrum = spectrum
        self.taken = taken
        self._sent: list[tuple[bytes, list[Future[Delivered]]]] = []
        self.flowing = threading.Event()
        self._stopping = threading.Event()
        self._sender = threading.Thread(target=self._flow, daemon=True)

    def start(self) -> None:
        self._sender.start()

    def stop(self) -> None:
        self._stopping.set()
        self._sender.join()

    def pause(self) -> None:
        """Let nothing come any more, and what was under way end."""
        self.flowing.clear()
        for _, futures in self._sent:
            for future in futures:
                future.result()

    def _flow(self) -> None:
        while not self._stopping.wait(0.03):
            if not self.flowing.is_set():
                continue
            open_now = [f for _, futures in self._sent[-50:] for f in futures if not f.done()]
            if len(open_now) < MOST_OPEN:
                body = make_body("text")
                self._sent.append((body, self.spectrum.deliver(body)))

    def secret(self) -> dict[str, Any]:
        answer = self.stack.client("secretsmanager").get_secret_value(
            SecretId=self.stack.deployment.physical_ids["WebhooksSecret"]
        )
        content: dict[str, Any] = json.loads(answer["SecretString"])
        return content

    def write(self, content: dict[str, Any]) -> None:
        self.stack.client("secretsmanager").put_secret_value(
            SecretId=self.stack.deployment.physical_ids["WebhooksSecret"],
            SecretString=json.dumps(content),
        )

    def await_knowledge(self, webhook_id: str) -> None:
        """Wait until the receiver has read this webhook's secret."""
        with HttpClient() as client:
            asks = knows(client)
            wait_until(lambda: asks(self.stack.endpoint_url, webhook_id), pause=0.2)

    def lost(self) -> list[bytes]:
        """Events that no registration took, or that the consumer has not got."""
        return [
            body
            for body, deliveries in self._sent
            if not any(one.result().taken for one in deliveries) or not self.taken[body]
        ]

    def settle(self) -> None:
        """Wait until all that was sent has arrived at the consumer."""
        wait_until(lambda: not self.lost(), lambda: f"{len(self.lost())} of {self.sent} are lost")

    @property
    def sent(self) -> int:
        return len(self._sent)


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def one_world(
    monkeypatch_module: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    monkeypatch = monkeypatch_module
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    monkeypatch.setattr(spectrum_api, "SPACING_SECONDS", 0.0)
    # Events go on coming while a refused call waits.
    monkeypatch.setattr(spectrum_api, "PAUSES", (0.01, 0.01, 0.01))
    taken: Counter[bytes] = Counter()
    lock = threading.Lock()

    def answer(received: Received) -> int:
        status = accept_verified(received)
        with lock:
            taken[received.body] += status == 200
        return status

    consumer = Consumer(CONSUMER_SECRET, answer)
    consumer.start()
    destinations = destination_registry("consumer", consumer.url, CONSUMER_SECRET)
    with (
        FakeSpectrum(pace=0.2, rate_limit=None) as spectrum,
        LocalStack(
            webhooks='{"webhooks":[]}',
            destinations=destinations,
            log=lambda *_: None,
            time_scale=0.05,
        ) as stack,
        published(stack.state()),
    ):
        for name, value in spectrum.environment.items():
            monkeypatch.setenv(name, value)
        world = World(stack, spectrum, taken)
        assert forwarder("webhooks", "register", "--source", "main", "--local").status == 0
        world.start()
        yield world
        world.stop()
    consumer.stop()


@pytest.fixture
def world(one_world: World) -> World:
    """One registration, events coming through it, nothing of an earlier test under way."""
    one_world.flowing.set()
    return one_world


def rotate(*options: str) -> Ran:
    return forwarder("webhooks", "rotate", "--local", "--wait", "20", *options)


@pytest.mark.timeout(900)
def test_a_rotation_killed_at_any_step_loses_and_doubles_nothing(world: World) -> None:
    killed: list[str] = []
    for step in range(1, MOST_STEPS, 1 if LONG else SKIPPING):
        with pytest.MonkeyPatch.context() as patch:
            Killer(patch, step)
            try:
                assert rotate().status == 0
                break
            except Killed as where:
                killed.append(str(where))
        # A death after the last write leaves nothing to be finished.
        if "pending" in world.secret():
            finished = rotate()
            assert finished.status == 0, finished.err
        assert len(world.spectrum.registrations) == 1
    (left,) = world.spectrum.registrations
    assert "pending" not in world.secret()
    assert world.secret()["webhooks"][-1]["id"] == left
    world.pause()
    world.settle()
    assert set(killed) == set(CHANGING) if LONG else killed
    assert world.lost() == []
    assert max(world.taken.values()) == 1
    assert world.sent > 20


def test_a_rotation_takes_the_other_slot_and_retires_the_old_secret(world: World) -> None:
    (old,) = world.spectrum.registrations.values()
    ran = rotate("--json")
    (new,) = world.spectrum.registrations.values()
    assert (ran.status, ran.json["proof"], ran.json["replaced"]) == (0, "verified", old.id)
    assert {old.url.removesuffix("/2"), old.url.removesuffix("/2") + "/2"} == {old.url, new.url}
    kept, fresh = world.secret()["webhooks"][-2:]
    assert 3590 < kept["accepted_until"] - time.time() <= 3601
    standard = [{"secret": new.standard[0].text}]
    # What destinations know the webhook by is what it was before, be it after other rotations.
    first_id = kept.get("first_id", kept["id"])
    expected = {"id": new.id, "signing_secret": new.secret, "source": "main", "first_id": first_id}
    path = urlsplit(new.url).path
    assert fresh == {**expected, "standard_secrets": standard, "path": path}
    assert old.secret not in ran.out + ran.err
    assert new.secret not in ran.out + ran.err


def test_without_any_delivery_the_rotation_goes_on_after_its_wait(world: World) -> None:
    world.pause()
    time.sleep(1.1)
    ran = forwarder("webhooks", "rotate", "--local", "--wait", "1", "--json")
    assert (ran.status, ran.json["proof"]) == (0, "nothing came")


def test_a_lost_answer_is_made_good(world: World) -> None:
    world.spectrum.faults["POST"].append("lost_after")
    world.spectrum.faults["DELETE"].append("lost_after")
    assert rotate().status == 0
    (new,) = world.spectrum.registrations.values()
    assert world.secret()["webhooks"][-1]["id"] == new.id


def test_a_retired_secret_is_accepted_until_its_time_and_no_longer(world: World) -> None:
    now, content = time.time(), world.secret()
    retired = [
        {"id": name, "signing_secret": "5e" * 32, "source": "main", "accepted_until": now + left}
        for name, left in (("still-good", 600), ("over", -1))
    ]
    world.write({**content, "webhooks": [*content["webhooks"], *retired]})
    sample = ("sample", "--local", "--send", "endpoint", "--json", "--webhook-id")
    world.await_knowledge("still-good")
    # Each instance of the receiver reads the registry again by itself, at most once in 2 s: until
    # then it answers 503, and Spectrum would try again as this does.
    answers = (forwarder(*sample, "still-good").json["first"] for _ in range(8))
    assert any(answer.get("status") == "accepted" for answer in answers)
    assert forwarder(*sample, "over").json["first"]["error"]["code"] == "unknown_webhook"
    world.write(content)


def test_another_rotation_is_not_begun_before_the_first_is_finished(world: World) -> None:
    world.spectrum.faults["POST"].extend([503] * 20)
    assert rotate().status == 3
    ran = forwarder("webhooks", "rotate", "some-other-id", "--local")
    assert (ran.status, "was begun and not finished" in ran.err) == (1, True)
    world.spectrum.faults["POST"].clear()
    assert rotate().status == 0


@pytest.mark.parametrize(
    ("url", "taken", "other"),
    [
        ("https://x.io/spectrum-webhook", [], "https://x.io/spectrum-webhook/2"),
        ("https://x.io/spectrum-webhook/", [], "https://x.io/spectrum-webhook/2"),
        ("https://x.io/spectrum-webhook/2", [], "https://x.io/spectrum-webhook"),
        ("https://x.io/a/spectrum-webhook/2/", [], "https://x.io/a/spectrum-webhook"),
        (
            "https://x.io/spectrum-webhook",
            ["https://x.io/spectrum-webhook/2/"],
            "https://x.io/spectrum-webhook/3",
        ),
    ],
)
def test_the_other_slot_is_a_free_path_of_the_same_endpoint(
    url: str, taken: list[str], other: str
) -> None:
    assert other_slot(url, [url, *taken]) == other
