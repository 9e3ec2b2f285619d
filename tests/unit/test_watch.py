"""Watch: which lines are told and hinted at each minute, whoever knows the destinations."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.errors import RegistryUnavailable
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.line import Line, hint_to
from spectrum_forwarder.watch import watch

from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.facts import FactList
from tests.support.in_memory.lines import MemoryHealthBoard
from tests.support.in_memory.registries import MemoryDestinations
from tests.support.make import NOW, destination_of

OPEN = Health(failures=20, failing_since=NOW - 900, open_until=NOW + 30, trips=1)
COOL = Health(failures=20, failing_since=NOW - 900, open_until=NOW, trips=1)
CRM = destination_of("crm")
RENAMED = destination_of("sales", id="crm")


class Unread(MemoryDestinations):
    """A registry that cannot be read."""

    def load(self, *, max_age: float | None = None) -> Any:
        raise RegistryUnavailable("down")


def watched(
    line: Line | None, destinations: MemoryDestinations, health: Health | None = None
) -> tuple[list[tuple[str, dict[str, object]]], bool]:
    """What is told, and whether the line is hinted at."""
    board, facts, hints = MemoryHealthBoard(), FactList(), list[str]()
    if line is not None:
        board.standing["crm"] = line
    if health is not None:
        board.health["crm"] = health
    queue = SimpleNamespace(send_hint=lambda key, **_: hints.append(key))
    watch(board, destinations, cast(Any, queue), clock=ManualClock(NOW), facts=facts)
    assert hints in ([], [hint_to("crm")])
    return facts.told, bool(hints)


STANDS = Line(NOW - 600)


@pytest.mark.parametrize(
    ("line", "destination", "health", "hinted"),
    [
        (STANDS, CRM, None, True),
        (STANDS, None, None, True),  # it has gone: who stands there settles
        (STANDS, destination_of("crm", enabled=False), None, False),
        (STANDS, CRM, OPEN, False),
        (STANDS, CRM, COOL, True),
        # Another drains it, or it rests, or was found empty and is taken down.
        (Line(NOW - 600, "a", held_until=NOW + 0.25), CRM, None, False),
        (Line(NOW - 600, "a", held_until=NOW), CRM, None, True),
        (Line(NOW - 600, next_at=NOW + 0.25), CRM, None, False),
        (Line(NOW - 600, next_at=NOW), CRM, None, True),
        (Line(NOW - 600, emptied_at=NOW - 60), CRM, None, True),
    ],
)
def test_a_line_whose_way_seems_open_is_hinted_at(
    line: Line, destination: Any, health: Health | None, hinted: bool
) -> None:
    usable = {} if destination is None else {"crm": destination}
    told, is_hinted = watched(line, MemoryDestinations(usable), health)
    assert is_hinted is hinted
    stands = [fields for name, fields in told if name == "line.stands"]
    assert stands == ([{"destination": "crm", "seconds": 600}] if line.stands else [])


def test_what_is_told_has_the_name_of_today() -> None:
    told, _ = watched(STANDS, MemoryDestinations({"crm": RENAMED}), OPEN)
    assert [fields["destination"] for _, fields in told] == ["sales", "sales"]


def test_where_the_destinations_cannot_be_read_all_are_told_and_hinted_at() -> None:
    told, hinted = watched(STANDS, Unread(), COOL)
    assert [(name, fields["destination"]) for name, fields in told] == [
        ("breaker.open", "crm"),
        ("line.stands", "crm"),
    ]
    assert hinted


@pytest.mark.parametrize("health", [None, Health(quick=True)])
def test_in_calm_weather_nothing_is_read(health: Health | None) -> None:
    assert watched(None, Unread(), health) == ([], False)
