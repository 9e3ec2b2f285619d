"""The events table's index of what is due: what the sweeper asks of it, by shards."""

from collections.abc import Iterator, Sequence
from typing import Any

from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.intake import ConditionFailed, DynamoIntake
from spectrum_forwarder.domain.worker_ports import Overdue, Owing

DUE_INDEX = "due"
# DynamoDB has reserved the word: it cannot stand in an expression as it is.
SHARD_NAME = {"#shard": "shard"}
SWEPT_AT_ONCE = 100


class DynamoDueIndex(DynamoIntake):
    """What the `EventTable` port has for the sweeper."""

    def overdue(self, shard: int, *, now: float) -> Iterator[Sequence[Overdue]]:
        """See the port. The index may lag: `postpone` decides."""
        start: dict[str, Any] = {}
        while True:
            page = self._call(
                self._client.query,
                IndexName=DUE_INDEX,
                KeyConditionExpression="#shard = :shard AND due_at <= :now",
                ExpressionAttributeNames=SHARD_NAME,
                ExpressionAttributeValues={
                    ":shard": items.number(shard),
                    ":now": items.number(now),
                },
                Limit=SWEPT_AT_ONCE,
                **start,
            )
            found = [
                Overdue(
                    item["event_key"]["S"],
                    float(item["due_at"]["N"]),
                    float(item.get("overdue_since", item["due_at"])["N"]),
                    "overdue_since" not in item,
                )
                for item in page["Items"]
            ]
            if found:
                yield found
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def owing(self, shard: int, *, now: float, soon: float, in_main: bool = False) -> Owing:
        """See the port. Counts read the index alone, a megabyte at once."""
        every = self._count(shard, soon, in_main)
        overdue = self._count(shard, now, in_main)
        return Owing(overdue, max(0, every - overdue))

    def _count(self, shard: int, due_by: float, in_main: bool) -> int:
        count, start = 0, dict[str, Any]()
        only = {"FilterExpression": "attribute_not_exists(overdue_since)"} if in_main else {}
        while True:
            page = self._call(
                self._client.query,
                IndexName=DUE_INDEX,
                Select="COUNT",
                KeyConditionExpression="#shard = :shard AND due_at <= :by",
                ExpressionAttributeNames=SHARD_NAME,
                ExpressionAttributeValues={
                    ":shard": items.number(shard),
                    ":by": items.number(due_by),
                },
                **only,
                **start,
            )
            count += int(page["Count"])
            if "LastEvaluatedKey" not in page:
                return count
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def postpone(self, overdue: Overdue, *, until: float) -> bool:
        """See the port."""
        try:
            self._update(
                overdue.event_key,
                "SET due_at = :until, overdue_since = if_not_exists(overdue_since, :seen)",
                "due_at = :seen",
                {":until": items.number(until), ":seen": items.number(overdue.due_at)},
            )
        except ConditionFailed as failed:
            return failed.item.get("due_at") == items.number(until)
        return True
