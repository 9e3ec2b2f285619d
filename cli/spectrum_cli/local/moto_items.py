"""Items of moto's DynamoDB: weighed as DynamoDB does, and kept and handled no more than needed.

moto keeps an object, and a text, for each value and each name of each item, though most stand in
every one: the same statuses, destinations, webhooks and names. What is the same is kept once; a
text or a number is never changed in its place.

To answer a query or a scan moto copies each item that it has found, and takes a part of it by
making each value anew; to know a page's size it makes every value of a map anew, once a level, and
to write an answer it copies each once more. What becomes an answer is turned into plain values
while the call is still alone with the table, so that it may be the table's own. Only an update
needs a copy, and gets a straight one.

An item is weighed by DynamoDB when an update is done, and the update is undone where it is too
heavy. moto weighs it before each attribute, what is replaced or removed included, takes base64 for
bytes, and leaves what it has changed so far.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache, wraps
from sys import intern
from typing import Any, Final

from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.executors import UpdateExpressionExecutor

# Bytes; the service says 400 KB.
LARGEST_ITEM: Final = 409_600
# Values that stand in themselves, and how many of those up to which length are kept once. What an
# event alone has passes through; what all have is asked for with each.
PLAIN: Final = frozenset({"S", "N"})
KEPT_ONCE, SHORT = 4096, 64


def keep_once() -> None:
    """Let items share what is the same in them, for the life of the process."""

    @lru_cache(KEPT_ONCE)
    def shared(kind: str, content: str) -> DynamoType:
        return _made(kind, content)

    def new(cls: type[DynamoType], given: Any = None) -> DynamoType:
        if type(given) is DynamoType:
            return given if given.type in PLAIN else object.__new__(cls)
        if type(given) is dict and len(given) == 1:
            ((kind, content),) = given.items()
            if kind in PLAIN and type(content) is str and len(content) <= SHORT:
                return shared(kind, content)
        return object.__new__(cls)

    def init(self: DynamoType, given: DynamoType | dict[str, Any]) -> None:
        kind, content = _parts(given)
        if kind == "L":
            content = [DynamoType(each) for each in content]
        elif kind == "M":
            content = {intern(name): DynamoType(each) for name, each in content.items()}
        self.type, self.value = kind, content

    def init_item(
        self: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]
    ) -> None:
        self.hash_key, self.range_key, self.attrs = hash_key, range_key, LimitedSizeDict()
        for name, value in attrs.items():
            self.attrs[intern(name)] = DynamoType(value)

    DynamoType.__new__ = new  # type: ignore[assignment, method-assign]
    DynamoType.__init__ = init  # type: ignore[assignment, method-assign]
    Item.__init__ = init_item  # type: ignore[method-assign]


def handle_seldom() -> None:
    """Copy items for updates alone, and add sizes up straight, for the life of the process."""
    reading = threading.local()

    def without_copies(find: Callable[..., Any]) -> Any:
        @wraps(find)
        def found(self: Table, *positional: Any, **named: Any) -> Any:
            reading.now = True
            try:
                return find(self, *positional, **named)
            finally:
                reading.now = False

        return found

    def deepcopy(self: Item, memo: dict[int, Any]) -> Item:
        if getattr(reading, "now", False):
            return self
        return _item(self.hash_key, self.range_key, ((k, _copy(v)) for k, v in self.attrs.items()))

    Table.query = without_copies(Table.query)  # type: ignore[method-assign]
    Table.scan = without_copies(Table.scan)  # type: ignore[method-assign]
    Item.__deepcopy__ = deepcopy  # type: ignore[method-assign]
    Item.size = wraps(Item.size)(_size_of_item)  # type: ignore[method-assign]
    DynamoType.size = wraps(DynamoType.size)(_size)  # type: ignore[method-assign]
    DynamoType.to_regular_json = wraps(DynamoType.to_regular_json)(_plain)  # type: ignore[method-assign]


def pick_attributes() -> None:
    """Take whole attributes out of an item as they are, for the life of the process."""
    project_any = Item.project

    def project(self: Item, projection_expressions: list[list[str]]) -> Item:
        if any(len(path) > 1 or "[" in path[0] for path in projection_expressions):
            return project_any(self, projection_expressions)
        names = {path[0] for path in projection_expressions}
        kept = ((name, value) for name, value in self.attrs.items() if name in names)
        return _item(self.hash_key, self.range_key, kept)

    Item.project = project  # type: ignore[method-assign]


def weigh_whole_items() -> None:
    """Refuse what DynamoDB would refuse for its weight, for the life of the process."""
    execute, put = UpdateExpressionExecutor.execute, Table.put_item

    def execute_or_undo(self: UpdateExpressionExecutor, node: Any = None) -> None:
        before = dict(self.item.attrs)
        execute(self, node)
        if node is None and weight(self.item.attrs) > LARGEST_ITEM:
            self.item.attrs.clear()
            self.item.attrs.update(before)
            raise ItemSizeTooLarge

    def put_item(self: Table, item_attrs: dict[str, Any], *more: Any, **named: Any) -> Item:
        if weight(item_attrs) > LARGEST_ITEM:
            raise ItemSizeTooLarge
        return put(self, item_attrs, *more, **named)

    LimitedSizeDict.__setitem__ = dict.__setitem__  # type: ignore[method-assign]
    UpdateExpressionExecutor.execute = execute_or_undo  # type: ignore[method-assign]
    Table.put_item = put_item  # type: ignore[method-assign]


def weight(attributes: dict[str, Any]) -> int:
    """The size in bytes, as DynamoDB counts it, of an item as moto has it or as a request does."""
    return sum(len(name.encode()) + _weight(value) for name, value in attributes.items())


def _weight(value: DynamoType | dict[str, Any]) -> int:
    kind, content = _parts(value)
    match kind:
        case "N":
            return (len(str(content).lstrip("-").replace(".", "").strip("0")) + 1) // 2 + 1
        case "M":
            return 3 + sum(1 + len(name.encode()) + _weight(each) for name, each in content.items())
        case "L":
            return 3 + sum(1 + _weight(each) for each in content)
        case "B":
            return len(content) if isinstance(content, bytes) else len(content) * 3 // 4
    return len(content.encode()) if isinstance(content, str) else 1


def _item(
    hash_key: DynamoType, range_key: DynamoType | None, attributes: Iterable[tuple[str, DynamoType]]
) -> Item:
    """An item with these values themselves, where moto's own way makes each of them anew."""
    item = Item(hash_key, range_key, {})
    item.attrs.update(attributes)
    return item


