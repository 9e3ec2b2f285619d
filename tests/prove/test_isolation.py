"""What a slow, a flaky and a dead destination cost a healthy one by design: next to nothing.

The use cases are the real ones, as many workers as Lambda would run live on one timeline, and no
processor is shared: what moves is moved by lanes, batches, claims and breakers alone. On the local
stack, where all share two cores, tests/hardening/test_isolation.py measures the same.
"""

import pytest
from spectrum_forwarder.fanout import decide, plan
from spectrum_forwarder.fanout.gate import Gate

from tests.prove.chats import CONVERSATIONS, Agent, Chats, Refusing
from tests.prove.conftest import Figures
from tests.prove.lives import Life, drained, p99
from tests.support.prove import LONG

EVENTS = 500 if LONG else 100


def life(*names: str) -> Life:
    return Life(*names, events=EVENTS)


def test_the_others_cost_a_healthy_destination_at_most_a_tenth(figures: Figures) -> None:
    alone = life("healthy").latencies()
    crowded = life("healthy", "flaky", "slow", "dead").latencies()
    for name, value in (("alone", p99(alone)), ("with the others", p99(crowded))):
        figures(f"isolation: p99 {name}", f"{1000 * value:.0f} ms of {EVENTS} events")
    figures("isolation: p99 moved by", f"{p99(crowded) / p99(alone) - 1:+.1%}")
    assert p99(crowded) <= 1.1 * p99(alone)


def test_without_lanes_they_would_cost_it_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: were the slow one served with all others, it would show here."""
    alone = life("healthy").latencies()
    monkeypatch.setattr(Gate, "is_slow", lambda self, destination: False)
    monkeypatch.setattr(decide, "_is_its_lane", lambda case: True)
    assert p99(life("healthy", "flaky", "slow", "dead").latencies()) > 1.5 * p99(alone)


@pytest.mark.timeout(3600)
def test_a_backlog_takes_what_its_destination_takes_and_others_do_not_notice(
    figures: Figures,
) -> None:
    """What has waited for one that takes 200 a second; `make bench` has it with 100,000."""
    found = drained(20_000 if LONG else 1_000)
    figures("backlog: took, of the least time", f"{found.took:.2f}, of {found.count:,}")
    figures("backlog: a healthy one's p99 moved by", f"{found.moved:+.1%}")
    assert found.took <= 1.2
    assert found.moved <= 0.1
    assert found.inversions == 0


def test_a_destination_that_refuses_above_its_rate_gets_it_and_refuses_nothing(
    figures: Figures,
) -> None:
    """It counts in each second that begins at any time; 200 wait, and more come."""
    found = drained(200, "limited", rate=10)
    figures("rate: used", f"{1 / found.took:.2f}")
    figures("rate: refused", found.refused)
    assert found.refused == 0
    assert 1 / found.took >= 0.9


def test_without_its_rate_it_would_refuse() -> None:
    """The negative control."""
    assert drained(40, "limited").refused > 0


def test_a_conversation_that_fails_for_five_minutes_delays_no_other(figures: Figures) -> None:
    """A tenth of a second at most, at the median of the one that it delays most."""
    alone, beside = Chats(Agent), Chats(Refusing)
    before, meanwhile = alone.medians(), beside.medians()
    moved = max(meanwhile[space] - before[space] for space in before)
    figures("order: one fails, attempts refused", len(beside.sender.refused))
    figures(
        "order: median, and moved by", f"{1000 * max(before.values()):.0f}, {1000 * moved:+.0f} ms"
    )
    assert moved <= 0.1
    assert len(before) == CONVERSATIONS - 1
    # Its head was tried again, and nothing else of it.
    assert len(beside.sender.refused) >= 3
    assert alone.inversions == beside.inversions == 0


def test_were_all_conversations_one_line_it_would_delay_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control."""
    monkeypatch.setattr(plan, "conversation_of", lambda body: "all")
    before, meanwhile = (Chats(agent, seconds=60.0).medians() for agent in (Agent, Refusing))
    assert min(meanwhile[space] - before[space] for space in before) > 1.0
