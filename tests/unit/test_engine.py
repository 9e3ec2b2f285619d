"""An engine without a network: what is begun, waited for and given up while libcurl is driven."""

from collections.abc import Callable
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pycurl  # type: ignore[import-untyped]
import pytest
from spectrum_forwarder.adapters.kinds.http import engine as module
from spectrum_forwarder.adapters.kinds.http.engine import Batch, Engine
from spectrum_forwarder.adapters.kinds.http.headers import Unsendable
from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer
from spectrum_forwarder.domain.outbound import Attempt

from tests.support.make import NOW

FINE = Answer(status=200)
TIMED_OUT = pycurl.E_OPERATION_TIMEDOUT


MADE: list["Made"] = []


class Made:
    """An exchange that goes as a test says."""

    def __init__(self, **_: object) -> None:
        self.curl = self
        self.attempt: Attempt | None = None
        self.answered_at: float | None = None
        self.tried_address = self.looked_up = False
        self.socket = -1
        self.closed = False
        MADE.append(self)

    def begin(self, attempt: Attempt, *, anew: bool) -> None:
        if "bad" in attempt.headers:
            raise Unsendable("invalid_header")
        self.attempt, self.answered_at = attempt, None
        self.tried_address = self.looked_up = False

    def end(self, code: int) -> Answer:
        self.attempt = None
        return Answer(error=str(code)) if code else FINE

    def close(self) -> None:
        self.closed = True


class Bench:
    """An engine on a multi handle of which each turn is a step; after these all ends well."""

    def __init__(self, concurrency: int) -> None:
        self.now = 1000.0
        self.steps: list[Callable[[], None]] = []
        self.waits: list[float] = []
        self.told: dict[int, int] = {}
        self.adds: list[str] = []
        self.most = 0
        self.timeout_ms = -1
        self.over: list[tuple[Any, int]] = []
        self.handles: dict[Made, None] = {}
        self.batch = Batch(SimpleQueue())
        self.concurrency = concurrency

    # ---- What libcurl's multi handle does ----

    def close(self) -> None:
        self.is_closed = True

    def setopt(self, option: int, value: int) -> None:
        self.told[option] = value

    def add_handle(self, curl: Made) -> None:
        self.handles[curl] = None
        self.most = max(self.most, len(self.handles))

    def remove_handle(self, curl: Made) -> None:
        del self.handles[curl]

    def perform(self) -> None:
        if self.steps:
            self.steps.pop(0)()
        else:
            self.end()

    def info_read(self) -> tuple[int, list[Any], list[tuple[Any, int, str]]]:
        """One at a time."""
        if not self.over:
            return 0, [], []
        curl, code = self.over.pop(0)
        failed = [(curl, code, "why")] if code else []
        return len(self.over), [] if code else [curl], failed

    def fdset(self) -> tuple[list[int], list[int], list[int]]:
        return [], [], []

    def timeout(self) -> int:
        return self.timeout_ms

    # ---- What a test does ----

    @property
    def exchanges(self) -> list[Made]:
        return list(self.handles)

    def end(self, code: int = 0) -> None:
        """All that is under way ends."""
        self.over += [(exchange.curl, code) for exchange in self.exchanges]

    def drive(self, *attempts: Attempt, complete: bool = True) -> list[tuple[str, Answer]]:
        """What became of the attempts, by event, in the order of the outcomes."""
        self.batch.waiting.extend(attempts)
        if complete:
            self.batch.complete.set()
        self.engine = Engine("/ca.pem", False, self.concurrency, lambda: NOW)
        self.engine.drive(self.batch)
        self.used_at = self.engine.used_at
        found: list[tuple[str, Answer]] = []
        while not self.batch.outcomes.empty():
            outcome = self.batch.outcomes.get()
            assert isinstance(outcome, tuple)
            found.append((outcome[0].event_key, outcome[1]))
        return found


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """An engine for two exchanges at once."""
    made = Bench(concurrency=2)
    monkeypatch.setattr(module, "Exchange", Made)
    monkeypatch.setattr(pycurl, "CurlMulti", lambda: made)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: made.now))
    waits = SimpleNamespace(select=lambda *given: made.waits.append(given[3]))
    monkeypatch.setattr(module, "select", waits)
    return made


def attempt(
    name: str, *, host: str | None = None, begin_by: float = NOW + 1, bad: bool = False
) -> Attempt:
    url = f"https://{host or name}.example.com/"
    return Attempt(name, "crm", url, {"bad": "1"} if bad else {}, b"{}", 5.0, begin_by)


def test_some_are_sent_before_the_others_are_begun(bench: Bench) -> None:
    """What is sent first is answered first, and seen to while the others are on their way."""
    bench.concurrency = 100
    under_way: list[int] = []
    bench.steps = [lambda: under_way.append(len(bench.handles))] * 4
    assert len(bench.drive(*[attempt(str(number)) for number in range(25)])) == 25
    assert under_way == [10, 20, 25, 25]
    # As long as more wait that have room, nothing else is waited for.
    assert len(bench.waits) == 2


