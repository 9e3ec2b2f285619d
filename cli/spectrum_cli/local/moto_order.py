"""A table of moto's DynamoDB, in the order of each of its indexes.

Owns where an item stands in each order, and which of them a query's answer is made of.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

ORDERED: Final = ("S", "N")

Value = Any
"""What a key is compared by: a text, or a number as Decimal."""
Place = tuple[Value, ...]
"""What a partition is sorted by: the index's range key, then the table's own key."""
Spot = tuple[Value, Place]
"""A partition, and where in it."""


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


@dataclass(frozen=True, eq=False)
class Order:
    """How the items of an index, or of the table itself, are parted and sorted: by which keys."""

    keys: tuple[str, ...]
    types: tuple[str, ...]
    partitions: dict[Value, Partition] = field(default_factory=dict)

    def spot(self, attributes: Mapping[str, DynamoType | None]) -> Spot | None:
        """Where an item with these attributes stands; None if it is not in this index."""
        found = []
        for name, kind in zip(self.keys, self.types, strict=True):
            value = attributes.get(name)
            if value is None or value.type != kind:
                return None
            found.append(value.cast_value)
        return found[0], tuple(found[1:])

    def put(self, spot: Spot, item: Item) -> None:
        partition, place = spot
        self.partitions.setdefault(partition, Partition()).put(place, item)

    def take(self, spot: Spot) -> None:
        partition, place = spot
        left = self.partitions[partition]
        left.take(place)
        if not left.items:  # else a table remembers each conversation that there ever was
            del self.partitions[partition]


Standing = tuple[Order, Spot]


class Ordered:
    """A table's items in all of its orders, from the first query on."""

    def __init__(self, table: Table) -> None:
        types = {each["AttributeName"]: each["AttributeType"] for each in table.attr}
        self._key = tuple(table.table_key_attrs)
        keys = self._indexes(table)
        if table.range_key_attr:  # of others each key is a partition, and is got, not asked for
            keys[None] = self._key
        self.orders = {
            name: Order(names, tuple(types[each] for each in names))
            for name, names in keys.items()
            if all(types[each] in ORDERED for each in names)
        }
        self._standing: dict[Place, tuple[Item, list[Standing]]] = {}
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
        orders = self.orders.values()
        spots = [(order, spot) for order in orders if (spot := order.spot(item.attrs))]
        before, left = self._standing.get(key, (None, []))
        if before is item and left == spots:
            return
        for order, spot in left:
            order.take(spot)
        for order, spot in spots:
            order.put(spot, item)
        self._standing[key] = item, spots

    def take(self, key: Mapping[str, Any]) -> None:
        """Forget the item under a key, if there is one."""
        _, spots = self._standing.pop(self._key_of(key), (None, []))
        for order, spot in spots:
            order.take(spot)

    def look_again(self, key: Mapping[str, Any]) -> None:
        """Have the item under a request's key where it belongs by now."""
        item, _ = self._standing.get(self._key_of(key), (None, []))
        if item is not None:
            self.put(item)

    def _key_of(self, attributes: Mapping[str, Any]) -> Place:
        return tuple(DynamoType(attributes[name]).cast_value for name in self._key)
