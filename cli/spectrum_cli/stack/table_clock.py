"""The table's own time: an operator's clock may be wrong, and what it would spoil is real.

By a clock that is ahead, a worker's claim has ended that it still holds: what that worker delivers
would be delivered again. So time is told by what DynamoDB writes into each answer.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spectrum_cli.stack.target import Target

# Reading what is not there is the cheapest question.
NOBODY = {"event_key": {"S": "what-time-is-it"}}


class TableClock:
    """Unix seconds, never ahead of DynamoDB's, and behind it by a second and a bit at most.

    Raises what botocore does where the table cannot be asked; where it does not say the time, which
    no real one does, this machine's clock has to do.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table
        self._ahead: float | None = None
        client.meta.events.register("after-call.dynamodb", self._hear)

    def __call__(self) -> float:
        if self._ahead is None:
            self._client.get_item(
                TableName=self._table, Key=NOBODY, ProjectionExpression="event_key"
            )
        return time.time() if self._ahead is None else time.monotonic() + self._ahead

    def _hear(self, **called: Any) -> None:
        # Whole seconds, cut off, some time ago: the latest that was ever said is nearest the truth.
        told = called["http_response"].headers.get("date")
        if told:
            ahead = parsedate_to_datetime(told).timestamp() - time.monotonic()
            self._ahead = ahead if self._ahead is None else max(self._ahead, ahead)


def table_clock(target: Target) -> TableClock:
    """The clock of a stack's table."""
    return TableClock(target.client("dynamodb"), target.table)
