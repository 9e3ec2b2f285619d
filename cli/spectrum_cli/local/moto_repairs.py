"""What moto does too slowly for a burst, or a full table; mended for the life of the process.

To find a request's service, moto lists its own folder, for each request and under one lock: most
of a burst's time. The answer depends on the host alone, so it is looked up once for each.

To read an index, moto sorts and compares the whole table with comparisons of its own, and converts
every item that it found once for each attribute that is asked for. Leaving other partitions out
first, and picking attributes, gives the same in a fraction of the time.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.moto_server.werkzeug_app import DomainDispatcherApplication


@cache
def repair() -> None:
    """Mend moto; further calls do nothing."""
    _remember_hosts()
    _read_indexes_quickly()


def _remember_hosts() -> None:
    look_up = DomainDispatcherApplication.get_backend_for_host

    @cache
    def get_backend_for_host(self: DomainDispatcherApplication, host: str | None) -> object:
        return look_up(self, host)

    DomainDispatcherApplication.get_backend_for_host = get_backend_for_host  # type: ignore[method-assign]


def _read_indexes_quickly() -> None:
    all_of, query_all, project_any = Table.all_items, Table.query, Item.project
    asked = threading.local()

    def query(self: Table, *positional: Any, **named: Any) -> Any:
        asked.partition = named.get("hash_key_conditions")
        try:
            return query_all(self, *positional, **named)
        finally:
            asked.partition = None

    def all_items(self: Table) -> list[Item]:
        partition = getattr(asked, "partition", None)
        if not partition or self.range_key_attr:
            return all_of(self)
        # A query sorts what it finds; nothing else asks for a partition.
        items: list[Item] = list(self.items.values())  # type: ignore[arg-type]
        for name, wanted in partition:
            items = [item for item in items if _same(item.attrs.get(name), wanted)]
        return items

    def project(self: Item, projection_expressions: list[list[str]]) -> Item:
        if any(len(path) > 1 or "[" in path[0] for path in projection_expressions):
            return project_any(self, projection_expressions)
        names = {path[0] for path in projection_expressions}
        kept = {name: value for name, value in self.attrs.items() if name in names}
        return Item(hash_key=self.hash_key, range_key=self.range_key, attrs=kept)

    Table.query = query  # type: ignore[method-assign]
    Table.all_items = all_items  # type: ignore[method-assign]
    Item.project = project  # type: ignore[method-assign]


def _same(value: DynamoType | None, wanted: DynamoType) -> bool:
    # The usual way to write a number is compared first: it takes no conversion.
    return value is not None and (
        (value.value == wanted.value and value.type == wanted.type) or value == wanted
    )
