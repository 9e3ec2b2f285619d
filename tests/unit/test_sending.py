"""Sending: each attempt goes to its carrier, and all outcomes come back, whatever happens."""

import pytest
from spectrum_forwarder.adapters.kinds import sending
from spectrum_forwarder.adapters.kinds.sending import Outcomes
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.outbound import Attempt

OK, LATE = Answer(status=200), Answer(error="timeout")


class Carrier:
    """One that answers at once, at the end, after a few looks, or fails; and what it is told."""

    def __init__(self, answers: str) -> None:
        self.answers = answers
        self.told: list[str] = []
        self.begun: list[Attempt] = []

    def open(self, outcomes: Outcomes) -> "Carrier":
        self.told.append("open")
        self.outcomes = outcomes
        return self

    def begin(self, attempt: Attempt) -> None:
        self.told.append(attempt.event_key)
        self.begun.append(attempt)
        if self.answers == "at once":
            self.outcomes.put((attempt, OK))

    def complete(self) -> None:
        self.told.append("complete")
        for attempt in self.begun if self.answers == "at the end" else ():
            self.outcomes.put((attempt, OK))
        if self.answers == "never":
            self.outcomes.put(ArithmeticError("ours"))

    def look(self) -> None:
        self.told.append("look")
        if self.told.count("look") == 3 and self.answers == "late":
            for attempt in self.begun:
                self.outcomes.put((attempt, LATE))

    def stop(self) -> None:
        self.told.append("stop")


def attempt(number: int, kind: str = "a") -> Attempt:
    return Attempt(f"main:{number}", "crm", "https://x/", {}, b"", 10.0, 0.0, kind)


@pytest.fixture(autouse=True)
def no_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "TICK_SECONDS", 0.0001)


def test_each_carrier_is_opened_once_and_told_when_that_is_all() -> None:
    carriers = {"a": Carrier("at once"), "b": Carrier("at the end")}
    attempts = [attempt(1), attempt(2, "b"), attempt(3), attempt(4, "b")]
    outcomes = list(sending.send(attempts, lambda each: carriers[each.kind]))
    assert sorted(each.event_key for each, _ in outcomes) == [f"main:{n}" for n in (1, 2, 3, 4)]
    assert carriers["a"].told == ["open", "main:1", "main:3", "complete", "stop"]
    assert carriers["b"].told == ["open", "main:2", "main:4", "complete", "stop"]


def test_while_an_outcome_is_waited_for_it_is_looked_what_has_had_its_time() -> None:
    carrier, other = Carrier("late"), Carrier("at once")
    outcomes = sending.send(
        [attempt(1), attempt(2, "b")], lambda each: carrier if each.kind == "a" else other
    )
    assert [answer for _, answer in outcomes] == [OK, LATE]
    assert carrier.told == ["open", "main:1", "complete", "look", "look", "look", "stop"]
    assert other.told == ["open", "main:2", "complete", "look", "look", "look", "stop"]


def test_a_fault_of_ours_is_raised_and_all_is_let_go() -> None:
    carrier = Carrier("never")
    with pytest.raises(ArithmeticError, match="ours"):
        list(sending.send([attempt(1)], lambda _: carrier))
    assert carrier.told[-1] == "stop"


def test_where_nothing_is_sent_nothing_is_opened() -> None:
    assert list(sending.send([], lambda _: Carrier("never"))) == []


def test_whoever_goes_away_has_all_broken_off() -> None:
    carrier = Carrier("at once")
    outcomes = sending.send([attempt(1), attempt(2)], lambda _: carrier)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert carrier.told[-1] == "stop"
