"""What each refusal is counted as: no code is watched by nobody, and none hides another."""

from __future__ import annotations

import pytest
from spectrum_forwarder.domain.errors import (
    NoSecretForScheme,
    Refused,
    UnknownWebhook,
    UnnamedWebhook,
    refusals,
)
from spectrum_forwarder.domain.inbound import INTERNAL_ERROR
from spectrum_forwarder.measures import MEASURES, STATUSES

CLASSES = {400: "Malformed", 401: "Unproved", 503: "OwnFaults"}


def counted(fact: str, code: str) -> dict[str, str | None]:
    """The metrics of such a fact, with the dimension of each."""
    fields = {"code": code}
    return {m.metric: m.by for m in MEASURES[fact] if m.takes(fields)}


@pytest.mark.parametrize("kind", list(refusals()), ids=lambda kind: str(kind.__name__))
def test_each_code_is_watched_among_those_that_mean_the_same(kind: type[Refused]) -> None:
    watched = counted("request.refused", kind.code).keys() & CLASSES.values()
    by_anybody = {UnknownWebhook: set(), UnnamedWebhook: {"Malformed"}}
    expected = by_anybody.get(kind, {CLASSES[kind.status]})
    assert watched == expected


def test_an_unknown_webhook_which_anybody_can_name_is_none_of_our_faults() -> None:
    assert counted("request.refused", UnknownWebhook.code) == {"Refused": "code"}


def test_a_mistake_of_ours_is_watched_by_its_code() -> None:
    assert counted("receive.failed", INTERNAL_ERROR)["OwnFaults"] == "code"


def test_a_code_that_nobody_has_classed_is_not_passed_over() -> None:
    assert "OwnFaults" in counted("request.refused", "brand_new")


def test_only_a_probe_is_no_fault_where_a_secret_is_lacking() -> None:
    (own,) = (m for m in MEASURES["request.refused"] if m.metric == "OwnFaults")
    lacking = {"code": NoSecretForScheme.code}
    assert own.takes(lacking)
    assert not own.takes(lacking | {"probe": True})
    assert own.takes({"code": "secrets_unavailable", "probe": True})


# Each metric is paid for by itself: what no alarm looks at as a whole is published by its dimension
# alone.
ALSO_AS_A_WHOLE = {"Refused", "DeadLettered", "Removed"}


def test_what_has_a_dimension_is_published_without_it_only_where_an_alarm_looks_at_it() -> None:
    measures = [measure for kinds in MEASURES.values() for measure in kinds]
    parted = {measure.metric for measure in measures if measure.by and measure.summed}
    assert parted == ALSO_AS_A_WHOLE
    assert all(measure.summed for measure in measures if not measure.by)


def test_only_the_age_of_what_is_delivered_stands_in_its_fields_place() -> None:
    measures = [measure for kinds in MEASURES.values() for measure in kinds]
    assert [each.metric for each in measures if each.replaces] == ["Delivered"]


@pytest.mark.parametrize(("status", "watched"), [(499, False), (500, True), (503, True)])
def test_what_is_answered_with_500_and_more_is_a_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch, status: int, watched: bool
) -> None:
    monkeypatch.setitem(STATUSES, "some", status)
    assert ("OwnFaults" in counted("request.refused", "some")) == watched
