"""What every `EventTable` promises."""

import itertools
from dataclasses import replace
from typing import Any

import boto3
import pytest
from spectrum_forwarder.adapters.due_index import SWEPT_AT_ONCE
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.items import new_item
from spectrum_forwarder.adapters.items import shard as shard_of
from spectrum_forwarder.domain.delivery import (
    Answer,
    Attempted,
    Delivery,
    Status,
    held,
    planned,
    replayed,
    settled,
)
from spectrum_forwarder.domain.errors import ItemTooLarge, LaterFormat
from spectrum_forwarder.domain.event import FORMAT
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.ports import SHARDS, Existing, StoredEvent
from spectrum_forwarder.domain.worker_ports import Claimed, EventTable, Overdue, Record

from tests.contract.conftest import REGION
from tests.support.aws import TABLE, create_table
from tests.support.in_memory.table import MemoryTable
from tests.support.item_size import LARGEST_ITEM, size_of
from tests.support.make import NOW, stored_of

KEY = "main:spc-msg-1"
DELIVERED = settled(planned("crm", NOW), Status.DELIVERED)


def put(table: EventTable, *, receipt: str = "first", now: float = NOW) -> Existing | None:
    return table.put(stored_of(), receipt=receipt, now=now, due_at=now + 75)


def existing_of(*, due_at: float | None) -> Existing:
    """The event as a later put meets it, unclaimed."""
    stored = stored_of()
    event = stored.event
    return Existing(
        due_at,
        claimed_until=0,
        received_at=NOW,
        fingerprint=event.fingerprint,
        packed=stored.packed,
        signed_at=event.signed_at,
        webhook_id=event.webhook_id,
    )


def claim(table: EventTable, owner: str = "a", now: float = NOW) -> Claimed | None:
    return table.claim(KEY, owner=owner, now=now, until=now + 75)


def settle(table: EventTable, owner: str = "a", *, expires_at: float = NOW + 1000) -> bool:
    record = Record({"crm": DELIVERED}, due_at=None, expires_at=expires_at)
    return table.record(KEY, owner=owner, record=record)


def all_overdue(table: EventTable, now: float) -> list[Overdue]:
    return [
        overdue
        for shard in range(SHARDS)
        for batch in table.overdue(shard, now=now)
        for overdue in batch
    ]


def test_a_new_event_is_stored_and_its_copy_is_told(table: EventTable) -> None:
    assert put(table) is None
    assert put(table, receipt="second") == existing_of(due_at=NOW + 75)


@pytest.mark.parametrize("via", [None, "0123456789abcdef, fedcba9876543210"])
def test_the_marks_that_an_event_came_with_are_kept(table: EventTable, via: str | None) -> None:
    stored = stored_of()
    marked = stored._replace(event=stored.event._replace(via=via))
    table.put(marked, receipt="first", now=NOW, due_at=NOW + 75)
    claimed = claim(table)
    assert claimed is not None
    assert claimed.via == via


def test_a_put_that_meets_its_own_receipt_is_new(table: EventTable) -> None:
    assert put(table) is None
    assert put(table) is None


def test_a_copy_does_not_change_the_stored_event(table: EventTable) -> None:
    put(table)
    other = stored_of()._replace(packed=b"other")
    table.put(other, receipt="second", now=NOW + 1, due_at=NOW + 99)
    claimed = claim(table)
    assert claimed is not None
    assert claimed.packed == stored_of().packed
    assert claimed.received_at == NOW


def test_a_settled_event_is_a_duplicate_until_it_expires(table: EventTable) -> None:
    put(table)
    claim(table)
    settle(table, expires_at=NOW + 100)
    assert put(table, receipt="second", now=NOW + 99) == existing_of(due_at=None)
    assert put(table, receipt="third", now=NOW + 101) is None
    assert claim(table, now=NOW + 101) is not None


def test_an_event_that_owes_work_never_expires(table: EventTable) -> None:
    put(table)
    assert put(table, receipt="second", now=NOW + 10 * 365 * 86_400) is not None


