"""Destinations' health in one item of the events table, cached for some seconds by each worker."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.aws import FAILURES, failure_code
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

# No event key can begin so. An attribute a destination: its identity, told from the
# key by a prefix.
HEALTH_KEY = "#health"
PREFIX = "destination "
CACHED_SECONDS = 5.0


class DynamoHealthBoard:
    """The `HealthBoard` port. `cached_seconds` is how old a copy may be."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        clock: Clock,
        cached_seconds: float = CACHED_SECONDS,
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._cached_seconds = cached_seconds
        self._cached: dict[str, Health] = {}
        self._read_at = float("-inf")

    def load(self) -> Mapping[str, Health]:
        """See the port."""
        now = self._clock()
        if now - self._read_at >= self._cached_seconds:
            try:
                answer = self._client.get_item(TableName=self._table, Key=items.key(HEALTH_KEY))
            except FAILURES as error:
                raise TableUnavailable(f"get_item: {failure_code(error)}") from error
            self._cached = {
                name.removeprefix(PREFIX): _read(value["M"])
                for name, value in answer.get("Item", {}).items()
                if name.startswith(PREFIX)
            }
            self._read_at = now
        return self._cached

    def save(self, destination: str, health: Health, *, seen: Health | None = None) -> bool:
        """See the port."""
        condition: dict[str, Any] = {}
        values = {":health": {"M": _write(health)}}
        if seen is not None:
            as_seen = "attribute_not_exists(#destination) OR #destination.open_until = :seen"
            condition = {"ConditionExpression": as_seen}
            values[":seen"] = items.number(seen.open_until)  # type: ignore[assignment]
        try:
            self._client.update_item(
                TableName=self._table,
                Key=items.key(HEALTH_KEY),
                UpdateExpression="SET #destination = :health",
                ExpressionAttributeNames={"#destination": PREFIX + destination},
                ExpressionAttributeValues=values,
                **condition,
            )
        except FAILURES as error:
            code = failure_code(error)
            if isinstance(error, ClientError) and code == "ConditionalCheckFailedException":
                return False
            raise TableUnavailable(f"update_item: {code}") from error
        self._cached[destination] = health
        return True

    def forget(self, destination: str) -> None:
        """Let go of a destination that is no more; raise TableUnavailable."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=items.key(HEALTH_KEY),
                UpdateExpression="REMOVE #destination",
                ExpressionAttributeNames={"#destination": PREFIX + destination},
            )
        except FAILURES as error:
            raise TableUnavailable(f"update_item: {failure_code(error)}") from error
        self._cached.pop(destination, None)


def _write(health: Health) -> items.Item:
    return {
        "failures": items.number(health.failures),
        "failing_since": items.number(health.failing_since),
        "open_until": items.number(health.open_until),
        "trips": items.number(health.trips),
        "quick": {"BOOL": health.quick},
    }


def _read(item: Mapping[str, Any]) -> Health:
    return Health(
        failures=int(item["failures"]["N"]),
        failing_since=float(item["failing_since"]["N"]),
        open_until=float(item["open_until"]["N"]),
        trips=int(item["trips"]["N"]),
        quick=bool(item["quick"]["BOOL"]),
    )
