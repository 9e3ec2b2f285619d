"""An event's story, from what is stored of it."""

from __future__ import annotations

from dataclasses import replace

from spectrum_cli.ui.story import FUTURE, Step, tell
from spectrum_forwarder.domain.delivery import Attempted, Delivery, Status, planned, replayed
from spectrum_forwarder.domain.destination import Destinations
from spectrum_forwarder.domain.log import LoggedEvent

from tests.support.make import NOW, destination_of

CONFIGURED = Destinations({"crm": destination_of("crm")})


def event_with(*deliveries: Delivery, **more: object) -> LoggedEvent:
    found = {delivery.destination: delivery for delivery in deliveries}
    return LoggedEvent("main:m", NOW, NOW - 3, "webhook", deliveries=found, **more)  # type: ignore[arg-type]


def said(steps: list[Step]) -> list[str]:
    return [f"{step.title} | {step.detail}" for step in steps]


def test_attempts_are_told_in_their_order_and_the_next_one_last() -> None:
    history = (Attempted(NOW + 1, 90, "503"), Attempted(NOW + 6, 10_000, "timeout"))
    delivery = replace(planned("crm", NOW), attempts=2, history=history, next_attempt_at=NOW + 46)
    steps = tell(event_with(delivery, due_at=NOW + 46), CONFIGURED, NOW + 20)
    assert said(steps) == [
        "Received, verified and stored | signed 3 s before",
        "503 Service Unavailable | attempt 1",
        "no answer in time | attempt 2",
        "Next attempt | attempt 3 of 12",
    ]
    assert [step.share for step in steps] == [0, 1, 100, 0]
    assert steps[-1].tone == FUTURE
    assert steps[-1].at == NOW + 46


def test_a_replay_stands_between_the_attempts_before_and_after_it() -> None:
    before = replace(
        planned("crm", NOW),
        status=Status.DEAD_LETTERED,
        attempts=1,
        history=(Attempted(NOW + 1, 5, "410"),),
    )
    anew = replayed(before, NOW + 100)
    after = replace(
        anew,
        status=Status.DELIVERED,
        attempts=1,
        history=(*anew.history, Attempted(NOW + 101, 50, "200")),
    )
    assert said(tell(event_with(after), CONFIGURED, NOW + 200))[1:] == [
        "410 Gone | attempt before the replay",
        "Replay 1 begun | ",
        "200 OK | attempt 1",
    ]


def test_why_it_ended_or_waits_is_said() -> None:
    dead = replace(
        planned("crm", NOW), status=Status.DEAD_LETTERED, reason="exhausted: connection_refused"
    )
    filtered = replace(planned("bot", NOW), status=Status.FILTERED)
    removed = replace(planned("old", NOW), status=Status.REMOVED)
    paused = replace(planned("erp", NOW), waiting_for="paused", next_attempt_at=NOW + 60)
    told = said(tell(event_with(dead, filtered, removed, paused), CONFIGURED, NOW + 9))
    assert told[1:] == [
        "Dead-lettered | every attempt failed, the last with connection refused",
        "Not sent | its filter does not take this event",
        "Given up | the destination was removed",
        "Waits, looked at again | the destination is paused",
    ]


def test_who_stands_in_line_is_said_to_and_for_how_long() -> None:
    waits = replace(
        planned("erp", NOW), waiting_for="paused", stood_at=NOW - 7200, next_attempt_at=NOW + 86_400
    )
    step = tell(event_with(waits), CONFIGURED, NOW)[-1]
    assert (step.title, step.detail) == (
        "Waits in line, looked at by",
        "the destination is paused; for 2 h now",
    )


def test_an_event_that_nobody_has_looked_at_waits_for_a_worker() -> None:
    new = LoggedEvent("main:m", NOW, NOW, "webhook", due_at=NOW + 75)
    assert said(tell(new, CONFIGURED, NOW + 1))[-1] == "Waits for a worker | not fanned out yet"
    held = event_with(planned("crm", NOW), claimed_until=NOW + 75, due_at=NOW)
    titles = [step.title for step in tell(held, CONFIGURED, NOW + 1)]
    assert "A worker has it in hand" in titles
    assert "Due now" in titles


def test_a_settled_event_says_how_long_it_is_kept() -> None:
    step = tell(event_with(expires_at=NOW + 86_400), CONFIGURED, NOW)[-1]
    assert (step.title, step.at) == ("Leaves the log", NOW + 86_400)


def test_what_a_failing_answer_said_stands_with_its_attempt_and_is_inert() -> None:
    history = (Attempted(NOW + 1, 90, "503", "HTTP/1.1 503 Busy: <b>\u202eno room"),)
    delivery = replace(planned("crm", NOW), attempts=1, history=history, next_attempt_at=NOW + 46)
    steps = tell(event_with(delivery, due_at=NOW + 46), CONFIGURED, NOW + 20)
    assert [step.said for step in steps] == ["", "HTTP/1.1 503 Busy: <b>\\u202eno room", ""]
