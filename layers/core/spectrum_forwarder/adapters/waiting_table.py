"""The places in all lines: one item a place, a line in a few parts so that no key runs hot."""

import heapq
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.intake import ConditionFailed, call
from spectrum_forwarder.domain.line import Place

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

# A partition takes a thousand places a second.
PARTS = 4


class DynamoLines:
    """The `Lines` port."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def put(self, line: str, place: Place) -> None:
        """See the port."""
        item = _key(line, place) | {"stood_at": items.number(place.stood_at)}
        if place.probed_at:
            item["probed_at"] = items.number(place.probed_at)
        self._call(self._client.put_item, Item=item)

    def first(self, line: str, *, limit: int, after: str = "") -> Sequence[Place]:
        """See the port."""
        parts = [self._first(line, part, limit, after) for part in range(PARTS)]
        return list(heapq.merge(*parts))[:limit]

    def free(self, line: str, place: Place) -> bool:
        """See the port."""
        try:
            self._call(
                self._client.delete_item,
                Key=_key(line, place),
                ConditionExpression="stood_at = :seen",
                ExpressionAttributeValues={":seen": items.number(place.stood_at)},
            )
        except ConditionFailed:
            return False
        return True

    def count(self, line: str, *, limit: int) -> int:
        """See the port."""
        return sum(self._count(line, part, limit) for part in range(PARTS))

    def _first(self, line: str, part: int, limit: int, after: str) -> list[Place]:
        page = self._call(
            self._client.query,
            KeyConditionExpression="#line = :line AND #place > :after",
            ExpressionAttributeNames={"#line": "line", "#place": "place"},
            ExpressionAttributeValues={
                ":line": items.string(_part(line, part)),
                # A sort key is never empty, and no place begins so.
                ":after": items.string(after or " "),
            },
            ConsistentRead=True,
            Limit=limit,
        )
        return [_read(item) for item in page["Items"]]

    def _count(self, line: str, part: int, limit: int) -> int:
        count, start = 0, dict[str, Any]()
        while count < limit:
            page = self._call(
                self._client.query,
                Select="COUNT",
                KeyConditionExpression="#line = :line",
                ExpressionAttributeNames={"#line": "line"},
                ExpressionAttributeValues={":line": items.string(_part(line, part))},
                **start,
            )
            count += int(page["Count"])
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        return count

    def _call(self, operation: Any, **arguments: Any) -> Any:
        return call(operation, TableName=self._table, **arguments)


def _part(line: str, part: int) -> str:
    return f"{line}#{part}"


def _key(line: str, place: Place) -> items.Item:
    part = zlib.crc32(place.event_key.encode()) % PARTS
    return {"line": items.string(_part(line, part)), "place": items.string(place.position)}


def _read(item: items.Item) -> Place:
    position = str(item["place"]["S"])
    _said, _arrived, event_key = position.split("/", 2)
    probed_at = items.number_in(item, "probed_at") or 0.0
    return Place(position, event_key, float(item["stood_at"]["N"]), probed_at)
