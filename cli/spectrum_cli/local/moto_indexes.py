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
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Final
from weakref import WeakKeyDictionary

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

ORDERED: Final = ("S", "N")

Value = Any
"""What a key is compared by: a text, or a number as Decimal."""
Place = tuple[Value, ...]
"""What a partition is sorted by: the index's range key, then the table's own key."""
Spot = tuple["Partition", Place]


@dataclass(eq=False)
class Partition:
    """The items of one partition, in order."""

    places: list[Place] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)

    def put(self, place: Place, item: Item) -> None:
        at = bisect_left(self.places, place)
        self.places.insert(at, place)
        self.items.insert(at, item)

    def take(self, place: Place) -> None:
        at = bisect_left(self.places, place)
        del self.places[at], self.items[at]

    def asked_for(
        self,
        comparison: str | None,
        values: Sequence[Value],
        *,
        after: Place | None,
        forward: bool,
        limit: int | None,
    ) -> list[Item]:
        """What an answer is made of, and one item beyond: by that moto knows of a next page.

        `after` is where the page before has ended.
        """
        begin, end = self._matching(comparison, values)
        if forward:
            if after is not None:
                begin = max(begin, bisect_right(self.places, after))
            last = end if limit is None else min(end, begin + limit)
            return self.items[begin : max(begin, last) + 1]
        if after is not None:
            end = min(end, bisect_left(self.places, after))
        first = begin if limit is None else max(begin, end - limit)
        return self.items[max(0, min(first, end) - 1) : end]

    def _matching(self, comparison: str | None, values: Sequence[Value]) -> tuple[int, int]:
        def first(value: Value) -> int:
            return bisect_left(self.places, value, key=lambda place: place[0])

        def behind(value: Value) -> int:
            return bisect_right(self.places, value, key=lambda place: place[0])

        begin, end = 0, len(self.places)
        match comparison:
            case "=" | "EQ":
                begin, end = first(values[0]), behind(values[0])
            case "<" | "LT":
                end = first(values[0])
            case "<=" | "LE":
                end = behind(values[0])
            case ">" | "GT":
                begin = behind(values[0])
            case ">=" | "GE":
                begin = first(values[0])
            case "BETWEEN":
                begin, end = first(values[0]), behind(values[1])
            case "BEGINS_WITH":
                begin, length = first(values[0]), len(values[0])
                end = bisect_right(self.places, values[0], key=lambda place: place[0][:length])
        return begin, end


@dataclass(frozen=True)
class Order:
    """How the items of an index, or of the table itself, are parted and sorted: by which keys."""

    keys: tuple[str, ...]
    types: tuple[str, ...]
    partitions: defaultdict[Value, Partition] = field(
        default_factory=lambda: defaultdict(Partition)
    )

    def spot(self, attributes: Mapping[str, DynamoType | None]) -> Spot | None:
        """Where an item with these attributes stands; None if it is not in this index."""
        found = []
        for name, kind in zip(self.keys, self.types, strict=True):
            value = attributes.get(name)
            if value is None or value.type != kind:
                return None
            found.append(value.cast_value)
        return self.partitions[found[0]], tuple(found[1:])


class Ordered:
    """A table's items in all of its orders, from the first query on."""

    def __init__(self, table: Table) -> None:
        types = {each["AttributeName"]: each["AttributeType"] for each in table.attr}
        self._key = tuple(table.table_key_attrs)
        keys = {None: (self._key[0], *(self._key[1:] or self._key))} | self._indexes(table)
        self.orders = {
            name: Order(names, tuple(types[each] for each in names))
            for name, names in keys.items()
            if all(types[each] in ORDERED for each in names)
        }
        self._standing: dict[Place, tuple[Item, list[Spot]]] = {}
        for under_hash in list(table.items.values()):
            items: Any = under_hash.values() if table.range_key_attr else [under_hash]
            for item in items:
                self.put(item)

    def _indexes(self, table: Table) -> dict[str | None, tuple[str, ...]]:
        found: dict[str | None, tuple[str, ...]] = {}
        for index in table.all_indexes():
            if [key["KeyType"] for key in index.schema] == ["HASH", "RANGE"]:
                found[index.name] = (*(key["AttributeName"] for key in index.schema), *self._key)
        return found

    def put(self, item: Item) -> None:
        """Have an item that is new, or has changed, where it belongs."""
        key = self._key_of(item.attrs)
        spots = [spot for order in self.orders.values() if (spot := order.spot(item.attrs))]
        before, left = self._standing.get(key, (None, []))
        if before is item and left == spots:
            return
        for partition, place in left:
            partition.take(place)
        for partition, place in spots:
            partition.put(place, item)
        self._standing[key] = item, spots

    def take(self, key: Mapping[str, Any]) -> None:
        """Forget the item under a key, if there is one."""
        _, spots = self._standing.pop(self._key_of(key), (None, []))
        for partition, place in spots:
            partition.take(place)

    def look_again(self, key: Mapping[str, Any]) -> None:
        """Have the item under a request's key where it belongs by now."""
        item, _ = self._standing.get(self._key_of(key), (None, []))
        if item is not None:
            self.put(item)

    def _key_of(self, attributes: Mapping[str, Any]) -> Place:
        return tuple(DynamoType(attributes[name]).cast_value for name in self._key)


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
    return order.partitions[partition.cast_value].asked_for(
        asked["range_comparison"],
        [value.cast_value for value in values],
        after=after and after[1],
        forward=asked["scan_index_forward"] is not False,
        limit=asked["limit"],
    )
