"""Configured: how recent a copy of the registry is asked for, and what an old one may decide."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from spectrum_forwarder.domain.delivery import Delivery, planned, replayed
from spectrum_forwarder.domain.destination import Destinations
from spectrum_forwarder.domain.errors import RegistryUnavailable
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout.configured import UNKNOWN, Configured, Lack

from tests.support.in_memory.clock import ManualClock
from tests.support.make import NOW, destination_of

LONG_AGO = NOW - 3600.0


@dataclass
class Registry:
    """Notes how old a copy may be that is asked for; `down`, it answers nothing but the first."""

    copy: Destinations
    down: bool = False
    asked: list[float] = field(default_factory=list)

    def load(self, *, max_age: float | None = None) -> Destinations:
        if max_age is not None:
            self.asked.append(max_age)
            if self.down:
                raise RegistryUnavailable("down")
        return self.copy


def copy_of_age(age: float, *, enabled: bool = True, nameless: Sequence[str] = ()) -> Destinations:
    """A copy that holds `crm` alone."""
    usable = {"crm": destination_of("crm", enabled=enabled)}
    return Destinations(usable, nameless=nameless, read_at=NOW - age)


def configured(
    copy: Destinations, scale: float = 1.0, *, down: bool = False
) -> tuple[Configured, Registry, ManualClock]:
    registry, clock = Registry(copy, down), ManualClock(NOW)
    return Configured(registry, clock, Timing(scale)), registry, clock


def missing(planned_at: float = LONG_AGO, **changes: Any) -> Delivery:
    return replace(planned("erp", planned_at), **changes)


@pytest.mark.parametrize(
    ("identity", "scale", "age"),
    [("crm", 1.0, 5.0), ("crm", 0.5, 2.5), ("crm", 4.0, 5.0), ("erp", 1.0, 0.0), ("erp", 0.5, 0.0)],
)
def test_a_line_that_is_drained_asks_for_a_recent_copy(
    identity: str, scale: float, age: float
) -> None:
    known, registry, _ = configured(copy_of_age(20), scale)
    known.renew(identity)
    assert registry.asked == [age]


@pytest.mark.parametrize(
    ("age", "scale", "asked"),
    [
        (4.5, 1.0, []),
        (5.0, 1.0, []),
        (5.5, 1.0, [0.0]),
        (2.5, 0.5, []),
        (3.0, 0.5, [0.0]),
        (5.0, 4.0, []),
        (5.5, 4.0, [0.0]),
    ],
)
def test_who_is_missing_is_looked_for_in_a_copy_of_five_seconds(
    age: float, scale: float, asked: list[float]
) -> None:
    known, registry, _ = configured(copy_of_age(age), scale)
    assert known.find(missing()).lack is Lack.UNKNOWN
    assert registry.asked == asked


@pytest.mark.parametrize(
    ("ahead", "times"), [(-3.75, 0), (-3.5, 0), (-3.0, 1), (0.0, 1), (0.5, 1), (9.0, 1)]
)
def test_a_copy_is_to_be_newer_than_the_delivery_whatever_clock_that_goes_by(
    ahead: float, times: int
) -> None:
    known, registry, _ = configured(copy_of_age(4.0))
    known.find(missing(next_attempt_at=NOW + ahead))
    assert registry.asked == [0.0] * times


@pytest.mark.parametrize(("before", "times"), [(1.25, 1), (1.5, 0)])
def test_who_is_missing_is_looked_for_anew_if_the_copy_may_be_older_than_who_bound_it(
    before: float, times: int
) -> None:
    known, registry, _ = configured(copy_of_age(1.0))
    known.find(missing(NOW - 1.0 - before))
    assert registry.asked == [0.0] * times


@pytest.mark.parametrize(("scale", "every"), [(1.0, 1.0), (0.5, 0.5), (4.0, 1.0)])
def test_the_registry_is_not_asked_again_for_a_second(scale: float, every: float) -> None:
    known, registry, clock = configured(copy_of_age(20), scale, down=True)
    for since, times in ((0.0, 1), (every - 0.125, 1), (every, 2)):
        clock.now = NOW + since
        assert known.find(missing()).lack is Lack.UNKNOWN
        assert len(registry.asked) == times


def test_whether_the_way_is_closed_still_is_asked_of_the_newest() -> None:
    known, registry, _ = configured(copy_of_age(1.0, enabled=False))
    assert known.keeps_waiting("crm")
    assert registry.asked == [0.0]


@pytest.mark.parametrize(
    ("after", "scale", "older"),
    [
        (-0.5, 1.0, True),
        (0.5, 1.0, True),
        (1.25, 1.0, True),
        (1.5, 1.0, False),
        (1.25, 0.5, True),
        (1.5, 4.0, False),
    ],
)
def test_a_replay_is_not_decided_by_a_copy_that_may_be_from_before_it(
    after: float, scale: float, older: bool
) -> None:
    """By the table's clock it was replayed up to a second and a half before it was."""
    known, _, _ = configured(copy_of_age(0.5), scale)
    assert known.is_older(replayed(planned("crm", LONG_AGO), NOW - 0.5 - after)) is older
    assert not known.is_older(planned("crm", NOW))


@pytest.mark.parametrize(
    ("ahead", "scale", "older"),
    [
        (-1.0, 1.0, False),
        (0.5, 1.0, False),
        (0.75, 1.0, True),
        (0.25, 0.5, False),
        (0.5, 0.5, True),
    ],
)
def test_a_replay_is_decided_by_what_was_read_since_it_was_hinted_at(
    ahead: float, scale: float, older: bool
) -> None:
    """Whatever the clock that it goes by, unless that is far ahead."""
    known, _, _ = configured(copy_of_age(0.0), scale)
    assert known.is_older(replayed(planned("crm", LONG_AGO), NOW + ahead)) is older


@pytest.mark.parametrize(
    ("age", "scale", "gone"),
    [(0.5, 1.0, True), (0.75, 1.0, False), (0.25, 0.5, True), (0.5, 0.5, False)],
)
def test_who_was_missing_is_gone_by_a_copy_that_is_newer(
    age: float, scale: float, gone: bool
) -> None:
    was_missing = missing(waiting_for=UNKNOWN, next_attempt_at=NOW)
    known, _, _ = configured(copy_of_age(age), scale)
    assert known.is_gone(was_missing) is gone
    known, _, _ = configured(copy_of_age(0.0, nameless=("erp's",)), scale)
    assert not known.is_gone(was_missing)