def test_a_claim_returns_all_that_was_stored(table: EventTable) -> None:
    put(table)
    claimed = claim(table)
    stored = stored_of()
    assert claimed == Claimed(
        event_key=KEY,
        owner="a",
        until=NOW + 75,
        claims=1,
        webhook_id=stored.event.webhook_id,
        received_at=NOW,
        kind="messages",
        content_type="application/json",
        packed=stored.packed,
        payload=None,
        deliveries=None,
        format=FORMAT,
    )


def test_what_only_some_events_have_is_returned(table: EventTable) -> None:
    event = stored_of().event._replace(content_encoding="gzip", first_id="w-first")
    table.put(StoredEvent(event, b"packed"), receipt="first", now=NOW, due_at=NOW)
    claimed = claim(table)
    assert claimed is not None
    assert (claimed.content_encoding, claimed.first_id) == ("gzip", "w-first")


def test_a_body_elsewhere_is_returned_by_name(table: EventTable) -> None:
    elsewhere = StoredEvent(stored_of().event, None, "payloads/1")
    table.put(elsewhere, receipt="first", now=NOW, due_at=NOW)
    claimed = claim(table)
    assert claimed is not None
    assert (claimed.packed, claimed.payload) == (None, "payloads/1")


def test_nobody_else_can_claim_until_the_claim_ends(table: EventTable) -> None:
    put(table)
    assert claim(table, "a") is not None
    assert claim(table, "b", now=NOW + 74) is None
    late = claim(table, "b", now=NOW + 75)
    assert late is not None
    assert late.claims == 2


def test_a_repeated_claim_by_the_same_owner_holds(table: EventTable) -> None:
    put(table)
    claim(table, "a")
    again = claim(table, "a", now=NOW + 1)
    assert again is not None
    assert again.claims == 1


def test_what_is_not_there_or_owes_nothing_cannot_be_claimed(table: EventTable) -> None:
    assert claim(table) is None
    put(table)
    claim(table)
    settle(table)
    assert claim(table, "b", now=NOW + 1000) is None


def test_a_record_ends_the_claim_and_keeps_the_deliveries(table: EventTable) -> None:
    put(table)
    claim(table)
    waiting = replace(
        held(planned("crm", NOW), NOW + 30.5, "breaker"),
        attempts=2,
        history=(Attempted(NOW, 12, str(Answer(error="timeout"))),),
    )
    dead = settled(planned("erp", NOW), Status.DEAD_LETTERED, "gone")
    deliveries: dict[str, Delivery] = {"crm": waiting, "erp": dead}
    assert table.record(KEY, owner="a", record=Record(deliveries, NOW + 30, None))
    claimed = claim(table, "b", now=NOW + 1)
    assert claimed is not None
    assert claimed.deliveries == deliveries
    assert claimed.claims == 1


def test_a_record_counts_claims_anew_and_can_leave_the_deliveries(table: EventTable) -> None:
    put(table)
    claim(table)
    claim(table, "b", now=NOW + 80)
    table.record(KEY, owner="b", record=Record(None, NOW, None))
    claimed = claim(table, "c", now=NOW + 81)
    assert claimed is not None
    assert (claimed.claims, claimed.deliveries) == (1, None)


def test_only_the_claims_owner_can_record(table: EventTable) -> None:
    put(table)
    claim(table, "a")
    claim(table, "b", now=NOW + 80)
    assert not settle(table, "a")
    assert settle(table, "b")


def test_a_repeated_record_is_harmless(table: EventTable) -> None:
    put(table)
    claim(table)
    assert settle(table)
    assert settle(table)


def test_strikes_count_until_a_record_and_for_the_owner_alone(table: EventTable) -> None:
    put(table)
    claim(table)
    assert [table.strike(KEY, owner=owner) for owner in "aab"] == [1, 2, 0]
    table.record(KEY, owner="a", record=Record({}, NOW, None))
    claim(table, now=NOW + 1)
    assert table.strike(KEY, owner="a") == 1


