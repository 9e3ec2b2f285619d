"""Storing at its borders: where a body goes, how long a put may take, what a copy is told by."""

from collections.abc import Callable
from typing import cast

import pytest
from spectrum_forwarder.domain.errors import PayloadsUnavailable, TableUnavailable
from spectrum_forwarder.domain.event import pack
from spectrum_forwarder.domain.ports import Existing, Intake, StoredEvent
from spectrum_forwarder.storing import EventStore, compared

from tests.support.make import NOW, stored_of
from tests.support.world import World


def of_size(size: int) -> StoredEvent:
    return stored_of()._replace(packed=b"x" * size)


@pytest.mark.parametrize(("size", "in_bucket"), [(4096, None), (4097, True)])
def test_a_body_goes_to_the_bucket_from_4_kib_on(size: int, in_bucket: bool | None) -> None:
    store = World().store
    fitted = store.fit(of_size(size))
    assert (fitted.packed is None) is bool(in_bucket)
    assert store.is_in_bucket(fitted) is in_bucket
    assert store.is_in_bucket(of_size(size)) is (None if in_bucket is None else False)


def test_while_the_bucket_fails_a_body_stays_in_the_item_up_to_350_kb() -> None:
    world = World()
    world.payloads.fail("put")
    assert world.store.fit(of_size(350_000)).packed is not None
    with pytest.raises(PayloadsUnavailable):
        world.store.fit(of_size(350_001))


class Taken:
    """A table in which every key is another event's, and every call takes its time."""

    def __init__(self, takes: Callable[[], None], marked: float = NOW) -> None:
        self.keys: list[str] = []
        self.marks: list[dict[str, float]] = []
        self._takes = takes
        self._marked = marked

    def put(self, stored: StoredEvent, **_: object) -> Existing | None:
        self.keys.append(stored.event.key)
        self._takes()
        return Existing(None, 0.0, stored.event.received_at, "another")


@pytest.mark.parametrize(("seconds", "puts"), [(1.0, 2), (1.01, 1)])
def test_whoever_waits_for_an_answer_has_no_put_made_after_a_second(
    seconds: float, puts: int
) -> None:
    world = World()
    table = Taken(lambda: world.clock.advance(seconds))
    store = EventStore(cast(Intake, table), world.store.payloads, world.timing, world.clock)
    stored = stored_of()
    if puts == 1:
        with pytest.raises(TableUnavailable, match="too slow"):
            store.put(stored, receipt="r", now=NOW)
    else:
        store.put(stored, receipt="r", now=NOW)
    assert len(table.keys) == puts
    patient = EventStore(cast(Intake, Taken(table._takes)), world.store.payloads, world.timing)
    assert patient.put(stored, receipt="r", now=NOW).existing


class Seen(Taken):
    """A table where the same event, which has no time of its own, stands since `came`."""

    def __init__(self, came: float, marked: float) -> None:
        super().__init__(lambda: None, marked)
        self._came = came

    def put(self, stored: StoredEvent, **_: object) -> Existing | None:
        self.keys.append(stored.event.key)
        known = stored.event.key.count("+") == 0
        event = stored.event
        return Existing(None, 0.0, self._came, event.fingerprint) if known else None

    def mark(self, key: str, **when: float) -> float:
        self.marks.append(when)
        return self._marked


@pytest.mark.parametrize(
    ("came", "marked", "behind"),
    [
        # A copy that comes within four minutes is one; a later one reads its time off the mark,
        # unless that is of another occurrence.
        (NOW - 240, NOW, None),
        (NOW + 240, NOW, None),
        (NOW - 240.001, NOW, NOW),
        (NOW - 1000, NOW - 240, NOW - 240),
        (NOW - 1000, NOW - 240.001, NOW),
        (NOW - 1000, NOW + 240, NOW + 240),
        (NOW - 1000, NOW + 240.001, NOW),
    ],
)
def test_what_has_no_time_of_its_own_is_a_copy_for_four_minutes(
    came: float, marked: float, behind: float | None
) -> None:
    world, table = World(), Seen(came, marked)
    store = EventStore(cast(Intake, table), world.store.payloads, world.timing)
    stored = stored_of()
    stored = stored._replace(event=stored.event._replace(lasting=False))
    key = store.put(stored, receipt="r", now=NOW).key
    first = stored.event.key
    assert key == (first if behind is None else f"{first}+{behind * 1000:.0f}")
    if behind is not None:
        assert table.marks == [{"at": NOW, "since": NOW - 240, "expires_at": NOW + 86_400}]


def test_a_mark_is_of_the_millisecond() -> None:
    world, table = World(), Seen(NOW - 1000, NOW)
    store = EventStore(cast(Intake, table), world.store.payloads, world.timing)
    stored = stored_of(received_at=NOW + 0.0126)
    store.put(stored._replace(event=stored.event._replace(lasting=False)), receipt="r", now=NOW)
    assert [mark["at"] for mark in table.marks] == [round(NOW + 0.013, 3)]


SEEN = Existing(None, 0.0, NOW)
ONE = stored_of()
IN_BUCKET = ONE._replace(packed=None, payload="p")


@pytest.mark.parametrize(
    ("existing", "fitted", "told"),
    [
        (SEEN, ONE, {}),
        (SEEN._replace(signed_at=int(NOW)), ONE, {"signed": "the_same"}),
        (SEEN._replace(signed_at=int(NOW) + 1), ONE, {"signed": "anew"}),
        (SEEN._replace(webhook_id=ONE.event.webhook_id), ONE, {"registration": "the_same"}),
        (SEEN._replace(webhook_id="w"), ONE, {"registration": "another"}),
        (SEEN._replace(payload="p"), IN_BUCKET, {"body": "the_same"}),
        (SEEN._replace(payload="q"), IN_BUCKET, {"body": "another"}),
        (SEEN._replace(payload="p"), ONE, {}),
        (SEEN._replace(packed=ONE.packed), ONE, {"body": "the_same"}),
        (SEEN._replace(packed=b"x"), ONE, {"body": "another"}),
        (SEEN._replace(packed=pack(ONE.event.body)), IN_BUCKET, {"body": "the_same"}),
    ],
)
def test_how_a_duplicate_came_is_told_against_the_first_time(
    existing: Existing, fitted: StoredEvent, told: dict[str, str]
) -> None:
    assert compared(existing, fitted) == told