def test_no_more_is_under_way_than_there_is_room_for(bench: Bench) -> None:
    assert bench.drive(*map(attempt, "abc")) == [("a", FINE), ("b", FINE), ("c", FINE)]
    assert bench.most == 2
    assert bench.handles == {}
    assert bench.used_at == NOW
    assert bench.told == {pycurl.M_MAXCONNECTS: 2}


def test_what_cannot_begin_in_time_is_not_begun(bench: Bench) -> None:
    attempts = (attempt("late", begin_by=NOW), attempt("just", begin_by=NOW + 0.25))
    assert bench.drive(*attempts) == [("late", NOT_STARTED), ("just", FINE)]


def test_what_cannot_be_said_in_http_fails_and_whoever_waited_for_its_name_begins(
    bench: Bench,
) -> None:
    bad, good = attempt("bad", host="one", bad=True), attempt("good", host="one")
    found = bench.drive(bad, good)
    assert found == [("bad", Answer(error="invalid_header")), ("good", FINE)]


def test_one_looks_a_name_up_for_all_who_fail_as_it_does(bench: Bench) -> None:
    bench.steps = [lambda: bench.end(TIMED_OUT)]
    found = bench.drive(*(attempt(name, host="one") for name in "abc"))
    assert found == [(name, Answer(error=str(TIMED_OUT))) for name in "abc"]
    assert bench.most == 1


def test_who_waits_for_a_name_begins_once_an_address_is_tried(bench: Bench) -> None:
    def fail_at_an_address() -> None:
        bench.exchanges[0].tried_address = True
        bench.end(TIMED_OUT)

    bench.steps = [fail_at_an_address]
    found = bench.drive(*(attempt(name, host="one") for name in "ab"))
    assert found == [("a", Answer(error=str(TIMED_OUT))), ("b", FINE)]


def test_who_waits_for_a_name_begins_as_soon_as_it_is_known(bench: Bench) -> None:
    def know() -> None:
        bench.exchanges[0].looked_up = True

    bench.steps = [lambda: None, know, lambda: None]
    assert len(bench.drive(*(attempt(name, host="one") for name in "ab"))) == 2
    assert bench.most == 2


def test_all_that_is_over_is_heard_of_at_once(bench: Bench) -> None:
    def end_each_its_way() -> None:
        one, other = bench.exchanges
        bench.over = [(one.curl, TIMED_OUT), (other.curl, 0)]

    bench.steps = [end_each_its_way]
    found = bench.drive(*map(attempt, "ab"))
    assert sorted(found) == [("a", Answer(error=str(TIMED_OUT))), ("b", FINE)]
    assert bench.waits == []


def test_a_body_that_drags_on_for_a_second_is_not_waited_for(bench: Bench) -> None:
    one, other = map(attempt, "ab")

    def answer() -> None:
        bench.exchanges[0].answered_at = bench.now

    def after_a_second() -> None:
        bench.now += 1.0

    def a_little_later() -> None:
        assert len(bench.exchanges) == 2
        bench.now += 0.001

    def one_is_left() -> None:
        assert [left.attempt for left in bench.exchanges] == [other]

    bench.steps = [answer, after_a_second, a_little_later, one_is_left]
    assert bench.drive(one, other) == [("a", FINE), ("b", FINE)]


@pytest.mark.parametrize(
    ("timeout_ms", "complete", "wait"),
    [(-1, True, 0.1), (0, True, 0.0), (50, True, 0.05), (500, True, 0.1), (-1, False, 0.001)],
)
def test_for_how_long_it_is_waited_in_one_go(
    bench: Bench, timeout_ms: int, complete: bool, wait: float
) -> None:
    bench.timeout_ms = timeout_ms
    bench.steps = [lambda: None, bench.batch.complete.set]
    assert bench.drive(attempt("a"), complete=complete) == [("a", FINE)]
    assert bench.waits[0] == pytest.approx(wait)


def test_what_is_stopped_lets_go_of_what_is_under_way(bench: Bench) -> None:
    bench.steps = [bench.batch.stopped.set]
    bench.drive(*map(attempt, "abc"))
    assert (bench.handles, bench.exchanges, len(bench.batch.waiting)) == ({}, [], 1)


def test_what_is_closed_frees_all_handles(bench: Bench) -> None:
    MADE.clear()
    bench.drive(*map(attempt, "ab"))
    bench.engine.close()
    assert [exchange.closed for exchange in MADE] == [True, True]
    assert bench.is_closed


def test_what_is_closed_in_the_midst_frees_what_is_under_way_as_well(bench: Bench) -> None:
    MADE.clear()

    def fail() -> None:
        raise ArithmeticError

    bench.steps = [fail]
    with pytest.raises(ArithmeticError):
        bench.drive(*map(attempt, "ab"))
    bench.engine.close()
    assert (bench.handles, [exchange.closed for exchange in MADE]) == ({}, [True, True])