# ---- An outcome that cannot be recorded ----------------------------------------------------------

LARGE = bytes(350_000)


def put_large(table: EventTable) -> None:
    """An event as 0.1.0 has stored it, with as much of its body as there could be."""
    table.put(stored_of()._replace(packed=LARGE), receipt="first", now=NOW, due_at=NOW + 75)


def many(names: int, attempts: int) -> dict[str, Delivery]:
    history = (Attempted(NOW, 12, str(Answer(error="connection_refused"))),) * attempts
    made = (replace(planned(f"destination-{n}", NOW), history=history) for n in range(names))
    return {delivery.destination: delivery for delivery in made}


def test_a_record_that_is_too_large_is_told_from_an_outage_and_changes_nothing(
    table: EventTable,
) -> None:
    put_large(table)
    claim(table)
    with pytest.raises(ItemTooLarge):
        table.record(KEY, owner="a", record=Record(many(100, 20), None, NOW))
    with pytest.raises(ItemTooLarge):
        table.prove(KEY, owner="a", deliveries=many(100, 20))
    with pytest.raises(ItemTooLarge):
        table.note(KEY, owner="a", until=NOW, notes=1, deliveries=many(100, 20))
    assert claim(table, "b", now=NOW + 74) is None
    claimed = claim(table, "b", now=NOW + 75)
    assert claimed is not None
    assert (claimed.claims, claimed.deliveries, claimed.packed) == (2, None, LARGE)


def test_an_item_that_is_full_to_the_brim_can_be_claimed_all_the_same(aws: str) -> None:
    client = boto3.client("dynamodb", region_name=REGION)
    table = DynamoEventTable(client, create_table(client))
    item = new_item(stored_of(), receipt="0" * 36, due_at=NOW)
    item |= {"claim_owner": {"S": "b"}, "claims": {"N": "0"}}  # as a record has left it
    item["body"] = {"B": bytes(LARGEST_ITEM - size_of({**item, "body": {"B": b""}}))}
    assert size_of(item) == LARGEST_ITEM
    client.put_item(TableName=TABLE, Item=item)
    claimed = claim(table)
    assert claimed is not None
    assert claimed.packed == item["body"]["B"]
    assert table.strike(KEY, owner="a") == 1


def test_deliveries_that_are_too_large_are_not_reopened(table: EventTable) -> None:
    put_large(table)
    claim(table)
    settle(table)
    with pytest.raises(ItemTooLarge):
        table.reopen(seen_of(), owner="o", now=NOW + 9, deliveries=many(100, 20), due_at=NOW + 9)


def test_a_record_can_move_the_body_to_the_bucket(table: EventTable) -> None:
    put_large(table)
    claim(table)
    deliveries = many(100, 20)
    assert table.record(KEY, owner="a", record=Record(deliveries, NOW, None, "payloads/1"))
    claimed = claim(table, "b", now=NOW + 1)
    assert claimed is not None
    assert (claimed.packed, claimed.payload) == (None, "payloads/1")
    assert claimed.deliveries == deliveries


def test_what_is_proved_is_written_under_the_claim_and_counts_nothing_anew(
    table: EventTable,
) -> None:
    put_large(table)
    claim(table)
    table.strike(KEY, owner="a")
    assert not table.prove(KEY, owner="b", deliveries={})
    assert table.prove(KEY, owner="a", deliveries=many(100, 20), payload="payloads/1")
    assert claim(table, "b", now=NOW + 74) is None
    assert table.strike(KEY, owner="a") == 2
    claimed = claim(table, "b", now=NOW + 75)
    assert claimed is not None
    assert (claimed.claims, claimed.unrecorded, claimed.payload) == (2, 0, "payloads/1")
    assert claimed.deliveries == many(100, 20)


