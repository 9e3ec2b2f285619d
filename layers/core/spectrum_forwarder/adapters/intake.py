"""The events table as the receiver sees it: conditional puts."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.failures import FAILURES, failure_code
from spectrum_forwarder.domain.errors import ItemTooLarge, TableSilent, TableUnavailable
from spectrum_forwarder.domain.ports import Existing, StoredEvent

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


# What DynamoDB says of an item that is too large: the code alone stands for any mistake.
TOO_LARGE = "exceeded the maximum allowed size"


class ConditionFailed(Exception):
    """The item is not as the condition wants it; `item` is what stands there, if anything."""

    def __init__(self, item: items.Item) -> None:
        super().__init__("the condition does not hold")
        self.item = item


class DynamoIntake:
    """The `Intake` port."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def put(
        self, stored: StoredEvent, *, receipt: str, now: float, due_at: float
    ) -> Existing | None:
        """See the port. DynamoDB deletes expired items late, so the condition looks itself."""
        try:
            self._call(
                self._client.put_item,
                Item=items.new_item(stored, receipt=receipt, due_at=due_at),
                ConditionExpression="attribute_not_exists(event_key) OR expires_at < :now",
                ExpressionAttributeValues={":now": items.number(now)},
            )
        except ConditionFailed as failed:
            if failed.item.get("receipt") == items.string(receipt):
                return None
            return items.read_existing(failed.item)
        return None

    def mark(self, key: str, *, at: float, since: float, expires_at: float) -> float:
        """See the port. Without a shard, a mark is in no index: neither sweeps nor logs meet it."""
        times = {"marked_at": items.number(at), "expires_at": items.number(expires_at)}
        try:
            self._call(
                self._client.put_item,
                Item=items.key(key) | times,
                ConditionExpression="attribute_not_exists(event_key) OR marked_at < :since",
                ExpressionAttributeValues={":since": items.number(since)},
            )
        except ConditionFailed as failed:
            return items.number_in(failed.item, "marked_at") or at
        return at

    def hasten(self, event_key: str, *, seen: float, due_at: float) -> bool:
        """See the port. What tells of a hint in the slow lane goes: none is anywhere."""
        values = {":due_at": items.number(due_at), ":seen": items.number(seen)}
        change = "SET due_at = :due_at REMOVE overdue_since"
        try:
            self._update(event_key, change, "due_at = :seen", values)
        except ConditionFailed as failed:
            return failed.item.get("due_at") == items.number(due_at)
        return True

    def _update(
        self, event_key: str, change: str, condition: str, values: items.Item, **more: Any
    ) -> Any:
        return self._call(
            self._client.update_item,
            Key=items.key(event_key),
            UpdateExpression=change,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            **more,
        )

    def _call(self, operation: Any, **arguments: Any) -> Any:
        if "ConditionExpression" in arguments:
            arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return call(operation, TableName=self._table, **arguments)


def call(operation: Any, **arguments: Any) -> Any:
    """Call DynamoDB; raise ConditionFailed, ItemTooLarge, TableSilent or TableUnavailable.

    What failed is said by the operation's name and the error's code.
    """
    try:
        return operation(**arguments)
    except FAILURES as error:
        if failure_code(error) == "ConditionalCheckFailedException":
            raise ConditionFailed(_standing(error)) from error
        raise _kind_of(error)(f"{operation.__name__}: {failure_code(error)}") from error


def _kind_of(error: Exception) -> type[TableUnavailable]:
    if _is_too_large(error):
        return ItemTooLarge
    return TableUnavailable if _is_refusal(error) else TableSilent


def _is_refusal(error: Exception) -> bool:
    """Whether DynamoDB says that it has not done it; of its own failures (5xx) it cannot tell."""
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return 400 <= status < 500


def _is_too_large(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return False
    return TOO_LARGE in error.response.get("Error", {}).get("Message", "")


def _standing(error: Exception) -> items.Item:
    """The item that a failed condition was held against; empty where there is none."""
    response: Any = error.response if isinstance(error, ClientError) else {}
    return dict(response.get("Item", {}))
