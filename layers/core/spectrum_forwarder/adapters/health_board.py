"""Destinations' health in one item of the events table, cached for some seconds by each worker."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.intake import ConditionFailed, call
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
NONE = items.number(0)


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
            answer = call(self._client.get_item, TableName=self._table, Key=items.key(HEALTH_KEY))
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
        condition = None
        values: items.Item = {":health": {"M": _write(health)}}
        if seen is not None:
            condition = "attribute_not_exists(#it) OR #it.open_until = :seen"
            values[":seen"] = items.number(seen.open_until)
        done = self._update(PREFIX + destination, "SET #it = :health", condition, values)
        if done is None:
            return False
        self._cached[destination] = health
        return True

    def lines(self) -> Mapping[str, Line]:
        """See the port."""
        return self._lines

    def stand(self, destination: str, *, now: float) -> None:
        """See the port. Two workers that find it at once write the same.

        Whoever holds it goes on doing so, and its pace with it.
        """
        line, attribute = Line(now), LINE_PREFIX + destination
        again = self._update(
            attribute,
            "SET #it.emptied_at = :zero, #it.since = :now",
            "#it.emptied_at > :zero",
            {":zero": items.number(0), ":now": items.number(now)},
        )
        if again is None:
            new = {":line": {"M": _write_line(line)}}
            self._update(attribute, "SET #it = :line", "attribute_not_exists(#it)", new)
        self._lines[destination] = line

    def hold(self, destination: str, *, holder: str, now: float, until: float) -> Line | None:
        """See the port."""
        after = self._update(
            LINE_PREFIX + destination,
            "SET #it.holder = :holder, #it.held_until = :until",
            "attribute_exists(#it) AND (#it.held_until <= :now OR #it.holder = :holder)",
            {
                ":holder": items.string(holder),
                ":until": items.number(until),
                ":now": items.number(now),
            },
            ReturnValues="ALL_NEW",
        )
        return None if after is None else _read_line(after[LINE_PREFIX + destination]["M"])

    def let_go(self, destination: str, line: Line) -> None:
        """See the port."""
        self._update(
            LINE_PREFIX + destination,
            "SET #it = :line",
            "#it.holder = :holder",
            {
                ":holder": items.string(line.holder),
                ":line": {"M": _write_line(replace(line, held_until=0.0))},
            },
        )

    def take_down(self, destination: str, *, holder: str, emptied_at: float) -> bool:
        """See the port."""
        done = self._update(
            LINE_PREFIX + destination,
            "REMOVE #it",
            "#it.holder = :holder AND #it.emptied_at = :emptied_at",
            {":holder": items.string(holder), ":emptied_at": items.number(emptied_at)},
        )
        if done is None:
            return False
        self._lines.pop(destination, None)
        return True

    def forget(self, destination: str) -> None:
        """Let go of a destination that is no more; raise TableUnavailable."""
        self._update(PREFIX + destination, "REMOVE #it", None, {})
        self._cached.pop(destination, None)

    def _update(
        self,
        attribute: str,
        change: str,
        condition: str | None,
        values: items.Item,
        **asked: str,
    ) -> items.Item | None:
        """Change one attribute, `#it`; None where the condition does not hold.

        Returns the attributes that were asked for (`ReturnValues`).
        """
        arguments: dict[str, Any] = dict(asked)
        if values:
            arguments["ExpressionAttributeValues"] = values
        if condition is not None:
            arguments["ConditionExpression"] = condition
        try:
            answer = call(
                self._client.update_item,
                TableName=self._table,
                Key=items.key(HEALTH_KEY),
                UpdateExpression=change,
                ExpressionAttributeNames={"#it": attribute},
                **arguments,
            )
        except ConditionFailed:
            return None
        return dict(answer.get("Attributes", {}))


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
        "next_at": items.number(line.next_at),
        "pace": items.number(line.pace),
        "paced_at": items.number(line.paced_at),
    }


def _read_line(item: Mapping[str, Any]) -> Line:
    return Line(
        since=float(item["since"]["N"]),
        holder=str(item["holder"]["S"]),
        held_until=float(item["held_until"]["N"]),
        emptied_at=float(item["emptied_at"]["N"]),
        # Lines of before there were rates have none of these.
        next_at=float(item.get("next_at", NONE)["N"]),
        pace=float(item.get("pace", NONE)["N"]),
        paced_at=float(item.get("paced_at", NONE)["N"]),
    )
