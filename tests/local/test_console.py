"""Lines as people see them at a terminal."""

from __future__ import annotations

import io
import json

import pytest
from spectrum_cli.local.console import Console, summary


def test_structured_line_becomes_its_text_and_what_is_special_about_it() -> None:
    line = json.dumps(
        {
            "level": "INFO",
            "location": "handler:1",
            "message": "accepted",
            "timestamp": "2026-01-01 00:00:00,000+0000",
            "service": "receiver",
            "function_request_id": "x",
            "event_key": "local:1",
            "attempts": 2,
        }
    )
    assert summary(line) == "INFO accepted event_key=local:1 attempts=2"


def test_metrics_are_shown_without_their_declaration() -> None:
    line = json.dumps(
        {
            "_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Metrics": [{"Name": "Accepted"}]}]},
            "service": "receiver",
            "Accepted": [1.0],
        }
    )
    assert summary(line) == "metrics Accepted=[1.0]"


@pytest.mark.parametrize("declared", [{}, {"_aws": {"Timestamp": 1}}])
def test_a_fact_that_rides_on_its_metrics_is_shown_as_a_fact(declared: dict[str, object]) -> None:
    line = json.dumps({**declared, "message": "event.accepted", "Accepted": 0.01})
    assert summary(line) == "INFO event.accepted Accepted=0.01"


def test_a_metric_that_nobody_declares_is_shown_by_itself() -> None:
    assert summary('{"Accepted":0.01}') == "Accepted=0.01"


def test_other_lines_stay_as_they_are() -> None:
    assert summary("plain text") == "plain text"
    assert summary("[1, 2]") == "[1, 2]"


def test_nothing_in_a_line_can_begin_another_or_move_the_cursor() -> None:
    stream = io.StringIO()
    Console(stream)("receiver", json.dumps({"message": "a\n00:00:00 forged\x1b[2J\u2028é"}))
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith("a\\n00:00:00 forged\\x1b[2J\\u2028é\n")
