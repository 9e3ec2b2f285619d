"""What a run of the stack prints, against what dashboard and alarms look at, and canaries.

The comparison goes both ways: what is looked at is printed, and what is printed is looked at.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from spectrum_forwarder.measures import MEASURES, READ_OFF, TIMED

from tests.support.burst import Burst, run_burst
from tests.support.canaries import CANARIES

# A metric's name, and the names of its dimensions.
Looked = tuple[str, frozenset[str]]
SEARCH = re.compile(r"""SEARCH\('\{"([^"]+)",(\w+)\} MetricName="(\w+)"', '(\w+)', \d+\)""")
QUERY = re.compile(
    r"""SELECT (?P<function>SUM|MAX)\((?P<metric>\w+)\) """
    r"""FROM SCHEMA\("(?P<namespace>[^"]+)", (?P<dimension>\w+)\) """
    r"""GROUP BY (?P=dimension) ORDER BY (?P=function)\(\) DESC"""
)
# The scheduled look at registrations is off unless it is asked for: tests/functional has it.
EVERY_METRIC = {
    measure.metric
    for fact, measures in MEASURES.items()
    for measure in measures
    if not fact.startswith("registration")
} | set(TIMED.values())


@pytest.fixture(scope="module")
def burst() -> Burst:
    return run_burst(lambda burst: sorted(EVERY_METRIC - burst.metrics()))


def printed(burst: Burst) -> set[Looked]:
    return {
        (metric["Name"], frozenset(dimensions))
        for line in burst.documents()
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
        for dimensions in directive["Dimensions"]
    }


def read_off(burst: Burst) -> set[Looked]:
    """What metric filters make: of the endpoint's log, where nothing of ours runs, and of lines."""
    made = [made for filtered in burst.filters for made in filtered["metricTransformations"]]
    assert {one["metricNamespace"] for one in made} == {burst.namespace}
    return {(one["metricName"], frozenset(one.get("dimensions", ()))) for one in made}


def on_dashboard(burst: Burst) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Namespace, metric and dimensions of everything that a widget shows."""
    for widget in burst.dashboard["widgets"]:
        for entry in widget["properties"].get("metrics", []):
            if isinstance(entry[0], dict):
                found = SEARCH.fullmatch(entry[0]["expression"])
                assert found is not None, entry
                yield found[1], found[3], frozenset({found[2]})
            else:
                namespace, name, *rest = [part for part in entry if isinstance(part, str)]
                yield namespace, name, frozenset(rest[::2])


def in_alarms(burst: Burst) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, metric and dimensions, with their values, of all that alarms look at.

    An alarm of a query looks at every value of its dimension, which is empty here.
    """
    for alarm in burst.alarms:
        queries = [part.get("Expression", "") for part in alarm["Metrics"]]
        if queries and queries[0].startswith("SELECT"):
            found = QUERY.fullmatch(queries[0])
            assert found is not None, queries[0]
            yield found["namespace"], found["metric"], {found["dimension"]: ""}
            continue
        parts = [part["MetricStat"]["Metric"] for part in alarm["Metrics"] if "MetricStat" in part]
        for metric in parts or [alarm]:
            values = {d["Name"]: d["Value"] for d in metric.get("Dimensions", [])}
            yield metric["Namespace"], metric["MetricName"], values


def test_everything_that_is_measured_happens(burst: Burst) -> None:
    assert EVERY_METRIC - burst.metrics() == set()


def test_dashboard_and_alarms_look_at_what_is_printed_and_at_all_of_it(burst: Burst) -> None:
    looked = {(name, dims) for space, name, dims in on_dashboard(burst) if space == burst.namespace}
    alarmed = {
        (name, frozenset(values))
        for space, name, values in in_alarms(burst)
        if space == burst.namespace
    }
    assert looked | alarmed == printed(burst) | read_off(burst)
    # A person sees on the dashboard whatever can raise an alarm, be it in parts.
    assert {name for name, _ in alarmed} <= {name for name, _ in looked}


def test_what_is_read_off_a_line_is_measured_once(burst: Burst) -> None:
    assert {one.metric for one in burst.read_off} == READ_OFF
    assert READ_OFF.isdisjoint(name for name, _ in printed(burst))
    told = [json.loads(line) for _, line in burst.lines]
    accepted = [line for line in told if line.get("message") in TIMED]
    attempted = [line for line in told if line.get("message") == "delivery.attempted"]
    # Of what was delivered the line says no status.
    delivered = Counter(line["destination"] for line in attempted if "status" not in line)
    measured = Counter(dict(one.dimensions).get("destination", "") for one in burst.read_off)
    assert measured == {"": len(accepted), **delivered}
    assert {"steady", "flaky"} <= delivered.keys()
    assert all(0 < one.value < 600 for one in burst.read_off)


def test_values_that_alarms_wait_for_are_values_that_are_printed(burst: Burst) -> None:
    documents = burst.documents()
    waited = [values for space, _, values in in_alarms(burst) if space == burst.namespace]
    assert {"code": "unknown_webhook"} in waited
    for values in waited:
        if "" in values.values():
            continue
        assert any(values.items() <= document.items() for document in documents), values


def test_metrics_of_aws_are_those_that_the_services_publish(burst: Burst) -> None:
    known = {
        "AWS/ApiGateway": ({"4xx", "5xx", "Count", "Latency"}, {"ApiId"}),
        "AWS/Lambda": ({"Duration", "Errors", "Throttles"}, {"FunctionName"}),
        "AWS/SQS": (
            {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
            {"QueueName"},
        ),
    }
    others = [x for x in on_dashboard(burst) if x[0] != burst.namespace]
    others += [(s, n, frozenset(v)) for s, n, v in in_alarms(burst) if s != burst.namespace]
    for namespace, name, dimensions in others:
        names, expected = known[namespace]
        assert name in names
        assert dimensions == expected


def test_every_line_is_one_json_object(burst: Burst) -> None:
    for source, line in burst.lines:
        content: Any = json.loads(line)
        assert isinstance(content, dict), (source, line)


def test_what_a_failing_answer_said_is_kept_without_secrets_and_printed_nowhere(
    burst: Burst,
) -> None:
    said = "\n".join(burst.said)
    assert "503 Service Unavailable" in said
    hidden = set(CANARIES) - {"text", "name"}  # which stand in the event's body as well
    assert not any(CANARIES[name] in said for name in hidden)
    assert not any(signature in said for signature in burst.signatures)
    assert "Service Unavailable" not in "\n".join(line for _, line in burst.lines)


def test_no_line_holds_what_an_event_a_secret_or_a_signature_holds(burst: Burst) -> None:
    text = "\n".join(line for _, line in burst.lines)
    assert "invocation.failed" in text
    assert "receive.failed" in text
    assert "record.unreadable" in text
    for what, canary in CANARIES.items():
        assert canary not in text, what
    assert burst.signatures
    for signature in burst.signatures:
        assert signature[5:40] not in text
