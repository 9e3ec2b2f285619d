"""Planning: when an event's place in lines is worked out, and what is not told of it."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import Delivery, planned
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.line import position_of
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import Claimed, QueueRecord
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.plan import Plan, Planning
from spectrum_forwarder.fanout.take import Taken

from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.facts import FactList
from tests.support.in_memory.lines import MemoryHealthBoard
from tests.support.in_memory.registries import MemoryDestinations
from tests.support.make import NOW, body_of, destination_of, stored_of

KEY = "main:spc-msg-1"
NEW = planned("crm", NOW)
STANDS = replace(NEW, stood_at=NOW - 60, next_attempt_at=NOW + 600)
CRM = destination_of("crm")
COOL = Health(failures=20, failing_since=1.0, trips=1, open_until=NOW - 1, quick=True)


def plan_of(
    delivery: Delivery, destination: Destination = CRM, health: Health | None = None
) -> Plan:
    clock, facts, timing, board = ManualClock(NOW), FactList(), Timing(), MemoryHealthBoard()
    board.health["crm"] = health or Health(quick=True)
    gate = Gate(cast(Any, board), clock=clock, facts=facts, timing=timing)
    configured = Configured(MemoryDestinations({"crm": destination}, clock=clock), clock, timing)
    packed = stored_of().packed
    claimed = Claimed(KEY, "a", NOW + 75, 1, "w", NOW, None, None, packed, None, None, 1)
    planning = Planning(
        configured, gate, cast(Any, None), clock, facts, timing, NOW + 57, random.Random(1)
    )
    return planning.plan(Taken(QueueRecord("hint", KEY), claimed, {"crm": delivery}))


@pytest.mark.parametrize(
    ("delivery", "destination", "health", "stands"),
    [
        # What waits in no line, and will not, needs no place.
        (NEW, CRM, None, False),
        (replace(NEW, next_attempt_at=NOW + 600), CRM, None, False),
        # It stands, will wait, or stays in line if it fails.
        (STANDS, CRM, None, True),
        (NEW, destination_of("crm", enabled=False), None, True),
        (NEW, CRM, COOL, True),
    ],
)
def test_its_place_is_worked_out_where_one_may_stand_in_line(
    delivery: Delivery, destination: Destination, health: Health | None, stands: bool
) -> None:
    plan = plan_of(delivery, destination, health)
    assert plan.position == (position_of(body_of(), NOW, KEY) if stands else "")


def test_a_plan_does_not_show_the_body_it_is_of() -> None:
    plan = plan_of(NEW)
    assert plan.body == body_of()
    assert repr(plan.body) not in repr(plan)
