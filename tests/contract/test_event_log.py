"""What the delivery log promises, over a table and a bucket."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from spectrum_forwarder.adapters.event_log import DynamoEventLog
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.payloads import S3Payloads
from spectrum_forwarder.domain.delivery import Status, planned, settled
from spectrum_forwarder.domain.errors import LaterFormat, PayloadMissing, TableUnavailable
from spectrum_forwarder.domain.event import FORMAT, pack
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.ports import StoredEvent
from spectrum_forwarder.domain.worker_ports import Record

from tests.contract.conftest import REGION
from tests.support.aws import create_table
from tests.support.make import NOW, WEBHOOK, body_of, event_of, stored_of


@dataclass
class Stores:
    client: Any
    table: DynamoEventTable
    payloads: S3Payloads
    log: DynamoEventLog

    def put(self, message_id: str, received_at: float = NOW) -> str:
        stored = stored_of(message_id, received_at=received_at)
        self.table.put(stored, receipt="r", now=received_at, due_at=received_at + 75)
        return stored.event.key

    def settle(self, event_key: str) -> None:
        self.table.claim(event_key, owner="a", now=NOW, until=NOW + 75)
        done = {"crm": settled(planned("crm", NOW), Status.DELIVERED)}
        self.table.record(event_key, owner="a", record=Record(done, None, NOW + 1000))


@pytest.fixture
def stores(aws: str) -> Iterator[Stores]:
    client = boto3.client("dynamodb", region_name=REGION)
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="payloads")
    table, payloads = create_table(client), S3Payloads(s3, "payloads")
    yield Stores(
        client, DynamoEventTable(client, table), payloads, DynamoEventLog(client, table, payloads)
    )


def keys(events: Sequence[LoggedEvent]) -> list[str]:
    return [event.event_key for event in events]


def paged(log: DynamoEventLog, limit: int, **bounds: float) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = log.newest(limit=limit, cursor=cursor, **bounds)
        found += keys(page.events)
        cursor = page.cursor
        if cursor is None:
            return found


def test_an_empty_log_is_one_empty_page(stores: Stores) -> None:
    page = stores.log.newest(limit=10)
    assert (page.events, page.cursor) == ([], None)
    assert list(stores.log.owing()) == [[]] * 8


def test_an_event_that_nobody_has_claimed_is_claimed_until_nought(stores: Stores) -> None:
    stores.put("m1")
    (event,) = stores.log.newest(limit=1).events
    assert (event.owner, event.claimed_until, event.claims) == ("", 0.0, 0)


@pytest.mark.parametrize("limit", [9, 60, 1000])
def test_pages_show_every_event_once_newest_first(stores: Stores, limit: int) -> None:
    order = random.Random(1).sample(range(60), 60)
    put = {number: stores.put(f"m{number}", NOW + number) for number in order}
    assert paged(stores.log, limit) == [put[number] for number in range(59, -1, -1)]


def test_events_of_the_same_moment_are_neither_lost_nor_shown_twice(stores: Stores) -> None:
    put = [stores.put(f"m{number}") for number in range(30)]
    assert sorted(paged(stores.log, 7)) == sorted(put)


def test_bounds_are_both_included(stores: Stores) -> None:
    put = [stores.put(f"m{number}", NOW + number) for number in range(10)]
    assert paged(stores.log, 3, since=NOW + 2, until=NOW + 7) == put[7:1:-1]
    assert paged(stores.log, 3, since=NOW + 7, until=NOW + 2) == []


def test_what_is_listed_is_what_a_page_shows(stores: Stores) -> None:
    put = [stores.put(f"m{number}", NOW + number) for number in range(30)]
    listed = stores.log.listed(limit=10, until=NOW + 24.5)
    assert listed.events == [(put[number], NOW + number) for number in range(24, 14, -1)]
    assert listed.cursor is not None
    page = stores.log.newest(limit=10, cursor=listed.cursor)
    assert keys(page.events) == put[14:4:-1]


def test_a_cursor_stays_good_while_events_come_and_go(stores: Stores) -> None:
    put = [stores.put(f"m{number}", NOW + number) for number in range(40)]
    first = stores.log.newest(limit=10)
    for number in range(20):
        stores.put(f"later{number}", NOW + 1000 + number)
    for key in keys(first.events)[-3:]:
        stores.client.delete_item(TableName="events", Key={"event_key": {"S": key}})
    rest = []
    cursor = first.cursor
    while cursor:
        page = stores.log.newest(limit=10, cursor=cursor)
        rest += keys(page.events)
        cursor = page.cursor
    assert rest == put[29::-1]


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "é", "eJyLBgAAXgBe"])
def test_any_other_text_is_no_cursor(stores: Stores, cursor: str) -> None:
    if cursor:
        with pytest.raises(ValueError, match="no cursor"):
            stores.log.newest(limit=1, cursor=cursor)


def test_an_event_is_shown_with_everything_but_its_body(stores: Stores) -> None:
    key = stores.put("m1")
    assert stores.log.get(key) == LoggedEvent(
        event_key=key,
        received_at=NOW,
        signed_at=NOW,
        webhook_id=WEBHOOK.id,
        kind="messages",
        space_id="space-1",
        sender_id="+15550100",
        content_type="application/json",
        due_at=NOW + 75,
        format=FORMAT,
        message_type="text",
    )
    stores.settle(key)
    event = stores.log.get(key)
    assert event is not None
    assert event.settled
    assert (event.owner, event.claimed_until, event.expires_at) == ("a", 0.0, NOW + 1000)
    assert event.deliveries == {"crm": settled(planned("crm", NOW), Status.DELIVERED)}
    assert stores.log.newest(limit=1).events == [event]


def test_what_is_no_event_is_not_in_the_log(stores: Stores) -> None:
    stores.client.put_item(TableName="events", Item={"event_key": {"S": "#health"}})
    assert stores.log.get("#health") is None
    assert stores.log.get("main:none") is None
    assert stores.log.newest(limit=5).events == []


def test_a_body_is_read_from_the_table_or_the_bucket(stores: Stores) -> None:
    key = stores.put("m1")
    assert stores.log.body(key) == body_of("m1")
    elsewhere = StoredEvent(event_of("m2"), None, stores.payloads.put(pack(body_of("m2"))))
    stores.table.put(elsewhere, receipt="r", now=NOW, due_at=NOW)
    assert stores.log.body("main:m2") == body_of("m2")
    gone = elsewhere._replace(event=event_of("m3"), payload="payloads/none")
    stores.table.put(gone, receipt="r", now=NOW, due_at=NOW)
    with pytest.raises(PayloadMissing):
        stores.log.body("main:m3")
    assert stores.log.body("main:none") is None


def test_an_event_that_a_later_version_stored_is_in_the_log_without_what_cannot_be_read(
    stores: Stores,
) -> None:
    key = stores.put("m1")
    stores.client.update_item(
        TableName="events",
        Key={"event_key": {"S": key}},
        UpdateExpression="SET v = :v, deliveries = :d, body = :d",
        ExpressionAttributeValues={":v": {"N": "99"}, ":d": {"S": "in another form"}},
    )
    event = stores.log.get(key)
    assert event is not None
    assert (event.format, event.readable, event.deliveries) == (99, False, None)
    assert stores.log.newest(limit=5).events == [event]
    with pytest.raises(LaterFormat):
        stores.log.body(key)


def test_a_mark_is_not_in_the_log(stores: Stores) -> None:
    stores.table.mark("main:t1+last", at=NOW, since=NOW - 240, expires_at=NOW + 86_400)
    assert stores.log.get("main:t1+last") is None
    assert stores.log.body("main:t1+last") is None
    assert stores.log.newest(limit=5).events == []


def test_only_what_owes_work_is_owing(stores: Stores) -> None:
    put = [stores.put(f"m{number}") for number in range(150)]
    for key in put[:20]:
        stores.settle(key)
    owing = [event.event_key for batch in stores.log.owing() for event in batch]
    assert sorted(key for batch in stores.log.owing_keys() for key in batch) == sorted(owing)
    assert sorted(owing) == sorted(put[20:])


def test_what_a_page_costs_does_not_depend_on_the_number_of_events(stores: Stores) -> None:
    calls: list[str] = []
    count = lambda model, **_: calls.append(model.name)  # noqa: E731
    stores.client.meta.events.register("before-call.dynamodb", count)

    def cost() -> list[str]:
        calls.clear()
        stores.log.newest(limit=50)
        return sorted(calls)

    for number in range(100):
        stores.put(f"m{number}", NOW + number)
    few = cost()
    for number in range(100, 300):
        stores.put(f"m{number}", NOW + number)
    assert cost() == few == ["BatchGetItem"] + ["Query"] * 8


def test_a_table_that_fails_is_told_as_ours(stores: Stores) -> None:
    log = DynamoEventLog(stores.client, "none", stores.payloads)
    for read in (lambda: log.newest(limit=1), lambda: log.get("a"), lambda: list(log.owing())):
        with pytest.raises(TableUnavailable):
            read()
