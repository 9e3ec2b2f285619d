"""Alarms, saved queries and what can be reached from outside, as the translated template has it."""

from __future__ import annotations

import re

import pytest
from spectrum_cli.local.template import Template, load

from tests.template.conftest import TEMPLATE, Properties, resolved_by

RUNBOOK = (TEMPLATE.parent / "docs" / "operations.md").read_text(encoding="utf-8")
EVERYTHING = load(TEMPLATE, {"SilenceMinutes": "60", "AlarmEmail": "a@example.com"})
ALARMS = [n for n, r in EVERYTHING.resources.items() if r.type == "AWS::CloudWatch::Alarm"]
WATCHED_FOR_SILENCE = {"SweeperStoppedAlarm", "SilenceAlarm"}

# The rows of the vendor's troubleshooting page that the log can explain.
SYMPTOMS = {
    "Every request fails verification",
    "Most verify and some fail",
    "I never receive anything",
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


def test_silence_and_e_mail_are_off_unless_a_parameter_says_otherwise(template: Template) -> None:
    assert "SilenceAlarm" not in template.resources
    assert "AlarmEmailSubscription" not in template.resources


def test_there_is_a_saved_query_for_each_symptom(properties: Properties) -> None:
    kind = "AWS::Logs::QueryDefinition"
    queries = [name for name, found in EVERYTHING.resources.items() if found.type == kind]
    names = {properties(name)["Name"].removeprefix("spectrum-forwarder/") for name in queries}
    assert names >= SYMPTOMS


def test_nothing_is_public_but_the_endpoint(everything: Template) -> None:
    properties = resolved_by(everything)
    found = {name: properties(name) for name in everything.resources}
    assert not any(everything.resources[name].type == "AWS::Lambda::Url" for name in found)
    callers = {entry["Principal"] for entry in found.values() if "Principal" in entry}
    assert callers == {"apigateway.amazonaws.com", "events.amazonaws.com"}