@pytest.mark.parametrize("deliveries", [None, {"crm": DELIVERED}])
def test_a_note_ends_the_claim_at_its_time_and_leaves_the_event_as_due_as_it_was(
    table: EventTable, deliveries: dict[str, Delivery] | None
) -> None:
    put(table)
    claim(table)
    table.strike(KEY, owner="a")
    before = all_overdue(table, NOW + 75)
    noted = {"until": NOW + 500, "notes": 3, "deliveries": deliveries}
    assert not table.note(KEY, owner="b", **noted)  # type: ignore[arg-type]
    assert table.note(KEY, owner="a", **noted)  # type: ignore[arg-type]
    assert table.note(KEY, owner="a", **noted)  # type: ignore[arg-type]
    assert all_overdue(table, NOW + 75) == before
    assert claim(table, "b", now=NOW + 499) is None
    claimed = claim(table, "b", now=NOW + 500)
    assert claimed is not None
    assert (claimed.claims, claimed.unrecorded, claimed.deliveries) == (1, 3, deliveries)
    assert table.strike(KEY, owner="b") == 1
    table.record(KEY, owner="b", record=Record({}, NOW, None))
    claimed = claim(table, "c", now=NOW + 501)
    assert claimed is not None
    assert claimed.unrecorded == 0


def test_only_what_is_due_is_overdue(table: EventTable) -> None:
    for number in range(20):
        table.put(stored_of(f"m{number}"), receipt="r", now=NOW, due_at=NOW + number)
    keys = {overdue.event_key for overdue in all_overdue(table, NOW + 9)}
    assert keys == {f"main:m{number}" for number in range(10)}


def test_a_settled_event_is_not_overdue(table: EventTable) -> None:
    put(table)
    claim(table)
    settle(table)
    assert all_overdue(table, NOW + 10_000) == []


def test_more_than_a_page_is_overdue(table: EventTable) -> None:
    candidates = (stored_of(f"m{number}") for number in itertools.count())
    of_a_shard = (stored for stored in candidates if shard_of(stored.event.key) == 0)
    keys = set()
    for stored in itertools.islice(of_a_shard, SWEPT_AT_ONCE + 10):
        table.put(stored, receipt="r", now=NOW, due_at=NOW)
        keys.add(stored.event.key)
    assert {overdue.event_key for overdue in all_overdue(table, NOW)} == keys


def test_what_is_overdue_and_what_comes_due_soon_is_counted_by_shard(table: EventTable) -> None:
    for number in range(200):
        table.put(stored_of(f"m{number}"), receipt="r", now=NOW, due_at=NOW + number)
    counted = [table.owing(shard, now=NOW + 49, soon=NOW + 99) for shard in range(SHARDS)]
    assert sum(owing.overdue for owing in counted) == 50
    assert sum(owing.soon for owing in counted) == 50
    overdue = all_overdue(table, NOW + 49)
    for shard, owing in enumerate(counted):
        assert owing.overdue == sum(shard_of(each.event_key) == shard for each in overdue)


def test_what_is_hinted_at_in_the_slow_lane_is_told_from_the_rest(table: EventTable) -> None:
    put(table)
    claim(table)
    key = stored_of().event.key
    assert table.record(key, owner="a", record=Record(None, NOW + 10, None, slow_lane=True))
    table.put(stored_of("new"), receipt="r", now=NOW, due_at=NOW)
    told = {each.event_key: each.in_main for each in all_overdue(table, NOW + 100)}
    in_main = stored_of("new").event.key
    assert told == {key: False, in_main: True}
    counted = [table.owing(s, now=NOW + 100, soon=NOW + 200, in_main=True) for s in range(SHARDS)]
    assert [owing.overdue for owing in counted] == [s == shard_of(in_main) for s in range(SHARDS)]


def test_since_when_an_event_is_overdue_stays_until_it_is_recorded(table: EventTable) -> None:
    put(table)
    for late in (100.0, 700.0):
        (found,) = all_overdue(table, NOW + late)
        assert found.since == NOW + 75
        assert table.postpone(found, until=NOW + late + 75)
    claim(table, now=NOW + 800)
    assert table.record(KEY, owner="a", record=Record(None, NOW + 1000, None))
    (found,) = all_overdue(table, NOW + 1001)
    assert found.since == NOW + 1000


