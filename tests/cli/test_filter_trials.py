"""What a filter does is shown before an event meets it: at add, at set, and with --try."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from spectrum_cli.destinations.filter_trials import bodies, try_filter
from spectrum_cli.doctor.filters import filters
from spectrum_cli.doctor.model import Patient
from spectrum_cli.samples.requests import KINDS
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.verdicts import Result
from spectrum_forwarder.adapters.destination_registry import read_destination

from tests.support.stacks import STACK, Deployed, Ran, forwarder

ENTRY = {"name": "crm", "url": "https://crm.example.com/", "signing_secret": "5e" * 32}
# Both of the issue: an attachment has no text, and "text" is a field.
FAILS_ON_ATTACHMENTS = "contains(message.content.text, 'order')"
TAKES_NOTHING = 'message.content.type == "text"'
GUARDED = "message.content.type == 'text' && contains(message.content.text, 'dinner')"


@pytest.fixture
def entries(stack: Deployed) -> Callable[[], list[dict[str, Any]]]:
    """Reads the entries that are stored; there are none at first."""
    stack.write_destinations()
    return stack.destinations


def add(*options: str) -> Ran:
    return forwarder("destinations", "add", "crm", "https://crm.example.com/", *options)


def tried(*options: str) -> Ran:
    return forwarder("destinations", "filter", "crm", "--try", *options)


def warnings(ran: Ran) -> list[str]:
    return [line for line in ran.err.splitlines() if line.startswith("warning: ")]


def test_a_filter_that_fails_on_attachments_is_said_to_when_it_is_written(entries: Any) -> None:
    ran = add("--filter", FAILS_ON_ATTACHMENTS)
    assert ran.status == 0
    (failed,) = [w for w in warnings(ran) if "fails on" in w]
    assert "delivered all the same" in failed
    assert "--on-filter-error skip" in failed
    (attached,) = [x for x in ran.err.splitlines() if "attachment," in x and "received" in x]
    assert attached.startswith("  failed, so taken: In function contains(), invalid type")


def test_a_name_in_double_quotes_is_said_to_be_a_field_when_it_is_written(entries: Any) -> None:
    add()
    ran = forwarder("destinations", "set", "crm", "--filter", TAKES_NOTHING)
    assert ran.status == 0
    assert entries()[0]["filter"] == TAKES_NOTHING
    field, nothing = warnings(ran)
    assert '"text" in double quotes is the field of that name' in field
    assert "write 'text'" in field
    assert "takes none of the messages" in nothing


def test_a_filter_that_works_is_shown_without_a_warning(entries: Any) -> None:
    ran = add("--filter", GUARDED)
    assert warnings(ran) == []
    lines = ran.err.splitlines()
    (taken,) = [line for line in lines if line.startswith("  taken: ")]
    assert {"text", "vcard"} & set(taken.removeprefix("  taken: ").split(", ")) == {"text"}
    assert any(line.startswith("  not taken: attachment,") for line in lines)
    assert any("the body is no JSON: protobuf, not_json, not_utf8" in line for line in lines)


def test_set_tries_nothing_where_the_filter_stays(entries: Any) -> None:
    add("--filter", GUARDED)
    assert "sample" not in forwarder("destinations", "set", "crm", "--timeout", "5").err


def test_programs_get_what_it_does_to_each_sample(entries: Any) -> None:
    told = add("--filter", FAILS_ON_ATTACHMENTS, "--on-filter-error", "skip", "--json").json
    found = {one["sample"]: one for one in told["filter_tried"]["samples"]}
    assert set(KINDS) < set(found)
    assert found["attachment"]["filter"] == "failed"
    assert found["attachment"]["taken"] is False
    assert "null" in found["attachment"]["why"]
    assert found["text"] == {"sample": "text", "filter": "not taken", "taken": False, "why": None}
    assert told["on_filter_error"] == "skip" == entries()[0]["on_filter_error"]


def test_try_shows_each_sample_and_ends_with_1_where_it_fails_on_some(entries: Any) -> None:
    add("--filter", FAILS_ON_ATTACHMENTS)
    ran = tried()
    assert ran.status == 1
    rows = {line.split("  ")[0].strip(): line for line in ran.lines[1:]}
    assert set(rows) == {name for name, _ in bodies()}
    assert "failed, so taken" in rows["attachment"]
    assert "not taken" in rows["text (slack)"]


def test_another_filter_is_tried_and_nothing_is_changed(entries: Any) -> None:
    add("--filter", FAILS_ON_ATTACHMENTS)
    before = entries()
    assert tried("--filter", GUARDED).status == 0
    assert tried("--only", "messages").status == 0
    ran = tried("--on-filter-error", "skip")
    assert (ran.status, "failed, so not taken" in ran.out) == (1, True)
    assert tried("--filter", TAKES_NOTHING, "--json").status == 1
    assert entries() == before
    # Without --try it would look like a change.
    assert forwarder("destinations", "filter", "crm", "--filter", GUARDED).status == 2


def test_the_filter_alone_is_shown_so_that_it_can_be_copied(entries: Any) -> None:
    add("--filter", GUARDED)
    assert forwarder("destinations", "filter", "crm").out == GUARDED + "\n"
    forwarder("destinations", "set", "crm", "--filter", "")
    ran = tried()
    assert (ran.status, ran.out) == (0, "")
    assert "gets every event" in ran.err
    assert forwarder("destinations", "filter", "erp").status == 2


def test_a_filter_too_deep_to_be_evaluated_is_not_written(entries: Any) -> None:
    ran = add("--filter", "||".join(["event"] * 496))
    assert (ran.status, entries()) == (2, [])
    assert "more than can be evaluated" in ran.err


# ---- doctor -------------------------------------------------------------------------------------


def looked_at(stack: Deployed, now: float, **entry: object) -> list[Result]:
    target = Target(STACK, STACK, stack.outputs, False, 1.0, stack.client)
    patient = Patient(target, None, None, None, None, lambda: now, lambda _: None)  # type: ignore[arg-type]
    crm = read_destination(ENTRY | entry)
    return list(filters(patient, {"crm": crm}, {"crm": str(entry["filter"])}))


def test_doctor_says_how_often_a_filter_could_not_be_evaluated(stack: Deployed) -> None:
    now = datetime.now(UTC)
    for name, number in (("crm", 3.0), ("crm", 4.0), ("other", 100.0)):
        stack.client("cloudwatch").put_metric_data(
            Namespace=STACK,
            MetricData=[
                {
                    "MetricName": "FiltersFailed",
                    "Dimensions": [{"Name": "destination", "Value": name}],
                    "Timestamp": now,
                    "Value": number,
                }
            ],
        )
    (result,) = looked_at(stack, now.timestamp(), filter=GUARDED)
    assert result.verdict.value == "warning"
    assert "could not be evaluated on 7 events since yesterday: they were delivered" in result.said
    assert "filter crm --try" in result.next_step
    (result,) = looked_at(stack, now.timestamp(), filter=GUARDED, on_filter_error="skip")
    assert "they were left out" in result.said
    (result,) = looked_at(stack, now.timestamp() - 3 * 86_400, filter=GUARDED)
    assert result.verdict.value == "ok"


def test_doctor_says_what_is_odd_about_a_filter(stack: Deployed) -> None:
    now = datetime.now(UTC).timestamp() - 3 * 86_400
    (result,) = looked_at(stack, now, filter=TAKES_NOTHING)
    assert (result.verdict.value, "double quotes" in result.said) == ("warning", True)
    (result,) = looked_at(stack, now, filter=FAILS_ON_ATTACHMENTS)
    assert (result.verdict.value, "fails on" in result.said) == ("warning", True)


def test_every_sample_is_tried_by_its_name_once() -> None:
    names = [name for name, _ in bodies()]
    assert len(names) == len(set(names))
    crm = read_destination(ENTRY | {"filter": "event"})
    assert [trial.sample for trial in try_filter(crm, "event").trials] == names
