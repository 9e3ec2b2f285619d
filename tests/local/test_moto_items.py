"""Items that moto handles no more often than needed, against moto's own way with them."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from spectrum_cli.local import moto_items
from spectrum_cli.local.intrinsics import ACCOUNT, REGION
from spectrum_cli.local.moto_items import weight
from spectrum_cli.local.moto_repairs import repair
from spectrum_cli.local.moto_server import MotoServer

from tests.support.aws import TABLE, client_of, create_table

texts = st.text(max_size=5)
values: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.one_of(
        texts.map(lambda text: {"S": text}),
        st.decimals(-1000, 1000, places=2).map(lambda number: {"N": str(number)}),
        st.binary(max_size=5).map(lambda content: {"B": content}),
        st.booleans().map(lambda value: {"BOOL": value}),
        st.just({"NULL": True}),
        st.sets(texts, min_size=1, max_size=3).map(lambda several: {"SS": sorted(several)}),
        st.just({"NS": ["1", "2.5"]}),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda several: {"L": several}),
        st.dictionaries(texts, inner, max_size=3).map(lambda several: {"M": several}),
    ),
    max_leaves=8,
)
items = st.dictionaries(texts, values, max_size=4)
SAME: dict[str, Any] = {
    "kind": {"S": "messages"},
    "claims": {"N": "1"},
    "past": {"L": [{"S": "old"}]},
    "seen": {"SS": ["x"]},
    "deliveries": {"M": {"crm": {"M": {"status": {"S": "pending"}}}}},
}


@pytest.fixture(scope="module", autouse=True)
def mended() -> None:
    repair()


def made(attributes: dict[str, Any]) -> Item:
    return Item(DynamoType({"S": "key"}), None, attributes)


@given(value=values)
def test_a_value_counts_as_much_of_a_page_as_by_motos_own_sum(value: dict[str, Any]) -> None:
    by_moto: Any = inspect.unwrap(DynamoType.size)
    assert DynamoType(value).size() == by_moto(DynamoType(value))


@given(attributes=items)
def test_an_item_counts_as_much_of_a_page_as_by_motos_own_sum(attributes: dict[str, Any]) -> None:
    by_moto: Any = inspect.unwrap(Item.size)
    assert made(attributes).size() == by_moto(made(attributes))


@given(value=values | st.just({"B": "AP8="}))
def test_a_value_is_answered_as_by_moto_and_shares_nothing_that_an_update_changes(
    value: dict[str, Any],
) -> None:
    by_moto: Any = inspect.unwrap(DynamoType.to_regular_json)
    kept = DynamoType(value)
    answered = kept.to_regular_json()
    assert answered == by_moto(DynamoType(value))
    if isinstance(kept.value, dict):
        assert answered[kept.type] is not kept.value


@given(attributes=items)
def test_an_item_weighs_the_same_before_it_is_stored_and_after(attributes: dict[str, Any]) -> None:
    assert weight(attributes) == weight(made(attributes).attrs)


@given(attributes=items)
def test_a_copy_is_equal_and_shares_nothing_that_an_update_changes(
    attributes: dict[str, Any],
) -> None:
    item = made(attributes)
    copied = copy.deepcopy(item)
    assert copied.to_json() == item.to_json()
    assert {id(each) for each in _changeable(copied)}.isdisjoint(map(id, _changeable(item)))


def _changeable(item: Item) -> Iterator[Any]:
    yield from (item, item.attrs)
    waiting = list(item.attrs.values())
    while waiting:
        each = waiting.pop()
        if each.type not in ("S", "N"):
            yield each
        if isinstance(each.value, dict | list):
            yield each.value
            inner = each.value.values() if isinstance(each.value, dict) else each.value
            waiting += [one for one in inner if isinstance(one, DynamoType)]


def test_an_answer_of_many_items_makes_none_of_their_values_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def asked(limit: int) -> tuple[int, int]:
        """How many items came, and how many values were made for them."""
        made.clear()
        page = client.query(
            TableName=TABLE,
            IndexName="due",
            KeyConditionExpression="shard = :shard",
            ExpressionAttributeValues={":shard": {"N": "1"}},
            Limit=limit,
        )
        keys = [{"event_key": item["event_key"]} for item in page["Items"]]
        wanted = {"Keys": keys, "ProjectionExpression": "event_key, deliveries"}
        found = client.batch_get_item(RequestItems={TABLE: wanted})["Responses"][TABLE]
        assert all(item["deliveries"] == {"M": {"crm": {"S": "delivered"}}} for item in found)
        # A key that is asked for is a value, too.
        return len(found), len(made) - len(keys)

    def noting(make: Any) -> Any:
        def noted(self: DynamoType, *given: Any) -> Any:
            made.append(self)
            return make(self, *given)

        return noted

    made: list[DynamoType] = []
    with MotoServer() as server:
        client = client_of("dynamodb", server.url)
        create_table(client)
        for number in range(30):
            item: dict[str, Any] = {
                "event_key": {"S": f"key-{number:02}"},
                "shard": {"N": "1"},
                "due_at": {"N": str(number)},
                "deliveries": {"M": {"crm": {"S": "delivered"}}},
            }
            client.put_item(TableName=TABLE, Item=item)
        asked(1)  # puts the table in order
        for way in ("__init__", "__deepcopy__"):
            monkeypatch.setattr(DynamoType, way, noting(getattr(DynamoType, way)))
        few, many = asked(5), asked(20)
        client.close()
    assert (few[0], many[0]) == (5, 20)
    assert few[1] == many[1]


def test_what_is_read_is_not_copied_and_what_is_updated_is(monkeypatch: pytest.MonkeyPatch) -> None:
    copies: list[DynamoType] = []

    def noted(value: DynamoType) -> DynamoType:
        copies.append(value)
        return copy_of(value)

    copy_of = moto_items._copy
    monkeypatch.setattr(moto_items, "_copy", noted)
    condition = {"KeyConditionExpression": "shard = :one", "IndexName": "due"}
    with MotoServer() as server:
        client = client_of("dynamodb", server.url)
        create_table(client)
        item = {"event_key": {"S": "a"}, "shard": {"N": "1"}, "due_at": {"N": "2"}}
        client.put_item(TableName=TABLE, Item=item)
        values = {":one": {"N": "1"}}
        queried = client.query(TableName=TABLE, ExpressionAttributeValues=values, **condition)
        scanned = client.scan(TableName=TABLE)
        assert (queried["Items"], scanned["Items"], copies) == ([item], [item], [])
        client.update_item(
            TableName=TABLE,
            Key={"event_key": {"S": "a"}},
            UpdateExpression="SET due_at = :later",
            ExpressionAttributeValues={":later": {"N": "3"}},
        )
        assert copies != []
        client.close()


def test_what_is_the_same_in_items_is_kept_once_and_an_update_of_one_leaves_the_others() -> None:
    with MotoServer() as server:
        client = client_of("dynamodb", server.url)
        create_table(client)
        for key in ("a", "b"):
            client.put_item(TableName=TABLE, Item={"event_key": {"S": key}, **SAME})
        a, b = (item for item in dynamodb_backends[ACCOUNT][REGION].tables[TABLE].items.values())
        assert isinstance(a, Item) and isinstance(b, Item)
        for ours, theirs in zip(_texts(a.attrs), _texts(b.attrs), strict=True):
            assert ours is theirs or {ours.value, theirs.value} == {"a", "b"}
        assert list(map(id, _names(a.attrs))) == list(map(id, _names(b.attrs)))
        client.update_item(
            TableName=TABLE,
            Key={"event_key": {"S": "a"}},
            UpdateExpression="SET kind = :new, deliveries.crm.#status = :new, past[0] = :new"
            " ADD claims :one, seen :more",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":new": {"S": "new"},
                ":one": {"N": "1"},
                ":more": {"SS": ["y"]},
            },
        )
        changed, left = (
            client.get_item(TableName=TABLE, Key={"event_key": {"S": key}})["Item"]
            for key in ("a", "b")
        )
        client.close()
    assert left == {"event_key": {"S": "b"}, **SAME}
    assert changed == {
        "event_key": {"S": "a"},
        "kind": {"S": "new"},
        "claims": {"N": "2"},
        "past": {"L": [{"S": "new"}]},
        "seen": {"SS": ["x", "y"]},
        "deliveries": {"M": {"crm": {"M": {"status": {"S": "new"}}}}},
    }


def _texts(values: dict[str, DynamoType]) -> Iterator[DynamoType]:
    for each in values.values():
        if each.type == "M":
            yield from _texts(each.value)
        elif each.type in ("S", "N"):
            yield each


def _names(values: dict[str, DynamoType]) -> Iterator[str]:
    for name, each in values.items():
        yield name
        if each.type == "M":
            yield from _names(each.value)
