"""The notes of a stack, in one item of the events table."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.intake import ConditionFailed, call
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.notes import Notes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

# No event key can begin so.
NOTES_KEY = "#notes"
KEY_BYTES = 32


class DynamoNotes:
    """The `Notebook` port, and what operators write there."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def read(self) -> Notes:
        """See the port.

        By a put that finds the item there and is told what it is: the receiver may put and nothing
        else, so whoever gets hold of its rights can read no event.
        """
        fresh = os.urandom(KEY_BYTES)
        try:
            call(
                self._client.put_item,
                TableName=self._table,
                Item={**items.key(NOTES_KEY), "loop_key": {"B": fresh}},
                ConditionExpression="attribute_not_exists(event_key)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as failed:
            if not failed.item:
                raise TableUnavailable("put_item: ConditionalCheckFailedException") from failed
            return _read(failed.item)
        return Notes(fresh)

    def revoke(self, digests: Iterable[str]) -> None:
        """Note that these secrets have leaked."""
        self._change("ADD revoked :digests", digests)

    def forgive(self, digests: Iterable[str]) -> None:
        """Note that these are good after all."""
        self._change("DELETE revoked :digests", digests)

    def _change(self, change: str, digests: Iterable[str]) -> None:
        wanted = sorted(set(digests))
        if not wanted:
            return
        call(
            self._client.update_item,
            TableName=self._table,
            Key=items.key(NOTES_KEY),
            UpdateExpression=f"SET loop_key = if_not_exists(loop_key, :key) {change}",
            ExpressionAttributeValues={
                ":key": {"B": os.urandom(KEY_BYTES)},
                ":digests": {"SS": wanted},
            },
        )


def _read(item: items.Item) -> Notes:
    revoked = frozenset(item["revoked"]["SS"]) if "revoked" in item else frozenset()
    return Notes(bytes(item["loop_key"]["B"]), revoked)
