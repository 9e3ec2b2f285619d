"""Queries that see what they are about alone, against moto's own that see the whole table."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from spectrum_cli.local.intrinsics import ACCOUNT, REGION
from spectrum_cli.local.moto_indexes import _ORDERED
from spectrum_cli.local.moto_repairs import repair

from tests.support.prove import LONG

KEYS, SHARDS, TIMES = ("a", "ab", "b", "c", "ca"), ("0", "1", "1.0"), ("1", "2", "2.0", "3", "10")
COMPARISONS = (None, "=", "<", "<=", ">", ">=", "BETWEEN", "BEGINS_WITH")


def write(key: str, shard: str | None, at: str | None) -> dict[str, Any]:
    item = {"event_key": {"S": key}, "place": {"S": at or "0"}, "body": {"S": "long"}}
    return item | ({"shard": {"N": shard}} if shard else {}) | ({"due_at": {"N": at}} if at else {})


writes = st.builds(
    write, st.sampled_from(KEYS), st.sampled_from((*SHARDS, None)), st.sampled_from((*TIMES, None))
)
steps = st.lists(
    st.one_of(
        writes.map(lambda item: ("put", item)),
        st.tuples(st.sampled_from(("move", "owe nothing", "delete")), writes),
        st.tuples(st.just("fail halfway"), writes),
    ),
    max_size=12,
)
questions = st.fixed_dictionaries(
    {
        "comparison": st.sampled_from(COMPARISONS),
        "values": st.lists(st.sampled_from(TIMES), min_size=2, max_size=2),
        "limit": st.sampled_from((None, 1, 2, 5)),
        "forward": st.booleans(),
        "shard": st.sampled_from((*SHARDS, "7")),
    }
)


@pytest.fixture(scope="module", autouse=True)
def mended() -> Iterator[None]:
    repair()
    with mock_aws():
        yield


def make_table(backend: DynamoDBBackend, *, ranged: bool) -> Table:
    backend.tables.clear()
    schema = [{"AttributeName": "event_key", "KeyType": "HASH"}]
    if ranged:
        schema.append({"AttributeName": "place", "KeyType": "RANGE"})
    names = {"event_key": "S", "place": "S", "shard": "N", "due_at": "N"}
    index = {
        "IndexName": "due",
        "KeySchema": [
            {"AttributeName": "shard", "KeyType": "HASH"},
            {"AttributeName": "due_at", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    return backend.create_table(
        "events",
        schema=schema,
        throughput=None,
        attr=[{"AttributeName": name, "AttributeType": kind} for name, kind in names.items()],
        global_indexes=[index],
        indexes=None,
        streams=None,
        billing_mode="PAY_PER_REQUEST",
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )


def take_step(backend: DynamoDBBackend, what: str, item: dict[str, Any], *, ranged: bool) -> None:
    key = {"event_key": item["event_key"]} | ({"place": item["place"]} if ranged else {})
    value = {":at": item.get("due_at", {"N": "4"}), ":shard": item.get("shard", {"N": "0"})}
    match what:
        case "put":
            backend.put_item("events", item)
        case "delete":
            backend.delete_item("events", key)
        case "move":
            moved = "SET due_at = :at, #shard = :shard"
            backend.update_item("events", key, moved, {"#shard": "shard"}, value)
        case "owe nothing":
            backend.update_item("events", key, "REMOVE due_at", {}, {})
        case "fail halfway":
            with contextlib.suppress(Exception):
                broken = "SET due_at = :at, #shard = :shard ADD body :at"
                backend.update_item("events", key, broken, {"#shard": "shard"}, value)


def asked(table: Table, question: dict[str, Any], *, plainly: bool, index: str | None) -> list[Any]:
    """Every page of an answer, as its items, their number and where the next page begins."""
    query = Table.query.__wrapped__ if plainly else Table.query  # type: ignore[attr-defined]
    used = query.__get__(table)
    return list(_pages(used, question, index=index))


def _pages(query: Any, question: dict[str, Any], *, index: str | None) -> Iterator[Any]:
    comparison, start = question["comparison"], None
    if index and comparison == "BEGINS_WITH":
        comparison = None  # it is for texts
    count = {None: 0, "BETWEEN": 2}.get(comparison, 1)
    wanted = DynamoType({"N": question["shard"]}) if index else DynamoType({"S": "a"})
    values = [DynamoType({"N" if index else "S": each}) for each in question["values"][:count]]
    conditions = [("due_at", comparison, values)] if comparison else []
    for _ in range(20):
        items, seen, following = query(
            wanted,
            comparison,
            values,
            question["limit"],
            start,
            question["forward"],
            None,
            index,
            False,
            None,
            hash_key_conditions=[("shard", wanted)] if index else [],
            range_key_conditions=conditions if index else [],
        )
        start = following and {name: value.to_json() for name, value in following.items()}
        yield [item.to_json() for item in items], seen, start
        if start is None:
            return


@settings(max_examples=1000 if LONG else 100, deadline=None)
@given(steps=steps, first=questions, then=st.lists(questions, min_size=1, max_size=3))
@pytest.mark.parametrize("ranged", [False, True], ids=["one key", "two keys"])
def test_a_query_finds_what_a_walk_through_the_whole_table_finds(
    steps: Any, first: Any, then: Any, ranged: bool
) -> None:
    backend = dynamodb_backends[ACCOUNT][REGION]
    table = make_table(backend, ranged=ranged)
    backend.put_item("events", write("b", "1", "2"))
    asked(table, first, plainly=False, index="due")  # from here on the order is kept
    for what, item in steps:
        take_step(backend, what, item, ranged=ranged)
    for question in then:
        for index in ("due", None) if ranged else ("due",):
            found = asked(table, question, plainly=False, index=index)
            assert found == asked(table, question, plainly=True, index=index)


def test_a_partition_that_nothing_is_left_in_is_forgotten() -> None:
    backend = dynamodb_backends[ACCOUNT][REGION]
    table = make_table(backend, ranged=True)
    question = {"comparison": None, "values": TIMES[:2], "limit": None, "forward": True}
    for shard in ("1", "7"):
        asked(table, {**question, "shard": shard}, plainly=False, index="due")
    for key in KEYS:
        item = write(key, "1", "2")
        backend.put_item("events", item)
        take_step(backend, "delete", item, ranged=True)
    assert asked(table, {**question, "shard": "1"}, plainly=False, index="due")[0][0] == []
    assert [order.partitions for order in _ORDERED[table].orders.values()] == [{}, {}]
