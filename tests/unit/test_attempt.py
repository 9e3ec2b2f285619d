"""Attempting: when attempts begin, and which events go out together in one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer, Delivery, planned
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.line import Place
from spectrum_forwarder.domain.order import Batch, Order
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.worker_ports import Claimed, QueueRecord
from spectrum_forwarder.fanout.attempt import Answered, Attempting
from spectrum_forwarder.fanout.decide import Try
from spectrum_forwarder.fanout.plan import Plan
from spectrum_forwarder.fanout.take import Taken

from tests.support.in_memory.clock import ManualClock
from tests.support.make import NOW, destination_of

OK = Answer(status=200)
ALONE = destination_of("crm")
BATCHED = destination_of("crm", order=Order(batch=Batch(1.0, 9, 9.0)))


class Sent:
    """A sender that answers all with success, and what it and others were asked."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.slept: list[float] = []
        self.attempts: list[Attempt] = []
        self.kept: list[tuple[str, float]] = []

    def send(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Answer]]:
        for attempt in attempts:
            self.attempts.append(attempt)
            yield attempt, OK

    def keep(self, record: QueueRecord, cause: Exception, *, until: float = 0.0) -> None:
        self.kept.append((record.event_key, until))

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)

    def of(self, *plans: Plan) -> list[Answered]:
        this = cast(Any, self)
        return list(Attempting(this, this, self.clock, self.sleep, None).attempt(plans))


def plan_of(
    number: int,
    destination: Destination = BATCHED,
    *,
    behind: str = "",
    drains: str | None = "crm/chat",
    conversation: str = "chat",
    begin_by: float = NOW + 9,
    not_before: float = 0.0,
    webhook_id: str = "wh_1",
    delivery: Delivery | None = None,
) -> Plan:
    """One of an event that has its turn in a conversation, behind another one perhaps."""
    key = f"main:{number}"
    place = Place(f"{number:03}", key, NOW) if drains else None
    record = QueueRecord(key, key, drains=drains, place=place, not_before=not_before, behind=behind)
    claimed = Claimed(key, "a", NOW + 75, 1, webhook_id, NOW, "messages", None, b"", None, {}, 1)
    deliveries = {"crm": delivery or planned("crm", NOW)}
    plan = Plan(Taken(record, claimed, deliveries), b'{"n":%d}' % number, deliveries)
    plan.tries["crm"] = Try(destination, begin_by, conversation=conversation)
    return plan


def together(attempt: Attempt) -> list[str]:
    """The ids of the events in a batch."""
    return [event["webhook-id"] for event in json.loads(attempt.body)["events"]]


def told(answers: Iterable[Answered]) -> list[tuple[str, str, int]]:
    return [
        (each.attempt.event_key, str(each.answer), each.together)
        for each in answers
        if each.plan.taken.claimed.event_key == each.attempt.event_key
    ]


@pytest.mark.parametrize(
    ("ahead", "slept"), [(0.5, [0.5]), (2.0, [2.0]), (0.0, []), (-0.5, []), (-9.0, [])]
)
def test_an_attempt_begins_at_its_time(ahead: float, slept: list[float]) -> None:
    sent = Sent()
    answers = sent.of(plan_of(1, ALONE, not_before=NOW + ahead))
    assert sent.slept == slept
    assert told(answers) == [("main:1", "200", 1)]
    assert sent.attempts[0].headers["X-Spectrum-Timestamp"] == str(int(NOW + max(0.0, ahead)))


def test_those_who_have_their_turn_together_go_out_in_one_by_their_places() -> None:
    sent = Sent()
    plans = [plan_of(2, behind="main:1"), plan_of(1), plan_of(3, behind="main:2")]
    answers = sent.of(*plans)
    assert [together(attempt) for attempt in sent.attempts] == [["main:1", "main:2", "main:3"]]
    assert told(answers) == [(f"main:{n}", "200", 3) for n in (1, 2, 3)]
    assert sent.attempts[0].event_key.endswith(" crm")


def test_one_whose_forerunner_is_missing_is_left_with_those_behind_it() -> None:
    sent = Sent()
    answers = sent.of(plan_of(1), plan_of(3, behind="main:2"), plan_of(4, behind="main:3"))
    assert [together(attempt) for attempt in sent.attempts] == [["main:1"]]
    left = [(f"main:{n}", str(NOT_STARTED), 1) for n in (3, 4)]
    assert told(answers) == [("main:1", "200", 1), *left]


def test_where_the_first_is_missing_nothing_goes_out() -> None:
    sent = Sent()
    answers = sent.of(plan_of(2, behind="main:1"))
    assert (sent.attempts, told(answers)) == ([], [("main:2", str(NOT_STARTED), 1)])


def test_a_batch_goes_by_its_firsts_entry_and_says_what_the_first_would() -> None:
    first = plan_of(
        1,
        replace(BATCHED, url="https://new.example.com/", timeout_seconds=7.0),
        begin_by=NOW + 5,
        webhook_id="wh_first",
        delivery=replace(planned("crm", NOW), replays=2),
    )
    sent = Sent()
    sent.of(first, plan_of(2, behind="main:1", begin_by=NOW + 4, webhook_id="wh_second"))
    (attempt,) = sent.attempts
    assert (attempt.url, attempt.timeout_seconds) == ("https://new.example.com/", 7.0)
    assert attempt.begin_by == NOW + 4
    assert attempt.headers["X-Spectrum-Webhook-Id"] == "wh_first"
    assert attempt.headers["X-Spectrum-Forwarder-Replay"] == "2"


def test_what_goes_by_itself_goes_alone_though_others_take_batches() -> None:
    sent = Sent()
    plans = [plan_of(n, drains=None, conversation="") for n in (1, 2)]
    answers = sent.of(*plans)
    assert [together(attempt) for attempt in sent.attempts] == [["main:1"], ["main:2"]]
    assert told(answers) == [("main:1", "200", 1), ("main:2", "200", 1)]


def test_who_cannot_be_made_ready_is_kept_until_its_claim_ends_and_holds_up_nobody() -> None:
    broken, broken_batch = plan_of(1, ALONE), plan_of(3)
    del broken.deliveries["crm"], broken_batch.deliveries["crm"]
    sent = Sent()
    answers = sent.of(broken, plan_of(2, ALONE), broken_batch, plan_of(4, drains="crm/other"))
    assert told(answers) == [("main:2", "200", 1), ("main:4", "200", 1)]
    assert sent.kept == [("main:1", NOW + 75), ("main:3", NOW + 75)]
