"""The places in all lines: one item a place, a line in a few parts so that no key runs hot.

A conversation's line is in one part, and its first item says who holds it.
"""

import contextlib
import heapq
import time
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.intake import ConditionFailed, call
from spectrum_forwarder.domain.line import Place
from spectrum_forwarder.domain.order import Hold, conversation_in
from spectrum_forwarder.domain.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

# A partition takes a thousand places a second.
PARTS = 4
# Comes before all places.
HOLD = "#"
# What nobody has touched in a conversation's line for so long (seconds) is of use to nobody: what
# waits is looked at once a week. DynamoDB deletes it.
KEPT = 21 * 86_400.0


class DynamoLines:
    """The `Lines` port."""

    def __init__(self, client: "DynamoDBClient", table: str, *, clock: Clock = time.time) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def put(self, line: str, place: Place) -> None:
        """See the port."""
        item = _key(line, place) | {"stood_at": items.number(place.stood_at)}
        if place.probed_at:
            item["probed_at"] = items.number(place.probed_at)
        if conversation_in(line):
            item |= self._expires()
        self._call(self._client.put_item, Item=item)

    def first(self, line: str, *, limit: int, after: str = "") -> Sequence[Place]:
        """See the port. Who holds a conversation's line stands before all places, and is none."""
        parts = [self._first(part, limit, after or HOLD) for part in _parts(line)]
        return [_read(item) for item in list(heapq.merge(*parts, key=_place_of))[:limit]]

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
        return sum(self._count(part, limit) for part in _parts(line))

    def look(self, line: str, *, limit: int) -> tuple[Hold, Sequence[Place]]:
        """See the port. One query tells both."""
        found = self._first(line, limit + 1, "")
        if found and _place_of(found[0]) == HOLD:
            return _read_hold(found[0]), [_read(item) for item in found[1:]]
        return Hold(), [_read(item) for item in found[:limit]]

    def take(self, line: str, *, seen: Hold, hold: Hold, now: float) -> bool:
        """See the port. A repeat by the client library that meets its own hold has it."""
        try:
            self._put_hold(
                line,
                hold,
                "attribute_not_exists(place) OR"
                " (#last = :last AND rests_until = :rests"
                " AND (held_until <= :now OR holder = :holder))",
                {
                    ":last": items.string(seen.last),
                    ":rests": items.number(seen.rests_until),
                    ":now": items.number(now),
                },
            )
        except ConditionFailed as failed:
            return failed.item.get("holder") == items.string(hold.holder)
        return True

    def let_go(self, line: str, *, hold: Hold) -> None:
        """See the port."""
        with contextlib.suppress(ConditionFailed):  # another has it by now
            self._put_hold(line, hold.let_go(), "holder = :holder", {})

    def _put_hold(self, line: str, hold: Hold, condition: str, values: items.Item) -> None:
        names = {"ExpressionAttributeNames": {"#last": "last"}} if "#last" in condition else {}
        self._call(
            self._client.put_item,
            Item=_write_hold(line, hold) | self._expires(),
            ConditionExpression=condition,
            ExpressionAttributeValues=values | {":holder": items.string(hold.holder)},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **names,
        )

    def _expires(self) -> items.Item:
        return {"expires_at": items.number(round(self._clock() + KEPT))}

    def _first(self, part: str, limit: int, after: str) -> list[items.Item]:
        page = self._call(
            self._client.query,
            KeyConditionExpression="#line = :line AND #place > :after",
            ExpressionAttributeNames={"#line": "line", "#place": "place"},
            ExpressionAttributeValues={
                ":line": items.string(part),
                # A sort key is never empty, and no place begins so.
                ":after": items.string(after or " "),
            },
            ConsistentRead=True,
            Limit=limit,
        )
        return list(page["Items"])

    def _count(self, part: str, limit: int) -> int:
        count, start = 0, dict[str, Any]()
        while count < limit:
            page = self._call(
                self._client.query,
                Select="COUNT",
                KeyConditionExpression="#line = :line AND #place > :hold",
                ExpressionAttributeNames={"#line": "line", "#place": "place"},
                ExpressionAttributeValues={
                    ":line": items.string(part),
                    ":hold": items.string(HOLD),
                },
                **start,
            )
            count += int(page["Count"])
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        return count

    def _call(self, operation: Any, **arguments: Any) -> Any:
        return call(operation, TableName=self._table, **arguments)


def _parts(line: str) -> list[str]:
    """The partition keys of a line."""
    return [line] if conversation_in(line) else [f"{line}#{part}" for part in range(PARTS)]


def _key(line: str, place: Place) -> items.Item:
    parts = _parts(line)
    part = parts[zlib.crc32(place.event_key.encode()) % len(parts)]
    return {"line": items.string(part), "place": items.string(place.position)}


def _place_of(item: items.Item) -> str:
    return str(item["place"]["S"])


def _read(item: items.Item) -> Place:
    position = _place_of(item)
    _said, _arrived, event_key = position.split("/", 2)
    probed_at = items.number_in(item, "probed_at") or 0.0
    return Place(position, event_key, float(item["stood_at"]["N"]), probed_at)


def _write_hold(line: str, hold: Hold) -> items.Item:
    item: items.Item = {
        "line": items.string(line),
        "place": items.string(HOLD),
        "holder": items.string(hold.holder),
        "held_until": items.number(hold.until),
        "last": items.string(hold.last),
        "rests_until": items.number(hold.rests_until),
        "most": items.number(hold.most),
    }
    if hold.among:
        item["among"] = {"L": [items.string(position) for position in hold.among]}
    return item


def _read_hold(item: items.Item) -> Hold:
    return Hold(
        holder=str(item["holder"]["S"]),
        until=float(item["held_until"]["N"]),
        last=str(item["last"]["S"]),
        among=tuple(each["S"] for each in item.get("among", {"L": []})["L"]),
        rests_until=float(item["rests_until"]["N"]),
        most=int(item["most"]["N"]),
    )
