"""CONTRACT §§6, 9.3 and 9.4 without an account: the whole stack beside a stand-in for Spectrum."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from spectrum_cli.local.consumer import Consumer, Received, accept_verified
from spectrum_cli.local.registry_files import destination_registry
from spectrum_cli.local.spectrum.server import Spectrum
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.local.state import published
from spectrum_cli.vendor import api as spectrum_api

from tests.support.stacks import forwarder
from tests.support.waiting import PATIENCE

SECRET = "c0" * 32
CHECK = "RegistrationsFunction"
# Of a look at the list: one that could be read has none of the others.
READ, UNREAD, TROUBLE = "RegistrationsRead", "RegistrationsUnread", "RegistrationTrouble"


@dataclass
class Watched:
    """A stack whose scheduled check looks at `spectrum`; `told` are the check's lines so far."""

    spectrum: Spectrum
    told: list[dict[str, Any]] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def log(self, speaker: str, line: str) -> None:
        if speaker != CHECK or not line.startswith("{"):
            return
        with self.changed:
            self.told.append(json.loads(line))
            self.changed.notify_all()

    def await_line(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next line of a later look that is wanted."""
        with self.changed:
            begun = len(self.told)
            assert self.changed.wait_for(lambda: any(map(wanted, self.told[begun:])), PATIENCE)
            return next(line for line in self.told[begun:] if wanted(line))

    def stand_in(self, path: str) -> Any:
        """What the stand-in is asked to do by itself, as its users do it."""
        spectrum = self.spectrum
        pair = f"{spectrum.project_id}:{spectrum.project_secret}".encode()
        login = {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        connection = http.client.HTTPConnection(
            spectrum.url.removeprefix("http://"), timeout=PATIENCE
        )
        try:
            connection.request("POST", f"/stand-in/{path}", headers=login)
            answer = connection.getresponse()
            assert answer.status == 200
            return json.loads(answer.read())["data"]
        finally:
            connection.close()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    def take(received: Received) -> int:
        with world.changed:
            world.taken.append(received.body)
            world.changed.notify_all()
        return accept_verified(received)

    consumer = Consumer(SECRET, take)
    consumer.start()
    with pytest.MonkeyPatch.context() as patch, Spectrum(rate_limit=None) as spectrum:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setattr(spectrum_api, "SPACING_SECONDS", 0.0)
        world = Watched(spectrum)
        with LocalStack(
            webhooks='{"webhooks":[]}',
            destinations=destination_registry("consumer", consumer.url, SECRET),
            log=world.log,
            time_scale=0.01,
            spectrum=spectrum.environment,
        ) as stack:
            # The vendor's own command is never called here, installed or not.
            patch.setenv("PATH", str(tmp_path_factory.mktemp("bin")))
            for name, value in spectrum.environment.items():
                patch.setenv(name, value)
            with published(stack.state()):
                yield world
    consumer.stop()


def is_well(line: dict[str, Any]) -> bool:
    return READ in line and TROUBLE not in line


def is_trouble(line: dict[str, Any]) -> bool:
    return TROUBLE in line


def doctors_failures() -> dict[str, str]:
    ran = forwarder("doctor", "--local", "--no-canary", "--json")
    return {c["check"]: c["next_step"] for c in ran.json["checks"] if c["verdict"] == "failed"}


def test_a_disabled_registration_is_told_by_the_scheduled_check_and_cured(
    watched: Watched,
) -> None:
    # Nothing is registered at first, and the check says so.
    assert watched.await_line(is_trouble)["trouble"] == "missing"
    assert forwarder("webhooks", "register", "--source", "main", "--local").status == 0
    watched.await_line(is_well)
    (row,) = forwarder("webhooks", "list", "--local", "--json").json["webhooks"]
    webhook_id = row["id"]
    rotated = forwarder("webhooks", "rotate", webhook_id, "--standard", "--local")
    assert rotated.status == 0, rotated.err

    watched.stand_in(f"disable/{webhook_id}/delivery_failures")
    line = watched.await_line(is_trouble)
    assert (line["trouble"], line["reason"]) == ("disabled", "delivery_failures")
    # The alarm's metric, with the dimension that it groups by.
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["trouble"]]
    assert [metric["Name"] for metric in directive["Metrics"]] == [TROUBLE]
    assert watched.stand_in("deliver") == []
    assert forwarder("webhooks", "list", "--local").status == 1
    assert f"webhooks enable {webhook_id}" in doctors_failures()["registered"]

    assert forwarder("webhooks", "enable", webhook_id, "--local").status == 0
    watched.await_line(is_well)
    assert doctors_failures() == {}
    (delivered,) = watched.stand_in("deliver")
    assert delivered["status"] == 200
    with watched.changed:
        assert watched.changed.wait_for(lambda: len(watched.taken) == 1, PATIENCE)
    assert forwarder("webhooks", "list", "--local").status == 0


def test_a_regenerated_project_secret_is_told_until_the_new_one_is_stored(
    watched: Watched,
) -> None:
    before = watched.spectrum.project_secret
    watched.spectrum.project_secret = "regenerated"
    try:
        assert watched.await_line(is_trouble)["trouble"] == "credentials"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SPECTRUM_PROJECT_SECRET", "regenerated")
            assert forwarder("webhooks", "watch", "--local").status == 0
        watched.await_line(lambda line: line.get("trouble") != "credentials")
    finally:
        watched.spectrum.project_secret = before