@pytest.mark.parametrize("until", [NOW + 600, NOW + 600.123])
def test_of_two_that_postpone_one_wins(table: EventTable, until: float) -> None:
    put(table)
    (overdue,) = all_overdue(table, NOW + 80)
    assert table.postpone(overdue, until=until)
    assert not table.postpone(overdue, until=until + 1)
    assert all_overdue(table, NOW + 81) == []
    assert len(all_overdue(table, until)) == 1


def test_what_is_hastened_is_overdue_at_once_and_as_if_no_hint_stood_in_any_lane(
    table: EventTable,
) -> None:
    put(table)
    claim(table)
    assert table.record(KEY, owner="a", record=Record(None, NOW + 75, None, slow_lane=True))
    assert table.hasten(KEY, seen=NOW + 75, due_at=NOW + 0.123)
    assert all_overdue(table, NOW + 0.1) == []
    assert all_overdue(table, NOW + 0.2) == [Overdue(KEY, NOW + 0.123, NOW + 0.123, in_main=True)]


def test_who_repeats_hastening_has_hastened(table: EventTable) -> None:
    put(table)
    for _ in range(2):
        assert table.hasten(KEY, seen=NOW + 75, due_at=NOW)


def test_what_somebody_has_looked_at_is_not_hastened(table: EventTable) -> None:
    put(table)
    (overdue,) = all_overdue(table, NOW + 80)
    assert table.postpone(overdue, until=NOW + 155)
    assert not table.hasten(KEY, seen=NOW + 75, due_at=NOW)
    claim(table)
    settle(table)
    assert not table.hasten(KEY, seen=NOW + 155, due_at=NOW)
    assert all_overdue(table, NOW + 1000) == []


def test_hastening_what_is_not_there_makes_nothing(table: EventTable) -> None:
    assert not table.hasten(KEY, seen=NOW + 75, due_at=NOW)
    assert put(table) is None


def test_hastening_leaves_a_claim_to_its_holder(table: EventTable) -> None:
    put(table)
    claim(table)
    assert table.hasten(KEY, seen=NOW + 75, due_at=NOW)
    assert claim(table, "b") is None
    assert settle(table)
    assert all_overdue(table, NOW + 1000) == []


# ---- Formats, and what an item is compared by ---------------------------------------------------


def as_format(table: EventTable, number: int) -> None:
    """Let the item stand as another version stored it: 0 is 0.1.0."""
    if isinstance(table, MemoryTable):
        table.rows[KEY].format = number
        return
    assert isinstance(table, DynamoEventTable)
    change, value = ("SET v = :v", {":v": {"N": str(number)}}) if number else ("REMOVE v, fp", {})
    given = {"ExpressionAttributeValues": value} if value else {}
    table._client.update_item(
        TableName=table._table,
        Key={"event_key": {"S": KEY}},
        UpdateExpression=change,
        **given,  # type: ignore[arg-type]
    )


def test_a_put_tells_what_stands_there_by_fingerprint_or_by_body(table: EventTable) -> None:
    put(table)
    found = put(table, receipt="second")
    assert found is not None
    assert found.fingerprint == stored_of().event.fingerprint
    as_format(table, 0)
    found = put(table, receipt="second")
    assert found is not None
    assert (found.fingerprint, found.packed) == (None, stored_of().packed)


def test_an_item_of_0_1_0_is_claimed_as_what_it_is(table: EventTable) -> None:
    put(table)
    as_format(table, 0)
    claimed = claim(table)
    assert claimed is not None
    assert claimed.format == 0
    assert settle(table)


def test_an_item_of_a_later_version_cannot_be_claimed_and_stays(table: EventTable) -> None:
    put(table)
    as_format(table, FORMAT + 1)
    with pytest.raises(LaterFormat):
        claim(table)
    assert not settle(table)
    assert put(table, receipt="second", now=NOW + 10 * 365 * 86_400) is not None
    assert [overdue.event_key for overdue in all_overdue(table, NOW + 75)] == [KEY]
    as_format(table, FORMAT)
    claimed = claim(table)
    assert claimed is not None
    assert (claimed.claims, claimed.packed) == (1, stored_of().packed)


