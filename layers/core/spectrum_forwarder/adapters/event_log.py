"""The delivery log over the events table: newest first, by page, whatever the table's size."""

import heapq
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.delivery_items import read_deliveries
from spectrum_forwarder.adapters.due_index import DUE_INDEX, SHARD_NAME
from spectrum_forwarder.adapters.intake import call
from spectrum_forwarder.adapters.log_pages import (
    END_OF_TIME,
    Entry,
    Reading,
    Shard,
    beginning,
    read_cursor,
    write_cursor,
)
from spectrum_forwarder.domain.errors import LaterFormat, TableUnavailable
from spectrum_forwarder.domain.event import FORMAT, USUAL_SCHEME, unpack
from spectrum_forwarder.domain.log import Listed, LoggedEvent, Page
from spectrum_forwarder.domain.ports import SHARDS, Payloads

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

LOG_INDEX = "log"
READ_AT_ONCE = 100
# Entries of the due index that are looked up side by side: somebody waits beside a backlog.
OWING_AT_ONCE = 1000
# BatchGetItem gives back what it could not read at once; so often it is asked again, so long after.
READ_TRIES, READ_PAUSE = 6, 0.1
DETAILS = (
    *("event_key", "received_at", "signed_at", "webhook_id", "kind", "space_id", "sender_id"),
    *("content_type", "payload", "deliveries", "claim_owner", "claim_until", "claims"),
    *("due_at", "expires_at", "v", "scheme", "also", "mt"),
)


