"""Lines that a stranger can cause are sampled; metrics count all, and what was left out is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from spectrum_forwarder import observability
from spectrum_forwarder.observability import SAMPLED_LINES, SAMPLED_SECONDS, Teller

from tests.support.in_memory.clock import ManualClock

REFUSED = {"code": "missing_headers", "body_bytes": 2}


class Instance:
    """An instance of a function: its teller, its clock, and what it has printed."""

    def __init__(self, printed: pytest.CaptureFixture[str]) -> None:
        self.clock = ManualClock()
        self.teller = Teller(self.clock)
        self.logged: list[dict[str, Any]] = []
        self._printed = printed

    def invoke(self, name: str = "request.refused", **fields: object) -> None:
        """One invocation with one fact."""
        self.teller.begin("request-1")
        self.teller.fact(name, **(fields or REFUSED))
        self.teller.end()

    def lines(self) -> list[dict[str, Any]]:
        """All lines so far, those of metrics included."""
        self.logged += [json.loads(line) for line in self._printed.readouterr().out.splitlines()]
        return self.logged

    def told(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line.get("message") == name]

    def counted(self) -> float:
        """What the metric of all refusals comes to."""
        return float(sum(line.get("Refused", 0) for line in self.lines() if "code" not in line))


@pytest.fixture
def instance(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Instance]:
    instance = Instance(capsys)
    monkeypatch.setattr(observability, "_log", instance.logged.append)
    yield instance


def test_a_flood_of_refusals_writes_so_many_lines_a_minute_and_counts_all(
    instance: Instance,
) -> None:
    for _ in range(SAMPLED_LINES * 10):
        instance.invoke()
    assert len(instance.told("request.refused")) == SAMPLED_LINES
    assert instance.counted() == SAMPLED_LINES * 10
    assert instance.told("lines.left_out") == []


def test_what_was_left_out_is_told_when_its_minute_is_over_whatever_comes_next(
    instance: Instance,
) -> None:
    for _ in range(SAMPLED_LINES + 7):
        instance.invoke()
    instance.clock.advance(SAMPLED_SECONDS)
    instance.invoke("event.accepted", event_key="main:1")
    (told,) = instance.told("lines.left_out")
    assert (told["fact"], told["lines"], told["level"]) == ("request.refused", 7, "WARNING")
    assert len(instance.told("event.accepted")) == 1
    instance.clock.advance(SAMPLED_SECONDS)
    instance.invoke("event.accepted", event_key="main:2")
    assert len(instance.told("lines.left_out")) == 1


def test_a_minute_is_over_a_minute_after_its_first_line(instance: Instance) -> None:
    instance.invoke()
    instance.clock.advance(SAMPLED_SECONDS / 2)
    for _ in range(SAMPLED_LINES):
        instance.invoke()
    for later, told in ((SAMPLED_SECONDS / 2 - 0.25, 0), (0.25, 1)):
        instance.clock.advance(later)
        instance.invoke("event.accepted", event_key="main:1")
        assert len(instance.told("lines.left_out")) == told


def test_each_minute_has_lines_of_its_own(instance: Instance) -> None:
    for _ in range(3):
        for _ in range(SAMPLED_LINES + 1):
            instance.invoke()
        instance.clock.advance(SAMPLED_SECONDS)
    assert len(instance.told("request.refused")) == 3 * SAMPLED_LINES
    assert [line["lines"] for line in instance.told("lines.left_out")] == [1, 1]


def test_a_few_refusals_are_all_told(instance: Instance) -> None:
    for _ in range(SAMPLED_LINES):
        instance.invoke()
        instance.clock.advance(0.5)
    assert len(instance.told("request.refused")) == SAMPLED_LINES
    instance.clock.advance(SAMPLED_SECONDS)
    instance.invoke("event.accepted", event_key="main:1")
    assert instance.told("lines.left_out") == []


@pytest.mark.parametrize("name", ["hint.failed", "receive.failed", "registry.unread"])
def test_a_fault_of_ours_is_never_left_out(instance: Instance, name: str) -> None:
    for _ in range(SAMPLED_LINES * 2):
        instance.invoke(name, cause="down", code="internal_error")
    assert len(instance.told(name)) == SAMPLED_LINES * 2


def test_the_first_line_alone_is_held_back_for_the_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the second one on each is printed as it is told: what ends a worker loses none."""
    printed: list[object] = []
    monkeypatch.setattr(observability, "_log", printed.append)
    teller = observability.Teller()
    teller.begin(None)
    counts = []
    for _ in range(4):
        teller.fact("hint.failed", event_key="main:1", cause="down")
        counts.append(len(printed))
    assert counts == [0, 2, 3, 4]
