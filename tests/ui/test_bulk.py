"""Retry now, replay of many with the dry run first, and an attempt as a command to be copied."""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from spectrum_cli.stack.target import find_target
from spectrum_cli.terminal.errors import Finding
from spectrum_cli.ui import replay_pages
from spectrum_cli.ui.curl import as_curl
from spectrum_cli.ui.jobs import Job, Jobs
from spectrum_cli.ui.stack import Stack
from spectrum_forwarder.domain.delivery import Delivery, Status, planned
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.signature import sign
from werkzeug.test import TestResponse

from tests.support.make import body_of
from tests.support.stacks import Deployed
from tests.support.waiting import PATIENCE, wait_until
from tests.ui import seeding
from tests.ui.served import OURS, Asked, asked

SECRET = "ab" * 32
NAMES = ("crm", "bot")


@pytest.fixture(scope="module")
def stack(stack: Deployed) -> Deployed:
    """With destinations, one of which adds a header that is a key."""
    entries = [
        {"name": name, "url": f"https://{name}.example.com/hook", "signing_secret": SECRET}
        for name in NAMES
    ]
    entries[0]["headers"] = {"Authorization": "Bearer not-to-be-seen"}  # type: ignore[assignment]
    stack.write_destinations(*entries)
    return stack


@pytest.fixture
def pages(stack: Deployed) -> Asked:
    return asked(find_target())


def seed(stack: Deployed, message_id: str, **deliveries: Delivery) -> str:
    """Put an event whose deliveries stand so; return its key."""
    at = time.time() - 60
    item = seeding.item_of(body_of(message_id), at, deliveries)
    item["claim_owner"] = {"S": "seed"}
    seeding.write(stack.client("dynamodb"), stack.outputs["EventsTableName"], [item])
    return str(item["event_key"]["S"])


def dead(name: str) -> Delivery:
    return replace(
        planned(name, time.time() - 50), status=Status.DEAD_LETTERED, reason="gone", attempts=1
    )


def waiting(name: str, **more: Any) -> Delivery:
    later = time.time() + 3600
    return replace(planned(name, time.time() - 50), next_attempt_at=later, attempts=3, **more)


def standing(key: str, name: str) -> Delivery:
    event = Stack(find_target()).log.get(key)
    assert event is not None
    assert event.deliveries is not None
    return event.deliveries[name]


def post(pages: Asked, path: str, **fields: str) -> TestResponse:
    form = {"form_token": pages.guard.form_token, **fields}
    return pages.client.post(path, data=form, headers=OURS)


def test_retry_now_makes_what_waits_due_and_counts_its_attempts_on(
    stack: Deployed, pages: Asked
) -> None:
    key = seed(stack, "r-1", crm=waiting("crm"), bot=dead("bot"))
    assert "Retry now" in pages.client.get("/event", query_string={"key": key}).text
    answer = post(pages, "/event/replay", key=key, retry="1")
    assert "done=retried" in answer.headers["Location"]
    tried = standing(key, "crm")
    assert tried.next_attempt_at <= time.time() + 1
    assert (tried.attempts, tried.replays) == (3, 0)
    assert standing(key, "bot").status is Status.DEAD_LETTERED


def test_what_a_paused_destination_is_owed_goes_on_waiting(stack: Deployed, pages: Asked) -> None:
    key = seed(stack, "r-2", crm=waiting("crm", waiting_for="paused"))
    answer = post(pages, "/event/replay", key=key, retry="1")
    assert "done=nothing_waits" in answer.headers["Location"]
    assert standing(key, "crm").next_attempt_at > time.time() + 3000


def test_a_dry_run_changes_nothing_and_says_what_would_be(stack: Deployed, pages: Asked) -> None:
    keys = [seed(stack, f"d-{n}", crm=dead("crm"), bot=dead("bot")) for n in range(3)]
    post(pages, "/replay/look", status="dead_lettered", destination="crm")
    wait_until(lambda: "dry run</h1>" in pages.client.get("/replay").text)
    text = pages.client.get("/replay").text
    assert all(key in text for key in keys)
    assert "Nothing is begun yet" in text
    assert {standing(key, "crm").replays for key in keys} == {0}
    plan = text.split('name="plan" value="')[1].split('"')[0]
    post(pages, "/replay/begin", plan=plan)
    wait_until(lambda: "Done: replaying" in pages.client.get("/replay").text)
    assert {standing(key, "crm").replays for key in keys} == {1}
    assert {standing(key, "bot").replays for key in keys} == {0}
    # The same form sent twice begins nothing twice.
    assert "look again first" in post(pages, "/replay/begin", plan=plan).text


