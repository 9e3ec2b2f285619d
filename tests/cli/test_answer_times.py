"""`forwarder destinations list`: how long answers take, and what the last error was."""

from __future__ import annotations

import time
from dataclasses import replace

from spectrum_cli.destinations.answer_times import Answers, answers_in
from spectrum_forwarder.domain.delivery import Attempted, Delivery, planned
from spectrum_forwarder.domain.log import LoggedEvent

from tests.support.filled import delivered, put
from tests.support.stacks import Deployed, forwarder

NOW = time.time()


def event_of(key: str, *history: Attempted) -> LoggedEvent:
    delivery: Delivery = replace(planned("crm", NOW), history=history)
    return LoggedEvent(key, NOW, NOW, "webhook", deliveries={"crm": delivery})


def test_percentiles_are_by_nearest_rank() -> None:
    answers = Answers(range(1, 101))
    assert [answers.percentile(p) for p in (50, 95)] == [50, 95]
    assert Answers([7]).percentile(95) == 7
    assert Answers([30, 10, 20]).percentile(50) == 20
    assert Answers([]).percentile(50) is None


def test_what_waited_for_an_answer_counts_and_what_was_refused_does_not() -> None:
    history = [Attempted(NOW, 100, "200"), Attempted(NOW, 9000, "timeout")]
    found = answers_in([event_of("m", *history, Attempted(NOW, 1, "connection_refused"))])
    assert sorted(found["crm"].took) == [100, 9000]


def test_the_latest_failure_of_all_events_is_the_last_error() -> None:
    early, late = Attempted(NOW, 5, "500", "early"), Attempted(NOW + 9, 5, "503", "late")
    found = answers_in([event_of("b", late, Attempted(NOW + 20, 5, "200")), event_of("a", early)])
    assert (found["crm"].failure, found["crm"].event_key) == (late, "b")
    assert answers_in([event_of("a", Attempted(NOW, 5, "200"))])["crm"].failure is None


def test_the_list_shows_times_and_the_last_error(stack: Deployed) -> None:
    entry = {"name": "crm", "url": "https://crm.example.com/", "signing_secret": "5e" * 32}
    erp = entry | {"name": "erp", "keep_answers": False}
    stack.write_destinations(entry, erp)
    said = "HTTP/1.1 503 Busy: " + "no room " * 50
    for number in range(19):
        put(stack, f"m{number}", delivered("crm", NOW))
    slow = (Attempted(NOW, 700, "503", said), Attempted(NOW + 5, 800, "200"))
    put(stack, "slow", replace(delivered("crm", NOW), history=slow))

    titles, crm, other = forwarder("destinations", "list").lines
    assert titles.split()[-4:] == ["p50", "p95", "last", "error"]
    assert " 12 ms " in crm
    assert " 700 ms " in crm
    assert crm.endswith(f"{said[:100]}…")
    assert other.split()[-3:] == ["-", "-", "-"]
    told, silent = forwarder("destinations", "list", "--json").json
    assert told["answers"]["attempts"] == 21
    assert (told["answers"]["p50_ms"], told["answers"]["p95_ms"]) == (12, 700)
    assert told["answers"]["last_error"]["said"] == said
    assert told["answers"]["last_error"]["event_key"] == "main:slow"
    assert silent["answers"] == {
        "attempts": 0,
        "p50_ms": None,
        "p95_ms": None,
        "last_error": None,
    }
    assert silent["keep_answers"] is False


def test_answers_are_dropped_and_kept_by_an_option(stack: Deployed) -> None:
    stack.write_destinations()
    forwarder("destinations", "add", "crm", "https://crm.example.com/", "--drop-answers")
    for option, kept in ((None, False), ("--keep-answers", True)):
        if option:
            assert forwarder("destinations", "set", "crm", option).status == 0
        assert stack.destinations()[0]["keep_answers"] is kept