def test_an_item_of_a_later_version_that_owes_nothing_or_is_held_is_no_trouble(
    table: EventTable,
) -> None:
    put(table)
    claim(table)
    as_format(table, FORMAT + 1)
    assert claim(table, "b") is None
    settle(table)
    assert claim(table, "b", now=NOW + 100) is None


# ---- Marks --------------------------------------------------------------------------------------


def test_a_mark_stands_until_it_is_older_than_asked_for(table: EventTable) -> None:
    def mark(at: float) -> float:
        return table.mark("main:t1+last", at=at, since=at - 240, expires_at=at + 86_400)

    assert mark(NOW) == NOW
    assert mark(NOW + 0.001) == NOW
    assert mark(NOW + 240) == NOW
    assert mark(NOW + 240.001) == NOW + 240.001
    assert mark(NOW) == NOW + 240.001


def test_a_mark_is_no_event(table: EventTable) -> None:
    table.mark(KEY + "+last", at=NOW, since=NOW - 240, expires_at=NOW + 86_400)
    assert table.claim(KEY + "+last", owner="a", now=NOW, until=NOW + 75) is None
    assert all_overdue(table, NOW + 10_000) == []


# ---- Reopening ---------------------------------------------------------------------------------

ANEW = replayed(DELIVERED, NOW + 10)


def seen_of(**changes: object) -> LoggedEvent:
    """The event as an operator reads it, settled by owner `a`."""
    values: dict[str, Any] = {
        "event_key": KEY,
        "received_at": NOW,
        "signed_at": NOW,
        "webhook_id": "w",
        "owner": "a",
        "deliveries": {"crm": DELIVERED},
    }
    return LoggedEvent(**(values | changes))


def reopen(table: EventTable, owner: str = "operator", **changes: object) -> bool:
    return table.reopen(
        seen_of(**changes),
        owner=owner,
        now=NOW + 10,
        deliveries={"crm": ANEW},
        due_at=NOW + 85,
    )


def test_a_settled_event_is_reopened_and_owes_work_again(table: EventTable) -> None:
    put(table)
    claim(table)
    settle(table, expires_at=NOW + 100)
    assert reopen(table)
    assert put(table, receipt="second", now=NOW + 200) == existing_of(due_at=NOW + 85)
    claimed = claim(table, "b", now=NOW + 11)
    assert claimed is not None
    assert claimed.deliveries == {"crm": ANEW}
    assert claimed.deliveries["crm"].replays == 1
    assert claimed.claims == 1


def test_of_two_that_reopen_one_wins_and_its_repeat_holds(table: EventTable) -> None:
    put(table)
    claim(table)
    settle(table)
    assert reopen(table, "one")
    assert not reopen(table, "two")
    assert reopen(table, "one")


def test_what_is_held_or_has_changed_is_not_reopened(table: EventTable) -> None:
    put(table)
    assert not reopen(table)
    claim(table)
    assert not reopen(table)
    assert not reopen(table, claimed_until=NOW + 75)
    settle(table)
    assert not reopen(table, received_at=NOW - 1)
    assert not reopen(table, claimed_until=NOW + 75)
    assert reopen(table)


def test_what_is_not_there_is_not_reopened(table: EventTable) -> None:
    assert not reopen(table)
    assert not table.reopen(seen_of(owner=""), owner="o", now=NOW, deliveries={}, due_at=NOW)
    assert claim(table) is None


def test_reopening_takes_an_ended_claim_away_from_its_worker(table: EventTable) -> None:
    put(table)
    table.claim(KEY, owner="a", now=NOW, until=NOW + 5)
    assert reopen(table, claimed_until=NOW + 5)
    assert not settle(table, "a")
    claimed = claim(table, "b", now=NOW + 11)
    assert claimed is not None
    assert claimed.deliveries == {"crm": ANEW}