class DynamoEventLog:
    """The `EventLog` port."""

    def __init__(self, client: "DynamoDBClient", table: str, payloads: Payloads) -> None:
        self._client = client
        self._table = table
        self._payloads = payloads
        projection = {f"#{number}": name for number, name in enumerate(DETAILS)}
        self._details = {
            "ProjectionExpression": ", ".join(projection),
            "ExpressionAttributeNames": projection,
        }

    def newest(
        self,
        *,
        limit: int,
        cursor: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> Page:
        """See the port. What it costs depends on `limit` alone: an eighth of it in each shard."""
        listed = self.listed(limit=limit, cursor=cursor, since=since, until=until)
        return Page(list(self.get_all([key for key, _ in listed.events])), listed.cursor)

    def listed(
        self,
        *,
        limit: int,
        cursor: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> Listed:
        """See the port."""
        shards = read_cursor(cursor) if cursor else beginning()
        latest = END_OF_TIME if until is None else until
        reads = [
            Reading(self._query, shard, since or 0.0, min(latest, shard.until), limit)
            for shard in shards
        ]
        with ThreadPoolExecutor(SHARDS) as threads:
            list(threads.map(Reading.read_on, reads))
        taken: list[Entry] = []
        for entry in heapq.merge(*reads):
            if len(taken) == limit:
                last = -taken[-1].minus_received_at
                return Listed(_listed(taken), write_cursor(shards, last))
            taken.append(entry)
            shards[entry.shard].start = entry.key
        return Listed(_listed(taken), None)

    def owing(self) -> Iterator[Sequence[LoggedEvent]]:
        """See the port."""
        for keys in self.owing_keys():
            yield list(self.get_all(keys))

    def owing_keys(self) -> Iterator[Sequence[str]]:
        """See the port."""
        for number in range(SHARDS):
            start: dict[str, Any] = {}
            while True:
                page = call(
                    self._client.query,
                    TableName=self._table,
                    IndexName=DUE_INDEX,
                    KeyConditionExpression="#shard = :shard",
                    ExpressionAttributeNames=SHARD_NAME,
                    ExpressionAttributeValues={":shard": items.number(number)},
                    Limit=OWING_AT_ONCE,
                    **start,
                )
                yield [item["event_key"]["S"] for item in page["Items"]]
                if "LastEvaluatedKey" not in page:
                    break
                start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def get_all(self, event_keys: Sequence[str]) -> Iterator[LoggedEvent]:
        """See the port."""
        batches = [
            event_keys[start : start + READ_AT_ONCE]
            for start in range(0, len(event_keys), READ_AT_ONCE)
        ]
        if batches:
            with ThreadPoolExecutor(SHARDS) as readers:
                for events in readers.map(self._details_of, batches):
                    yield from events

    def get(self, event_key: str) -> LoggedEvent | None:
        """See the port."""
        item = self._item(event_key, **self._details)
        return read_logged(item) if "received_at" in item else None

    def body(self, event_key: str) -> bytes | None:
        """See the port."""
        item = self._item(event_key, ProjectionExpression="body, payload, v")
        if items.format_of(item) > FORMAT:
            raise LaterFormat(f"{event_key} is stored in format {items.format_of(item)}")
        if "body" in item:
            return unpack(bytes(item["body"]["B"]))
        if "payload" in item:
            return unpack(self._payloads.get(item["payload"]["S"]))
        return None

    def _query(
        self, shard: Shard, since: float, until: float, limit: int
    ) -> tuple[list[Entry], bool]:
        """A shard's next index entries after `start`, and whether there may be more."""
        page = call(
            self._client.query,
            TableName=self._table,
            IndexName=LOG_INDEX,
            KeyConditionExpression="#shard = :shard AND received_at BETWEEN :since AND :until",
            ExpressionAttributeNames=SHARD_NAME,
            ExpressionAttributeValues={
                ":shard": items.number(shard.number),
                ":since": items.number(since),
                ":until": items.number(until),
            },
            ScanIndexForward=False,
            Limit=limit,
            **({"ExclusiveStartKey": shard.start} if shard.start else {}),
        )
        entries = [
            Entry(-float(item["received_at"]["N"]), item["event_key"]["S"], shard.number, item)
            for item in page["Items"]
        ]
        return entries, "LastEvaluatedKey" in page

    def _details_of(self, event_keys: Sequence[str]) -> list[LoggedEvent]:
        """The events of up to a hundred keys, in their order, without those that have gone."""
        wanted: Any = {self._table: {"Keys": [items.key(key) for key in event_keys]}}
        wanted[self._table] |= self._details
        found: dict[str, LoggedEvent] = {}
        for number in range(READ_TRIES):
            time.sleep(READ_PAUSE * number)
            answer = call(self._client.batch_get_item, RequestItems=wanted)
            events = map(read_logged, answer["Responses"].get(self._table, []))
            found |= {event.event_key: event for event in events}
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                break
        else:
            raise TableUnavailable("batch_get_item: throttled")
        return [found[key] for key in event_keys if key in found]

    def _item(self, event_key: str, **what: Any) -> items.Item:
        answer = call(
            self._client.get_item,
            TableName=self._table,
            Key=items.key(event_key),
            ConsistentRead=True,
            **what,
        )
        return dict(answer.get("Item", {}))


def _listed(entries: Sequence[Entry]) -> list[tuple[str, float]]:
    return [(entry.event_key, -entry.minus_received_at) for entry in entries]


def read_logged(item: items.Item) -> LoggedEvent:
    """An event as the log has it, of an item that holds at least its details."""

    def text(name: str) -> str | None:
        return str(item[name]["S"]) if name in item else None

    def number(name: str) -> float | None:
        return float(item[name]["N"]) if name in item else None

    known = items.format_of(item) <= FORMAT
    return LoggedEvent(
        event_key=item["event_key"]["S"],
        received_at=float(item["received_at"]["N"]),
        signed_at=float(item["signed_at"]["N"]),
        webhook_id=item["webhook_id"]["S"],
        kind=text("kind"),
        space_id=text("space_id"),
        sender_id=text("sender_id"),
        content_type=text("content_type"),
        payload=text("payload"),
        deliveries=read_deliveries(item["deliveries"]) if known and "deliveries" in item else None,
        owner=text("claim_owner") or "",
        claimed_until=number("claim_until") or 0.0,
        claims=int(number("claims") or 0),
        due_at=number("due_at"),
        expires_at=number("expires_at"),
        format=items.format_of(item),
        scheme=text("scheme") or USUAL_SCHEME,
        also=text("also"),
        message_type=text("mt"),
    )
