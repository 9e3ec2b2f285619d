"""Tables of moto's DynamoDB that are kept in the order in which they are asked.

For a query, moto walks the whole table, and sorts what it finds by comparisons of its own: at 8,000
events a page of the log takes it more than a second. Here the order of each index, and of the table
itself, is kept from write to write, and a query is shown the few items that its answer needs. What
becomes of them is decided by moto's own code, which sees nothing else.

Only what DynamoDB itself would take is put in order: keys that are texts or numbers, one of each
kind for an index. Any other query goes to moto as it came.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Mapping
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from spectrum_cli.local.moto_order import Ordered

_ORDERED: WeakKeyDictionary[Table, Ordered] = WeakKeyDictionary()


def keep_in_order() -> None:
    """Let moto's queries see only what they are about, for the life of the process."""
    _follow_writes()
    _show_what_is_asked_for()


def _follow_writes() -> None:
    put, delete, update = Table.put_item, Table.delete_item, DynamoDBBackend.update_item

    def put_item(self: Table, *positional: Any, **named: Any) -> Item:
        item = put(self, *positional, **named)
        if ordered := _ORDERED.get(self):
            ordered.put(item)
        return item

    def delete_item(self: Table, hash_key: DynamoType, range_key: DynamoType | None) -> Item | None:
        item = delete(self, hash_key, range_key)
        if item is not None and (ordered := _ORDERED.get(self)):
            ordered.take(item.attrs)
        return item

    def update_item(
        self: DynamoDBBackend, table_name: str, key: dict[str, Any], *more: Any, **named: Any
    ) -> Item:
        ordered = _ORDERED.get(self.get_table(table_name))
        try:
            return update(self, table_name, key, *more, **named)
        finally:  # what fails halfway may have changed the item all the same
            if ordered:
                ordered.look_again(key)

    Table.put_item = put_item  # type: ignore[method-assign]
    Table.delete_item = delete_item  # type: ignore[method-assign]
    DynamoDBBackend.update_item = update_item  # type: ignore[method-assign]


def _show_what_is_asked_for() -> None:
    query_all, all_of, shown = Table.query, Table.all_items, threading.local()
    asked = inspect.signature(query_all)

    @wraps(query_all)
    def query(self: Table, *positional: Any, **named: Any) -> Any:
        shown.items = _asked_for(self, asked.bind(self, *positional, **named).arguments)
        try:
            return query_all(self, *positional, **named)
        finally:
            shown.items = None

    def all_items(self: Table) -> list[Item]:
        items: list[Item] | None = getattr(shown, "items", None)
        return all_of(self) if items is None else items

    Table.query = query  # type: ignore[method-assign]
    Table.all_items = all_items  # type: ignore[method-assign]


def _asked_for(table: Table, asked: Mapping[str, Any]) -> list[Item] | None:
    """The items that a query has to see, by the arguments of moto's; None: all of them."""
    ordered = _ORDERED.get(table)
    if ordered is None:
        ordered = _ORDERED[table] = Ordered(table)
    order, partition = ordered.orders.get(asked.get("index_name")), asked["hash_key"]
    names = ("hash_key_conditions", "range_key_conditions")
    several = any(len(asked.get(name) or ()) > 1 for name in names)
    if order is None or partition is None or several or asked.get("filter_kwargs"):
        return None
    values = asked["range_objs"]
    if partition.type != order.types[0] or any(v.type != order.types[1] for v in values):
        return None
    after = None
    if asked["exclusive_start_key"] is not None:
        start = {name: DynamoType(value) for name, value in asked["exclusive_start_key"].items()}
        after = order.spot(start)
        if after is None or start[order.keys[0]] != partition:
            return None
    found = order.partitions.get(partition.cast_value)
    if found is None:
        return []
    return found.asked_for(
        asked["range_comparison"],
        [value.cast_value for value in values],
        after=after and after[1],
        forward=asked["scan_index_forward"] is not False,
        limit=asked["limit"],
    )
