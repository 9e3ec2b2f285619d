"""What a line looks like, and how many bytes an event costs in the log."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from spectrum_forwarder import measures, observability
from spectrum_forwarder.observability import InvocationFailed, facts, observed

EVENT_KEY = "main:spc-msg-6f1c2b7e-0000-4000-8000-000000000001"
# What CloudWatch Logs takes for one accepted event, both functions together, is to stay under this,
# by events in the fan-out's batch; and for one refused request.
MOST_BYTES = {1: 330, 10: 330}
MOST_OF_TROUBLE = 600
PYTHONS_LEVELS = ("WARNING", "ERROR", "CRITICAL")
LEVELS = ["INFO", *PYTHONS_LEVELS]
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


Told = tuple[str, dict[str, object]]


class Context:
    aws_request_id = "6f1c2b7e-0000-4000-8000-000000000002"


@pytest.fixture(autouse=True)
def stack_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "spectrum-forwarder")


def tell(told: Iterable[Told]) -> None:
    """Tell facts in one invocation."""

    @observed
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        for name, fields in told:
            facts(name, **fields)
        return {}

    handler({}, Context())


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Any:
    """Tell facts in one invocation; the lines that it printed."""

    def told_lines(*told: Told) -> list[str]:
        tell(told)
        return capfd.readouterr().out.splitlines()

    return told_lines


ACCEPTED = ("event.accepted", {"event_key": EVENT_KEY, "scheme": "v0", "kind": "messages"})
DELIVERED = (
    "delivery.attempted",
    {
        "event_key": EVENT_KEY,
        "destination": "crm",
        "attempt": 1,
        "answer": "200",
        "ms": 41,
        "status": "delivered",
        "age_seconds": 0.231,
    },
)


SCHEMES = [
    pytest.param({"scheme": "v0"}, "v0", id="v0"),
    pytest.param({"scheme": "standard"}, "sw", id="standard"),
    pytest.param({"scheme": "v0+standard"}, "v0+sw", id="both"),
    # Headers of the other scheme, without a secret for it or with a signature that is wrong.
    pytest.param({"scheme": "v0", "also": "standard"}, "v0-sw", id="v0 beside standard"),
    pytest.param({"scheme": "standard", "also": "v0"}, "sw-v0", id="standard beside v0"),
]


@pytest.mark.parametrize(("schemes", "said"), SCHEMES)
@pytest.mark.parametrize("batch", [1, 10])
def test_an_accepted_event_costs_few_bytes_in_every_scheme(
    batch: int, schemes: dict[str, object], said: str, lines: Any
) -> None:
    (received,) = lines((ACCEPTED[0], ACCEPTED[1] | schemes))
    fanned_out = lines(*[DELIVERED] * batch)
    # Nothing takes time here; of a real event `Accepted` has three digits behind the point.
    longer = len("0.012") - len(str(json.loads(received)["Accepted"]))
    bytes_of_one = len(received) + longer + sum(map(len, fanned_out)) / batch
    assert bytes_of_one <= MOST_BYTES[batch]


@pytest.mark.parametrize(("schemes", "said"), SCHEMES)
def test_the_line_says_which_schemes_proved_an_event_and_which_did_not(
    schemes: dict[str, object], said: str, lines: Any
) -> None:
    (line,) = lines((ACCEPTED[0], ACCEPTED[1] | schemes))
    assert json.loads(line)["scheme"] == said
    assert "also" not in json.loads(line)


def test_lambda_leaves_the_level_of_trouble_as_it_is(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS Lambda Developer Guide, "Log-level filtering": without a level of its table, or without
    a time as in RFC 3339, a line counts as INFO, and the saved query does not find it."""
    trouble: Told = ("record.kept", {"event_key": EVENT_KEY, "cause": "table down"})
    printed = [observability._text({"level": level, "message": "x"}) for level in PYTHONS_LEVELS]
    for told in ([trouble], [trouble, trouble]):
        tell(told)
        printed += [line for line in capfd.readouterr().out.splitlines() if "record.kept" in line]
    assert len(printed) >= 6
    for line in map(json.loads, printed):
        assert line["level"] in {"WARN", "ERROR", "FATAL"}
        assert RFC_3339.fullmatch(line["timestamp"])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("least", LEVELS)