def test_a_filtered_list_is_retried(stack: Deployed, pages: Asked) -> None:
    keys = [seed(stack, f"w-{n}", crm=waiting("crm"), bot=waiting("bot")) for n in range(2)]
    post(pages, "/replay/look", status="pending", destination="bot", retry="1")
    wait_until(lambda: "dry run</h1>" in pages.client.get("/replay").text)
    plan = pages.client.get("/replay").text.split('name="plan" value="')[1].split('"')[0]
    post(pages, "/replay/begin", plan=plan)
    wait_until(lambda: "Done: trying again" in pages.client.get("/replay").text)
    for key in keys:
        assert standing(key, "bot").next_attempt_at <= time.time() + 1
        assert standing(key, "crm").next_attempt_at > time.time() + 3000


def test_a_log_that_is_larger_than_a_look_says_so(
    stack: Deployed, pages: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_pages, "PORTION", 2)
    monkeypatch.setattr(replay_pages, "MOST_READ", 2)
    for number in range(4):
        seed(stack, f"l-{number}", crm=dead("crm"))
    post(pages, "/replay/look")
    wait_until(lambda: "dry run</h1>" in pages.client.get("/replay").text)
    assert "Only the newest events were looked at" in pages.client.get("/replay").text


def test_a_destination_that_is_gone_is_named(pages: Asked) -> None:
    assert "no destination" in post(pages, "/replay/look", destination="nobody").text


def test_only_one_thing_is_under_way_and_its_failure_is_told() -> None:
    jobs, go = Jobs(str), threading.Event()

    def work(_: Job) -> str:
        assert go.wait(PATIENCE)
        raise OSError("the table failed")

    jobs.begin("the first", work)
    with pytest.raises(Finding, match="the first"):
        jobs.begin("the second", work)
    go.set()
    first = jobs.latest
    assert first is not None
    wait_until(lambda: not first.running)
    assert first.trouble == "the table failed"
    jobs.begin("the second", lambda _: "done")


# ---- As a command ------------------------------------------------------------------------------


def test_a_destinations_attempt_is_copied_without_its_secrets(
    stack: Deployed, pages: Asked
) -> None:
    key = seed(stack, "c-1", crm=dead("crm"))
    given = {"key": key, "destination": "crm"}
    answer = pages.client.get("/event/curl", query_string=given)
    assert answer.mimetype == "text/plain"
    assert "https://crm.example.com/hook" in answer.text
    assert SECRET not in answer.text
    assert "not-to-be-seen" not in answer.text
    assert "${HEADER_AUTHORIZATION}" in answer.text
    assert pages.stranger.get("/event/curl", query_string=given).status_code == 403
    assert "Copy as curl" in pages.client.get("/event", query_string={"key": key}).text


def test_a_shell_sends_exactly_the_bytes_under_a_signature_that_verifies(tmp_path: Path) -> None:
    body = b"\x00'\"$(touch hacked)\n\xff"
    event = LoggedEvent("main:m-1", 1.0, 1, "wh-1", kind="messages", format=1)
    crm = Destination("crm", "https://crm.example.com/?a='b'", SECRET, headers={"X`id`": "key"})
    text = as_curl(event, body, crm, now=time.time(), replays=0)
    stub = tmp_path / "curl"
    stub.write_text('#!/bin/sh\ncat > body\nfor one in "$@"; do echo "$one"; done > arguments\n')
    stub.chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    environment = {"PATH": path, "HEADER_X_ID_": "from the shell"}
    subprocess.run(["sh", "-c", text], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "body").read_bytes() == body
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[-1] == crm.url
    assert "X`id`: from the shell" in arguments
    sent = dict(one.split(": ", 1) for one in arguments if ": " in one)
    assert sent["webhook-id"] == "main:m-1"
    assert sent["X-Spectrum-Signature"] == sign(SECRET, int(sent["X-Spectrum-Timestamp"]), body)
    assert not (tmp_path / "hacked").exists()