def _copy(value: DynamoType) -> DynamoType:
    kind, content = value.type, value.value
    if kind in PLAIN:
        return value
    if kind == "M":
        content = {name: _copy(each) for name, each in content.items()}
    elif kind == "L":
        content = [_copy(each) for each in content]
    elif isinstance(content, list):
        content = list(content)
    return _made(kind, content)


def _made(kind: str, content: Any) -> DynamoType:
    made = object.__new__(DynamoType)
    made.type, made.value = kind, content
    return made


def _parts(value: DynamoType | dict[str, Any]) -> tuple[str, Any]:
    """A value's type and content, as moto has it or as a request does."""
    if isinstance(value, DynamoType):
        return value.type, value.value
    return next(iter(value.items()))


def _size_of_item(self: Item) -> int:
    return _size_of_all(self.attrs)


def _size_of_all(named: dict[str, DynamoType]) -> int:
    size = 0
    for name, each in named.items():
        size += _bytes(name) + _size(each)
    return size


def _size(self: DynamoType) -> int:
    """What moto counts against the size of a page, by its own formula."""
    kind, content = self.type, self.value
    if type(content) is str:
        return _bytes(content)
    match kind:
        case "N":
            return len(str(content))
        case "M":
            return _size_of_all(content)
        case "L":
            return sum(map(_size, content))
        case "SS" | "NS" | "BS":
            return sum(_size(DynamoType({kind[0]: each})) for each in content)
    return 1 if isinstance(content, bool) else len(content)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _plain(self: DynamoType) -> dict[str, Any]:
    """The value as an answer has it."""
    kind, content = self.type, self.value
    match kind:
        case "M":
            content = {name: _plain(each) for name, each in content.items()}
        case "L":
            content = [_plain(each) for each in content]
        case "B" if isinstance(content, str):
            content = base64.b64decode(content)
    return {kind: content}
