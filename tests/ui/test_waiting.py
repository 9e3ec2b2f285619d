"""The overview says who waits in line, how long and for what, and has it delivered now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from spectrum_cli.destinations.lines import Queue
from spectrum_cli.stack.target import find_target
from spectrum_cli.ui import words
from spectrum_cli.ui.stack import Stack
from spectrum_forwarder.domain.delivery import planned, standing
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.line import hint_to
from spectrum_forwarder.domain.order import TURN, line_of

from tests.support.make import body_of
from tests.support.queued import board_of, in_line, line_hints, rest, take_down
from tests.support.stacks import Deployed
from tests.support.waiting import wait_until
from tests.ui import seeding
from tests.ui.served import OURS, Asked, asked

ENTRY = {"url": "https://crm.example.com/hook", "signing_secret": "ab" * 32}
CRM = ENTRY | {"name": "crm"}


MORE = Queue(20_000, 0.0, 9.3, more=True)


@pytest.fixture
def pages(stack: Deployed) -> Iterator[Asked]:
    line_hints(stack)
    yield asked(find_target())
    take_down(stack)


def overview(pages: Asked, said: str) -> str:
    """The overview once it says so."""

    def text() -> str:
        found = pages.client.get("/overview?done=begins").text
        return found if said in found else ""

    return str(wait_until(text))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "they go out now"),
        ({"rate": 10}, "they go out at its pace"),
        ({"enabled": False}, "it is paused"),
        ({"url": "http://crm.example.com/hook"}, "its entry cannot be used"),
        ({"broken": True}, "its breaker is open"),
    ],
)
def test_who_waits_is_counted_with_how_long_and_for_what(
    stack: Deployed, pages: Asked, changes: dict[str, Any], why: str
) -> None:
    stack.write_destinations(CRM | {n: v for n, v in changes.items() if n != "broken"})
    for number in range(3):
        in_line(stack, "crm", f"main:counted-{number}")
    if "broken" in changes:
        broken = Health(failing_since=time.time() - 60, failures=20, trips=1, open_until=2e10)
        board_of(stack).save("crm", broken)

    said = overview(pages, "in its line")

    assert f"3 wait in its line, the oldest for 2 h: {why}." in said


def test_what_is_owed_is_delivered_now(stack: Deployed, pages: Asked) -> None:
    stack.write_destinations(CRM, ENTRY | {"name": "erp"})
    in_line(stack, "crm", "main:waits")
    later = time.time() + 3600
    retried = replace(planned("crm", time.time()), next_attempt_at=later, attempts=3)
    other = replace(retried, destination="erp")
    item = seeding.item_of(body_of("flushed"), time.time(), {"crm": retried, "erp": other})
    item["claim_owner"] = {"S": "seed"}
    seeding.write(stack.client("dynamodb"), stack.outputs["EventsTableName"], [item])
    assert "Deliver now what crm is owed?" in overview(pages, "in its line")

    form = {"form_token": pages.guard.form_token, "destination": "crm"}
    answer = pages.client.post("/destination/flush", data=form, headers=OURS)

    assert answer.headers["Location"] == "/overview?done=begins"
    said = overview(pages, "Done: delivering what crm is owed")
    assert "Done: delivering" not in pages.client.get("/overview").text
    assert "1 line will be drained now, oldest first; 1 of what waits for a retry brought" in said
    assert line_hints(stack) == [hint_to("crm")]
    event = Stack(find_target()).log.get(str(item["event_key"]["S"]))
    assert event is not None
    assert event.deliveries is not None
    assert event.deliveries["crm"].next_attempt_at < time.time() + 1
    assert event.deliveries["crm"].attempts == 3
    assert event.deliveries["erp"].next_attempt_at == pytest.approx(later, abs=1)


@pytest.mark.parametrize("waiting_for", [None, TURN])
def test_retry_now_of_an_event_has_its_conversation_go_on(
    stack: Deployed, pages: Asked, waiting_for: str | None
) -> None:
    stack.write_destinations(CRM | {"order": "conversation"})
    now, line = time.time(), line_of("crm", "c0ffee")
    waits = standing(planned("crm", now - 60), now - 60, now + 600, "c0ffee")
    body = body_of(f"waits for {waiting_for}")
    item = seeding.item_of(body, now, {"crm": replace(waits, waiting_for=waiting_for)})
    item["claim_owner"] = {"S": "seed"}
    seeding.write(stack.client("dynamodb"), stack.outputs["EventsTableName"], [item])
    rest(stack, line, "main:head")
    key = str(item["event_key"]["S"])
    form = {"form_token": pages.guard.form_token, "key": key, "retry": "1"}

    answers = [pages.client.post("/event/replay", data=form, headers=OURS) for _ in range(2)]

    done = [answer.headers["Location"].rpartition("done=")[2] for answer in answers]
    assert done == ["retried", "nothing_waits"]
    assert line_hints(stack) == [hint_to(line)]


def test_a_destination_that_is_gone_is_named_where_the_work_is_told(
    stack: Deployed, pages: Asked
) -> None:
    stack.write_destinations(CRM)
    form = {"form_token": pages.guard.form_token, "destination": "nobody.abcdef"}
    pages.client.post("/destination/flush", data=form, headers=OURS)
    assert "no destination &#39;nobody.abcdef&#39; any more" in overview(pages, "Ended before")


def test_nothing_is_offered_where_nothing_waits(stack: Deployed, pages: Asked) -> None:
    stack.write_destinations(CRM)
    said = pages.client.get("/overview").text
    assert "crm" in said
    assert "Deliver now" not in said


def test_a_line_is_put_into_words() -> None:
    assert words.in_line(Queue(1, 0.0), 45.0, "it is paused") == (
        "1 waits in its line, the oldest for 45 s: it is paused."
    )
    assert words.in_line(MORE, 7200.0, "it is paused").startswith("more than 20,000")
    assert words.in_line(Queue(1200, 0.0, 9.5), 7200.0, "it takes no more").endswith(
        "it takes no more. 9.5 a second go on: done in 2 min."
    )
    assert "at least 36 min" in words.in_line(MORE, 7200.0, "it takes no more")
