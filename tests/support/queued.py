"""Lines of a deployed stack, for tests: somebody stands in one, and hints that name one."""

import json
import time
from dataclasses import replace
from typing import Any

from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.health_board import HEALTH_KEY, DynamoHealthBoard
from spectrum_forwarder.adapters.waiting_table import DynamoLines
from spectrum_forwarder.domain.line import Place
from spectrum_forwarder.domain.order import Hold

from tests.support.stacks import Deployed


def board_of(stack: Deployed) -> DynamoHealthBoard:
    """How its destinations stand, and which lines do."""
    table = stack.outputs["EventsTableName"]
    return DynamoHealthBoard(stack.client("dynamodb"), table, clock=time.time)


def in_line(stack: Deployed, identity: str, key: str, *, seconds: float = 7200.0) -> None:
    """Have an event stand in a destination's line for so long; the line is a day old."""
    now = time.time()
    board_of(stack).stand(identity, now=now - 86_400)
    place = Place(f"{1:014d}/{1:014d}/{key}", key, now - seconds)
    DynamoLines(stack.client("dynamodb"), stack.outputs["WaitingTableName"]).put(identity, place)


def rest(stack: Deployed, line: str, key: str) -> Place:
    """Have an event be the head of a conversation's line, which rests until its retry."""
    lines = DynamoLines(stack.client("dynamodb"), stack.outputs["WaitingTableName"])
    now = round(time.time(), 3)
    place = Place(f"{1:014d}/{1:014d}/{key}", key, now - 60)
    lines.put(line, place)
    hold = Hold("worker", now + 1, place.position, rests_until=now + 600)
    assert lines.take(line, seen=Hold(), hold=hold, now=now)
    lines.let_go(line, hold=hold)
    return place


def let_go_at(stack: Deployed, identity: str, pace: float) -> None:
    """Somebody has just drained its line, and let so many go on a second."""
    board, now = board_of(stack), time.time()
    line = board.hold(identity, holder="a drainer", now=now, until=now + 75)
    assert line is not None
    board.let_go(identity, replace(line, pace=pace, paced_at=now))


def take_down(stack: Deployed) -> None:
    """Let nobody stand in any line, and nobody know of any destination's health."""
    client, waiting = stack.client("dynamodb"), stack.outputs["WaitingTableName"]
    for item in client.scan(TableName=waiting)["Items"]:
        key = {name: item[name] for name in ("line", "place")}
        client.delete_item(TableName=waiting, Key=key)
    table = stack.outputs["EventsTableName"]
    client.delete_item(TableName=table, Key=items.key(HEALTH_KEY))


def line_hints(stack: Deployed) -> list[str]:
    """What hints in the slow lane name; they are left there, and seen once."""
    found: list[str] = []
    url = stack.outputs["SlowQueueUrl"]
    while True:
        answer: Any = stack.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        if not (messages := answer.get("Messages", [])):
            return found
        found += [json.loads(message["Body"])["event_key"] for message in messages]
