"""Alarms, saved queries and what can be reached from outside, as the translated template has it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from spectrum_cli.local.template import Template

from tests.template.conftest import TEMPLATE, Properties, resolved_by
from tests.template.translated import load

RUNBOOK = (TEMPLATE.parent / "docs" / "operations.md").read_text(encoding="utf-8")
EVERYTHING = load(
    TEMPLATE, {"SilenceMinutes": "60", "AlarmEmail": "a@example.com", "WatchRegistrations": "yes"}
)
ALARMS = [n for n, r in EVERYTHING.resources.items() if r.type == "AWS::CloudWatch::Alarm"]
WATCHED_FOR_SILENCE = {"SweeperStoppedAlarm", "SilenceAlarm"}

# The rows of the vendor's troubleshooting page that the log can explain.
SYMPTOMS = {
    "Every request fails verification",
    "Most verify and some fail",
    "I never receive anything",
    "Every delivery is dropped at once",
    "Duplicates",
    "Deliveries time out",
    "The signing secret leaked",
    "What did you send me",
    "Still stuck",
}


@pytest.fixture
def everything() -> Template:
    return EVERYTHING


@pytest.fixture(scope="module")
def properties() -> Properties:
    return resolved_by(EVERYTHING)


@pytest.mark.parametrize("alarm", ALARMS)
def test_alarm_is_heard_and_says_what_to_run(alarm: str, properties: Properties) -> None:
    found = properties(alarm)
    assert found["AlarmActions"] == ["AlarmTopic"]
    assert re.search(r"`forwarder [a-z]+", found["AlarmDescription"])
    assert "spectrum-forwarder" in found["AlarmDescription"]
    assert len(found["AlarmDescription"]) <= 1024


@pytest.mark.parametrize("alarm", ALARMS)
def test_alarm_has_its_section_in_the_runbook(alarm: str) -> None:
    sections = re.split(r"^## ", RUNBOOK, flags=re.M)
    (section,) = [text for text in sections if text.startswith(f"{alarm}\n")]
    for question in ("**What it means.**", "**What to do.**"):
        assert question in section


def test_the_runbook_has_no_section_for_an_alarm_that_is_gone() -> None:
    assert set(re.findall(r"^## (\w+Alarm)$", RUNBOOK, flags=re.M)) == set(ALARMS)


def test_no_data_is_an_alarm_where_silence_is_the_trouble(everything: Template) -> None:
    properties = resolved_by(everything)
    alarms = [name for name in ALARMS if name in everything.resources]
    treated = {name: properties(name)["TreatMissingData"] for name in alarms}
    breaching = {name for name, treatment in treated.items() if treatment == "breaching"}
    assert breaching == WATCHED_FOR_SILENCE & set(alarms)


@pytest.mark.parametrize(
    ("alarm", "metric", "dimension"),
    [
        ("SignaturesRefusedAlarm", "SUM(Unproved)", "code"),
        ("RequestsRefusedAlarm", "SUM(Malformed)", "code"),
        ("EndpointErrorsAlarm", "SUM(OwnFaults)", "code"),
        ("GatewayAnsweredAlarm", "SUM(GatewayAnswered)", "status"),
        ("RegistrationsAlarm", "SUM(RegistrationTrouble)", "trouble"),
        ("BreakerOpenAlarm", "MAX(BreakerOpen)", "destination"),
        ("LineStandsAlarm", "MAX(LineStands)", "destination"),
    ],
)
def test_each_series_raises_the_alarm_by_itself(
    alarm: str, metric: str, dimension: str, everything: Template
) -> None:
    """What goes on for ever in one of them must not hide that another begins."""
    (query,) = resolved_by(everything)(alarm)["Metrics"]
    function = metric.partition("(")[0]
    assert query["Expression"] == (
        f'SELECT {metric} FROM SCHEMA("spectrum-forwarder", {dimension}) '
        f"GROUP BY {dimension} ORDER BY {function}() DESC"
    )
    assert query["Period"] % 60 == 0


def metrics_of(alarm: Mapping[str, Any]) -> set[str]:
    """What an alarm looks at, by name."""
    parts = [
        part["MetricStat"]["Metric"] for part in alarm.get("Metrics", []) if "MetricStat" in part
    ]
    queries = [part["Expression"] for part in alarm.get("Metrics", []) if "Expression" in part]
    found = {part["MetricName"] for part in [*parts, alarm] if "MetricName" in part}
    return found | {
        name for query in queries for name in re.findall(r"(?:SUM|MAX)\((\w+)\)", query)
    }


def test_no_alarm_but_its_own_is_raised_by_an_unknown_webhook(everything: Template) -> None:
    """Anybody can name a webhook that nobody knows, once a minute for ever."""
    properties = resolved_by(everything)
    alarms = [name for name in ALARMS if name in everything.resources]
    looking = [name for name in alarms if metrics_of(properties(name)) & {"5xx", "Refused"}]
    assert looking == ["UnknownWebhooksAlarm"]
    assert properties("UnknownWebhooksAlarm")["Dimensions"] == [
        {"Name": "code", "Value": "unknown_webhook"}
    ]


def test_a_receiver_that_is_throttled_is_an_alarm(everything: Template) -> None:
    parts = resolved_by(everything)("FunctionsFailAlarm")["Metrics"]
    metrics = [part["MetricStat"]["Metric"] for part in parts if "MetricStat" in part]
    throttled = [metric for metric in metrics if metric["MetricName"] == "Throttles"]
    assert [metric["Dimensions"] for metric in throttled] == [
        [{"Name": "FunctionName", "Value": "ReceiverFunction"}]
    ]


def failing_functions(template: Template) -> set[str]:
    """The functions whose errors raise the alarm: those that its expression adds up."""
    alarm = resolved_by(template)("FunctionsFailAlarm")
    (total,) = [part["Expression"] for part in alarm["Metrics"] if "Expression" in part]
    return {
        metric["Dimensions"][0]["Value"]
        for part in alarm["Metrics"]
        if "MetricStat" in part and f"FILL({part['Id']}, 0)" in total
        for metric in [part["MetricStat"]["Metric"]]
        if metric["MetricName"] == "Errors"
    }


def test_every_function_that_fails_is_an_alarm(everything: Template, template: Template) -> None:
    for one in (everything, template):
        kind = "AWS::Lambda::Function"
        assert failing_functions(one) == {n for n, r in one.resources.items() if r.type == kind}


def test_a_list_of_registrations_that_stays_unread_is_an_alarm(properties: Properties) -> None:
    """Of an hour, so that one request that Spectrum did not answer wakes nobody."""
    alarm = properties("RegistrationsUnreadAlarm")
    assert (alarm["MetricName"], alarm["Statistic"]) == ("RegistrationsUnread", "Sum")
    # Longer than the ten minutes between two checks, or a period would be empty.
    assert alarm["Period"] > 600
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 3600


def alarms_shown(template: Template) -> set[str]:
    body = resolved_by(template)("Dashboard")["DashboardBody"]
    (shown,) = [one for one in json.loads(body)["widgets"] if one["type"] == "alarm"]
    return {alarm.removesuffix(".Arn") for alarm in shown["properties"]["alarms"]}


def test_the_dashboard_shows_the_alarms_of_registrations_where_there_are_any(
    everything: Template, template: Template
) -> None:
    ours = {"RegistrationsAlarm", "RegistrationsUnreadAlarm"}
    assert alarms_shown(everything) - alarms_shown(template) == ours


def test_silence_and_e_mail_are_off_unless_a_parameter_says_otherwise(template: Template) -> None:
    assert "SilenceAlarm" not in template.resources
    assert "AlarmEmailSubscription" not in template.resources


def test_there_is_a_saved_query_for_each_symptom(properties: Properties) -> None:
    kind = "AWS::Logs::QueryDefinition"
    queries = [name for name, found in EVERYTHING.resources.items() if found.type == kind]
    names = {properties(name)["Name"].removeprefix("spectrum-forwarder/") for name in queries}
    assert names >= SYMPTOMS


def test_complaints_of_every_function_there_is_are_queried(
    everything: Template, template: Template
) -> None:
    for found in (everything, template):
        properties = resolved_by(found)
        functions = [n for n, r in found.resources.items() if r.type == "AWS::Lambda::Function"]
        logs = {properties(name)["LoggingConfig"]["LogGroup"] for name in functions}
        assert set(properties("TroubleQuery")["LogGroupNames"]) == logs
    dropped = resolved_by(everything)("DroppedQuery")
    assert dropped["LogGroupNames"] == ["RegistrationsLogGroup"]


def test_nothing_is_public_but_the_endpoint(everything: Template) -> None:
    properties = resolved_by(everything)
    found = {name: properties(name) for name in everything.resources}
    assert not any(everything.resources[name].type == "AWS::Lambda::Url" for name in found)
    callers = {entry["Principal"] for entry in found.values() if "Principal" in entry}
    assert callers == {"apigateway.amazonaws.com", "events.amazonaws.com"}