@pytest.mark.parametrize("variable", ["AWS_LAMBDA_LOG_LEVEL", "POWERTOOLS_LOG_LEVEL"])
@pytest.mark.parametrize("trace", ["Root=1-5e-0;Parent=1;Sampled=1", ""])
def test_a_line_is_that_of_powertools_logger_but_for_the_usual_level(
    *,
    trace: str,
    variable: str,
    least: str,
    level: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    # Powertools looks for it in Lambda alone.
    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task")
    monkeypatch.setenv(variable, observability.LEVELS_OF_LAMBDA.get(least, least))
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    fields = {"event_key": "main:\u2028é", "cause": "table down", "ms": 41, "at": {"age": 0.231}}
    theirs = Logger(
        service=variable + trace + least + level,
        stream=sys.stdout,
        location=None,
        timestamp=None,
        json_serializer=observability._text,
    )
    theirs.remove_keys(["service"])
    getattr(theirs, level.lower())("record.kept", extra=fields)
    expected = capsys.readouterr().out.replace('"level":"INFO",', "")
    observability._log({"level": level, "message": "record.kept", **fields})
    assert capsys.readouterr().out == expected
    assert bool(expected) is (LEVELS.index(level) >= LEVELS.index(least))


@pytest.mark.parametrize("trace", ["Root=1-5e-0;Parent=1;Sampled=0", "Root=1-5e-0", "1-5e-0"])
def test_the_id_of_what_is_not_traced_is_not_told(
    trace: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    observability._log({"level": "INFO", "message": "event.accepted"})
    assert capsys.readouterr().out == '{"message":"event.accepted"}\n'


def test_the_time_of_trouble_is_told_in_milliseconds_that_have_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for second, said in ((0.0, "00.000"), (1.0625, "01.062"), (9.9995, "09.999")):
        monkeypatch.setattr(time, "time", lambda now=second: 1_800_000_000 + now)
        line = json.loads(observability._text({"level": "ERROR"}))
        assert line["timestamp"] == f"2027-01-15T08:00:{said}Z"


@pytest.mark.parametrize("told", [[ACCEPTED], [DELIVERED] * 2])
def test_what_is_told_as_usual_costs_no_time_and_no_level(told: list[Told], lines: Any) -> None:
    for line in map(json.loads, lines(*told)):
        assert line.keys().isdisjoint({"timestamp", "level"})


def test_the_line_of_an_accepted_event_declares_nothing(
    lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "perf_counter", lambda: 100.0)
    (line,) = map(json.loads, lines(ACCEPTED))
    assert line.keys() == {"message", "event_key", "scheme", "Accepted"}
    skewed = (ACCEPTED[0], ACCEPTED[1] | {"skew_seconds": 100.0})
    (line,) = map(json.loads, lines(skewed))
    (declared,) = line["_aws"]["CloudWatchMetrics"]
    assert [metric["Name"] for metric in declared["Metrics"]] == ["ClockSkew"]
    assert (line["ClockSkew"], line["Accepted"]) == (100.0, 0.0)


def test_how_long_an_accepted_event_took_stands_on_one_line_whatever_else_is_told(
    lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be counted twice, or not at all, also where little is logged."""
    monkeypatch.setattr(time, "perf_counter", lambda: 100.0)
    unhinted = ("hint.failed", {"event_key": EVENT_KEY, "cause": "queue down"})
    for least in ("INFO", "ERROR"):
        monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", least)
        for told in ([ACCEPTED], [ACCEPTED, unhinted], [unhinted, ACCEPTED]):
            accepted = [
                line["Accepted"] for line in map(json.loads, lines(*told)) if "Accepted" in line
            ]
            assert accepted == [0.0]


def test_trouble_too_stays_within_the_bar(lines: Any) -> None:
    refused = ("request.refused", {"code": "bad_signature", "webhook_id": "w" * 36})
    assert max(map(len, lines(refused))) <= MOST_OF_TROUBLE


LATE = (DELIVERED[0], {**DELIVERED[1], "attempt": 2})


def test_the_only_fact_of_an_invocation_rides_on_its_metrics(lines: Any) -> None:
    (line,) = map(json.loads, lines(LATE))
    assert line["message"] == "delivery.attempted"
    assert (line["destination"], line["Delivered"]) == ("crm", 0.231)
    (declared,) = line["_aws"]["CloudWatchMetrics"]
    assert declared["Dimensions"] == [["destination"]]
    assert declared["Metrics"] == [{"Name": "Retries", "Unit": "Count"}]


def test_of_several_facts_each_has_its_line_and_their_metrics_one(lines: Any) -> None:
    told = [json.loads(line) for line in lines(LATE, LATE)]
    assert [line.get("message") for line in told] == ["delivery.attempted"] * 2 + [None]
    assert [line.get("Delivered") for line in told] == [0.231, 0.231, None]
    assert told[2]["Retries"] == 2


def test_deliveries_as_usual_are_a_line_each_that_declares_nothing(lines: Any) -> None:
    told = [json.loads(line) for line in lines(DELIVERED, DELIVERED)]
    assert told == [told[0]] * 2
    assert told[0].keys() == {"message", "event_key", "destination", "ms", "Delivered"}


def test_what_is_unusual_is_said(lines: Any) -> None:
    later = {**DELIVERED[1], "attempt": 2, "status": "pending", "answer": "503"}
    told = [json.loads(line) for line in lines((DELIVERED[0], later))]
    assert (told[0]["attempt"], told[0]["status"]) == (2, "pending")
    assert (told[0]["AttemptsFailed"], told[0]["Retries"]) == (1, 1)
    assert "Delivered" not in told[0]


def test_counts_are_added_up_and_trouble_has_its_request_id(lines: Any) -> None:
    refused = (
        "request.refused",
        {"code": "stale_timestamp", "skew_seconds": -400, "verified": True},
    )
    told = [json.loads(line) for line in lines(refused, refused)]
    assert told[0]["request_id"] == Context.aws_request_id
    by_code = next(line for line in told if line.get("code") and "_aws" in line)
    in_all = next(line for line in told if "_aws" in line and "code" not in line)
    assert by_code["Refused"] == in_all["Refused"] == 2
    assert in_all["ClockSkew"] == [-400, -400]


def test_an_exception_leaves_its_name_and_nothing_else(
    capfd: pytest.CaptureFixture[str],
) -> None:
    @observed
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        raise ValueError("hello from +15550100")

    with pytest.raises(InvocationFailed) as failed:
        handler({}, Context())
    (line,) = capfd.readouterr().out.splitlines()
    assert json.loads(line)["cause"] == str(failed.value) == "ValueError"
    assert "+15550100" not in line + repr(failed.value)
    assert failed.value.__suppress_context__


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"status": "delivered", "attempt": 1, "answer": "200"}, set()),
        ({"attempt": 2}, {"attempt"}),
    ],
)
def test_what_is_usual_of_an_attempt_is_left_off(fields: dict[str, object], left: set[str]) -> None:
    told = measures.said("delivery.attempted", fields)
    assert told.keys() == left


def test_what_is_measured_instead_of_told_is_the_age_of_a_delivery(lines: Any) -> None:
    (line,) = map(json.loads, lines(DELIVERED))
    assert (line["Delivered"], "age_seconds" in line) == (0.231, False)
    swept, *_ = map(json.loads, lines(("sweep.done", {"hints": 3, "oldest_seconds": 7.0})))
    assert (swept["hints"], swept["Swept"]) == (3, 3)


def test_a_hundred_values_of_a_metric_are_no_more_than_fit_a_line(lines: Any) -> None:
    skewed = (ACCEPTED[0], ACCEPTED[1] | {"skew_seconds": 100.0})
    *_, metrics = map(json.loads, lines(*[skewed] * 100))
    assert len(metrics["ClockSkew"]) == 99


def test_an_accepted_event_is_measured_by_how_long_its_sender_waited(
    lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([100.0, 100.0125])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now, 0.0))
    (line,) = map(json.loads, lines(ACCEPTED))
    assert line["Accepted"] == 0.013


def test_a_failure_is_told_by_its_five_innermost_places(capfd: pytest.CaptureFixture[str]) -> None:
    def fall(deep: int) -> None:
        if deep == 0:
            raise ValueError
        fall(deep - 1)

    @observed
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        fall(event["deep"])
        return {}

    for deep in (1, 9):
        with pytest.raises(InvocationFailed):
            handler({"deep": deep}, Context())
    short, long = (json.loads(line)["places"] for line in capfd.readouterr().out.splitlines())
    assert [place.partition(":")[0] for place in short] == ["invoke", "handler", "fall", "fall"]
    assert [place.partition(":")[0] for place in long] == ["fall"] * 5
    assert long[-1] == short[-1]
