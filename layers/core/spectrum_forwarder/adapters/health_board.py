"""Destinations' health in one item of the events table, cached for some seconds by each worker."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.aws import FAILURES, failure_code
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.line import Line
from spectrum_forwarder.domain.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

# No event key can begin so. An attribute a destination: its identity, told from the
# key by a prefix.
HEALTH_KEY = "#health"
PREFIX = "destination "
# And one for each line that stands.
LINE_PREFIX = "line "
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
        self._lines: dict[str, Line] = {}
        self._read_at = float("-inf")

    def load(self) -> Mapping[str, Health]:
        """See the port."""
        now = self._clock()
        if now - self._read_at >= self._cached_seconds:
            try:
                answer = self._client.get_item(TableName=self._table, Key=items.key(HEALTH_KEY))
            except FAILURES as error:
                raise TableUnavailable(f"get_item: {failure_code(error)}") from error
            item = answer.get("Item", {})
            self._cached = {
                name.removeprefix(PREFIX): _read(value["M"])
                for name, value in item.items()
                if name.startswith(PREFIX)
            }
            self._lines = {
                name.removeprefix(LINE_PREFIX): _read_line(value["M"])
                for name, value in item.items()
                if name.startswith(LINE_PREFIX)
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

    def lines(self) -> Mapping[str, Line]:
        """See the port."""
        return self._lines

    def stand(self, destination: str, *, now: float) -> None:
        """See the port. Two workers that find it at once write the same."""
        line = Line(now)
        self._change(
            destination,
            "SET #line = :line",
            "attribute_not_exists(#line) OR #line.emptied_at > :zero",
            {":line": {"M": _write_line(line)}, ":zero": items.number(0)},
        )
        self._lines[destination] = line

    def hold(self, destination: str, *, holder: str, now: float, until: float) -> Line | None:
        """See the port."""
        after = self._change(
            destination,
            "SET #line.holder = :holder, #line.held_until = :until",
            "attribute_exists(#line) AND (#line.held_until <= :now OR #line.holder = :holder)",
            {
                ":holder": items.string(holder),
                ":until": items.number(until),
                ":now": items.number(now),
            },
        )
        return None if after is None else _read_line(after[LINE_PREFIX + destination]["M"])

    def let_go(self, destination: str, *, holder: str, emptied_at: float) -> None:
        """See the port."""
        self._change(
            destination,
            "SET #line.held_until = :zero, #line.emptied_at = :emptied_at",
            "#line.holder = :holder",
            {
                ":holder": items.string(holder),
                ":zero": items.number(0),
                ":emptied_at": items.number(emptied_at),
            },
        )

    def take_down(self, destination: str, *, holder: str, emptied_at: float) -> None:
        """See the port."""
        self._change(
            destination,
            "REMOVE #line",
            "#line.holder = :holder AND #line.emptied_at = :emptied_at",
            {":holder": items.string(holder), ":emptied_at": items.number(emptied_at)},
        )
        self._lines.pop(destination, None)

    def _change(
        self, destination: str, change: str, condition: str, values: items.Item
    ) -> items.Item | None:
        """Change a line as it is, and return what changed; None where it is otherwise."""
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=items.key(HEALTH_KEY),
                UpdateExpression=change,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#line": LINE_PREFIX + destination},
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        except FAILURES as error:
            code = failure_code(error)
            if code == "ConditionalCheckFailedException":
                return None
            raise TableUnavailable(f"update_item: {code}") from error
        return dict(answer.get("Attributes", {}))

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


def _write_line(line: Line) -> items.Item:
    return {
        "since": items.number(line.since),
        "holder": items.string(line.holder),
        "held_until": items.number(line.held_until),
        "emptied_at": items.number(line.emptied_at),
    }


def _read_line(item: Mapping[str, Any]) -> Line:
    return Line(
        since=float(item["since"]["N"]),
        holder=str(item["holder"]["S"]),
        held_until=float(item["held_until"]["N"]),
        emptied_at=float(item["emptied_at"]["N"]),
    )
