"""Rotation: killed at every step, on the local stack, while events come through both slots."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from botocore.client import BaseClient
from spectrum_cli import spectrum_api
from spectrum_cli.http_client import HttpAnswer, HttpClient
from spectrum_cli.local.consumer import Consumer, Received, accept_verified
from spectrum_cli.local.registry_files import destination_registry
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.local.state import LocalState, published
from spectrum_cli.rotation import other_slot
from spectrum_cli.samples import make_body

from tests.support.fake_spectrum import Delivered, FakeSpectrum
from tests.support.stacks import Ran, forwarder

CONSUMER_SECRET = "c0" * 32
# More outside calls than a rotation makes.
MOST_STEPS = 60


class Killed(BaseException):
    """The process is gone at this moment."""


class World:
    """A running stack, Spectrum, a consumer, and what came of every event so far."""

    def __init__(self, stack: LocalStack, spectrum: FakeSpectrum, taken: Counter[bytes]) -> None:
        self.stack = stack
        self.spectrum = spectrum
        self.taken = taken
        self._sent: list[tuple[bytes, list[Future[Delivered]]]] = []
        self._stopping = threading.Event()
        self._sender = threading.Thread(target=self._flow, daemon=True)

    def start(self) -> None:
        self._sender.start()

    def stop(self) -> None:
        self._stopping.set()
        self._sender.join()

    def _flow(self) -> None:
        while not self._stopping.wait(0.03):
            body = make_body("text")
            self._sent.append((body, self.spectrum.deliver(body)))

    def secret(self) -> dict[str, Any]:
        answer = self.stack.client("secretsmanager").get_secret_value(
            SecretId=self.stack.deployment.physical_ids["WebhooksSecret"]
        )
        content: dict[str, Any] = json.loads(answer["SecretString"])
        return content

    def lost(self) -> list[bytes]:
        """Events that no registration took, or that the consumer has not got."""
        return [
            body
            for body, deliveries in self._sent
            if not any(one.result().taken for one in deliveries) or not self.taken[body]
        ]

    def settle(self) -> None:
        """Wait until all that was sent has arrived at the consumer."""
        deadline = time.monotonic() + 20
        while self.lost() and time.monotonic() < deadline:
            time.sleep(0.05)

    @property
    def sent(self) -> int:
        return len(self._sent)


@pytest.fixture
def world(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    monkeypatch.setattr(spectrum_api, "SPACING_SECONDS", 0.0)
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
        published(state_of(stack)),
    ):
        for name, value in spectrum.environment.items():
            monkeypatch.setenv(name, value)
        world = World(stack, spectrum, taken)
        assert forwarder("webhooks", "register", "--source", "main", "--local").status == 0
        world.start()
        yield world
        world.stop()
    consumer.stop()


def state_of(stack: LocalStack) -> LocalState:
    return LocalState(
        pid=os.getpid(),
        endpoint_url=stack.endpoint_url,
        aws_url=stack.endpoints.default,
        overrides=dict(stack.endpoints.overrides),
        physical_ids=dict(stack.deployment.physical_ids),
        outputs=dict(stack.deployment.outputs),
        time_scale=0.05,
    )


def rotate(*options: str) -> Ran:
    return forwarder("webhooks", "rotate", "--local", "--wait", "20", *options)


class Killer:
    """Ends the command at its nth call to the outside: before it is made, or when it is done."""

    def __init__(self, patch: pytest.MonkeyPatch, step: int) -> None:
        self.step = step
        self.calls: list[str] = []
        self._me = threading.current_thread()
        requested, called = HttpClient.request, BaseClient._make_api_call  # type: ignore[attr-defined]

        def request(client: HttpClient, method: str, url: str, **more: Any) -> HttpAnswer:
            self._count(f"{method} before")
            answer = requested(client, method, url, **more)
            self._count(f"{method} after")
            return answer

        def call(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
            writes = operation in ("PutSecretValue", "UpdateSecretVersionStage")
            self._count(f"{operation} before", counts=writes)
            answer = called(client, operation, arguments)
            self._count(f"{operation} after", counts=writes)
            return answer

        patch.setattr(HttpClient, "request", request)
        patch.setattr(BaseClient, "_make_api_call", call)

    def _count(self, what: str, *, counts: bool = True) -> None:
        if not counts or threading.current_thread() is not self._me:
            return
        self.calls.append(what)
        if len(self.calls) == self.step:
            raise Killed(what)


def test_a_rotation_killed_at_every_step_loses_and_doubles_nothing(world: World) -> None:
    killed = []
    for step in itertools.count(1):
        assert step < MOST_STEPS
        (before,) = world.spectrum.registrations
        with pytest.MonkeyPatch.context() as patch:
            Killer(patch, step)
            try:
                done = rotate()
            except Killed as where:
                killed.append(str(where))
                done = None
        if done is None:
            # Killed after the last thing was written: the old one is gone, all is done.
            if "pending" in world.secret():
                done = rotate()
                assert done.status == 0, done.err
        else:
            assert done.status == 0, done.err
        (after,) = world.spectrum.registrations
        assert "pending" not in world.secret()
        if len(killed) < step:
            break
        assert after != before or "pending" not in world.secret()
    world.stop()
    world.settle()
    assert {name.split()[0] for name in killed} == {
        *("GET", "POST", "DELETE"),
        *("PutSecretValue", "UpdateSecretVersionStage"),
    }
    assert world.lost() == []
    assert max(world.taken.values()) == 1
    assert world.sent > 50


def test_a_rotation_takes_the_other_slot_and_retires_the_old_secret(world: World) -> None:
    (old,) = world.spectrum.registrations.values()
    ran = rotate("--json")
    (new,) = world.spectrum.registrations.values()
    assert (ran.status, ran.json["proof"], ran.json["replaced"]) == (0, "verified", old.id)
    assert new.url == f"{old.url}/2"
    kept, fresh = world.secret()["webhooks"]
    assert 3590 < kept["accepted_until"] - time.time() <= 3601
    assert fresh == {"id": new.id, "signing_secret": new.secret, "source": "main"}
    assert old.secret not in ran.out + ran.err
    assert new.secret not in ran.out + ran.err
    assert json.loads(rotate("--json").out)["url"] == old.url


def test_without_any_delivery_the_rotation_goes_on_after_its_wait(world: World) -> None:
    world.stop()
    time.sleep(1.1)
    ran = forwarder("webhooks", "rotate", "--local", "--wait", "1", "--json")
    assert (ran.status, ran.json["proof"]) == (0, "nothing came")


@pytest.mark.parametrize("fault", ["lost_after", "lost_before", 500, 429])
def test_a_lost_answer_is_made_good(world: World, fault: Any) -> None:
    world.spectrum.faults["POST"].append(fault)
    world.spectrum.faults["DELETE"].append(fault)
    assert rotate().status == 0
    (new,) = world.spectrum.registrations.values()
    assert world.secret()["webhooks"][-1]["id"] == new.id


def test_another_rotation_is_not_begun_before_the_first_is_finished(world: World) -> None:
    world.spectrum.faults["POST"].extend([422])
    assert rotate().status == 2
    ran = forwarder("webhooks", "rotate", "some-other-id", "--local")
    assert (ran.status, "was begun and not finished" in ran.err) == (1, True)
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
