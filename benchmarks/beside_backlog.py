"""What commands take beside a backlog on the local stack: CPU, theirs and the emulator's.

    .venv/bin/python -m benchmarks.beside_backlog [WAITING]

So many events wait for a paused destination, each in its line. Every command runs as a process of
its own against moto as `forwarder local` mends it, which serves from this one. Exits with 1 while a
row is short of its bar.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from spectrum_cli.local.intrinsics import ACCOUNT, REGION
from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.delivery_items import write_deliveries
from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
from spectrum_forwarder.adapters.waiting_table import DynamoLines
from spectrum_forwarder.domain.delivery import planned, standing
from spectrum_forwarder.domain.event import make_event, pack
from spectrum_forwarder.domain.line import Place, position_of
from spectrum_forwarder.domain.ports import StoredEvent

from benchmarks.workshop import Row
from tests.support.make import WEBHOOK, body_of
from tests.support.stacks import Deployed, deployed, forwarder_process

WAITING, BAR, DAY = 10_000, 5.0, 86_400.0
COMMANDS = (
    ("destinations", "list"),
    ("destinations", "resume", "crm"),
    ("events", "list", "--status", "pending"),
    ("events", "list", "--status", "delivered"),
    ("doctor",),
)


def rows(waiting: int = WAITING) -> Iterator[Row]:
    """A row for each command."""
    with deployed() as stack, tempfile.TemporaryDirectory() as state:
        _fill(stack, waiting)
        for command in COMMANDS:
            spent = _spent(stack, state, command)
            what = f"forwarder {' '.join(command)}, beside {waiting:,} waiting events, CPU"
            yield Row(what, f"≤ {BAR:.0f} s", f"{spent:.1f} s", spent <= BAR)


def _spent(stack: Deployed, state: str, command: tuple[str, ...]) -> float:
    environment = {**stack.environment, "XDG_STATE_HOME": state}
    before = _cpu()
    with forwarder_process(*command, environment=environment) as process:
        _, said = process.communicate()
    # 1 is what checks have found.
    if process.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(command)}: {said}")
    return _cpu() - before


def _cpu() -> float:
    """Seconds of this process and of those that it has waited for."""
    return sum(os.times()[:4])


def _fill(stack: Deployed, waiting: int) -> None:
    """Have events wait since the last hours, behind moto's back: by calls it would take minutes."""
    stack.write_webhooks({"id": WEBHOOK.id, "signing_secret": WEBHOOK.signing_secret})
    url = "https://crm.example.com/"
    stack.write_destinations(
        {"name": "crm", "url": url, "signing_secret": "ab" * 32, "enabled": False}
    )
    tables = dynamodb_backends[ACCOUNT][REGION].tables
    events, names = tables[stack.outputs["EventsTableName"]], stack.outputs
    places: Any = SimpleNamespace(
        put_item=lambda *, TableName, Item: tables[TableName].put_item(Item)
    )
    lines, now = DynamoLines(places, names["WaitingTableName"]), time.time()
    for number in range(waiting):
        at, body = now - waiting + number, body_of(f"waiting-{number}")
        event = make_event(
            source="main", webhook_id=WEBHOOK.id, received_at=at, signed_at=int(at), body=body
        )
        waits = standing(planned("crm", at), at, now + DAY)
        item = items.new_item(StoredEvent(event, pack(body)), receipt="r", due_at=now + DAY)
        events.put_item(item | {"deliveries": write_deliveries({"crm": waits})})
        lines.put("crm", Place(position_of(body, at, event.key), event.key, at))
    board = DynamoHealthBoard(stack.client("dynamodb"), names["EventsTableName"], clock=time.time)
    board.stand("crm", now=now - waiting)


def main() -> int:
    """Print the rows; return the exit code."""
    met = True
    for row in rows(*map(int, sys.argv[1:])):
        print(row, flush=True)
        met = met and row.met is True
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
