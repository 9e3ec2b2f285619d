"""What each function does with its role's rights, all of it, on moto with roles enforced.

`USES` has for each role the parts of what its function does in production. Each part does it once
and returns what came of it, in words that don't change from run to run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from spectrum_forwarder.adapters.delivery_items import read_deliveries
from spectrum_forwarder.domain.event import make_event, pack
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.inbound import InboundRequest
from spectrum_forwarder.domain.line import Place
from spectrum_forwarder.domain.line_ports import Lines
from spectrum_forwarder.domain.ports import StoredEvent
from spectrum_forwarder.domain.worker_ports import QueueRecord
from spectrum_forwarder.watch import watch

from functions.fanout.app import build as build_fan_out
from functions.receiver import app as receiver_app
from functions.registrations.app import build as build_check
from functions.sweeper.app import build as build_sweeper
from tests.support.fake_spectrum import FakeSpectrum
from tests.support.make import WEBHOOK, signed_headers
from tests.support.role_stack import BROKEN, PROJECT, Stack

LARGE = 360_000

Seen = dict[str, object]


def _receive(stack: Stack) -> Seen:
    """A small event and a large one, and what is done for one whose hint cannot be sent."""
    seen: Seen = {}
    with stack.acting_as("ReceiverFunction") as environment:
        receiver = receiver_app.build(environment)
        for name, size in (("small", 0), ("large", LARGE)):
            body = stack.new_body(size=size)
            receiver_app.BUDGET.begin()  # as the handler does
            reply = receiver.receive(InboundRequest(signed_headers(body), body), receipt=name)
            seen[f"{name} answered"] = reply.status
            item = stack.item(stored_of(body).event.key)
            seen[f"{name} stored"] = sorted({"payload", "body"} & set(item))
        key, now = stored_of(body).event.key, time.time()
        # It was put at another time: only whether that can be asked counts.
        receiver_app.BUDGET.begin()
        seen["hastened"] = _try(lambda: receiver.store.hasten(key, put_at=now, now=now))
    return seen | {"hints": stack.queued("EventsQueue")}


def _fan_out(stack: Stack) -> Seen:
    """Events by hint, whole, large, and with the body gone."""
    seen: Seen = {}
    for name in ("quick", "slow"):
        stack.know(name, Health(quick=name == "quick"))
    with stack.acting_as("FanoutFunction") as environment:
        fan_out = build_fan_out(environment)
        hinted = stored_of(stack.new_body(services=True))
        whole, large = stored_of(stack.new_body()), stored_of(stack.new_body(size=LARGE))
        lost = stored_of(stack.new_body())._replace(packed=None, payload="payloads/none")
        records = {
            "hinted": QueueRecord("1", stack.store(hinted), slow_lane=True),
            "whole": QueueRecord("2", whole.event.key, whole=whole),
            "large": QueueRecord("3", large.event.key, whole=large),
            "lost": QueueRecord("4", stack.store(lost)),
        }
        seen["kept"] = sorted(fan_out.fan_out(list(records.values()), deadline=time.time() + 30))
        seen |= {name: _delivered(stack, record.event_key) for name, record in records.items()}
        # What does not fit goes to the bucket, and is read from there the next time.
        seen["kept again"] = fan_out.fan_out([_again(stack, large)], deadline=time.time() + 30)
        seen["in line"] = _try(lambda: _stand_and_leave(fan_out.lines))
    lanes = {lane: stack.queued(lane) > 0 for lane in ("EventsQueue", "SlowQueue")}
    return seen | {"lanes": lanes}


def _stand_and_leave(lines: Lines | None) -> list[bool]:
    """Take a place in a line, see it there, and give it up."""
    assert lines is not None
    place = Place("1/1/main:any", "main:any", 1.0)
    lines.put("crm", place)
    return [place in lines.first("crm", limit=5), lines.free("crm", place)]


def _sweep(stack: Stack) -> Seen:
    """An overdue event, and breakers that are open: of a destination, and of one that is gone."""
    stack.know("function", BROKEN)
    stack.know_line("waiting")
    seen: Seen = {}
    with stack.acting_as("SweeperFunction") as environment:
        sweeper, board, destinations = build_sweeper(environment)
        key = stack.store(stored_of(stack.new_body()))
        # Without a right it would fail again until the deadline: one sweep tells.
        now = time.time()
        swept = replace(sweeper, clock=lambda: now).sweep(deadline=now)
        seen["shards failed"] = swept.failed_shards
        seen["depth read"] = _try(sweeper.queue.depth)
        told: list[str] = []
        watch(
            board,
            destinations,
            sweeper.queue,
            clock=time.time,
            facts=lambda name, /, **_: told.append(name),
        )
        seen["breakers"] = told
        seen["moved on"] = float(stack.item(key)["due_at"]["N"]) > 1
        # What other uses left overdue is nobody's any more.
        stack.dynamodb.delete_item(TableName=stack.table, Key={"event_key": {"S": key}})
    lanes = {lane: stack.queued(lane) > 0 for lane in ("EventsQueue", "SlowQueue")}
    return seen | {"hinted": lanes}


def _check(stack: Stack) -> Seen:
    """Spectrum's list beside what is stored."""
    told: list[str] = []
    spectrum = FakeSpectrum(rate_limit=None)
    spectrum.project_id, spectrum.project_secret = PROJECT
    with spectrum, stack.acting_as("RegistrationsFunction") as environment:
        environment["SPECTRUM_API_URL"] = spectrum.url
        build_check(environment, told=lambda name, /, **_: told.append(name))()
    return {"told": told}


def _log(function: str, stack: Stack) -> Seen:
    """Do what Lambda does in a function's name before it runs: begin a log, and write to it."""
    logs = stack.client("logs", stack.roles[f"{function}Function"])
    stream = {
        "logGroupName": stack.named(f"{function}LogGroup"),
        "logStreamName": os.urandom(8).hex(),
    }
    began = _try(lambda: logs.create_log_stream(**stream))
    if began != "done":
        stack.client("logs").create_log_stream(**stream)
    line = {"timestamp": int(time.time() * 1000), "message": "{}"}
    return {
        "log begun": began,
        "log written": _try(lambda: logs.put_log_events(**stream, logEvents=[line])),
    }


def _poll(stack: Stack) -> Seen:
    """Do what Lambda does in the fan-out's name: look at both queues, take a record, delete it."""
    sqs = stack.client("sqs", stack.roles["FanoutFunction"])
    seen: Seen = {}
    for lane in ("EventsQueue", "SlowQueue"):
        queue = {"QueueUrl": stack.named(lane)}
        stack.sqs.send_message(**queue, MessageBody="{}")
        (record,) = stack.sqs.receive_message(**queue)["Messages"]
        entry = {"Id": "1", "ReceiptHandle": record["ReceiptHandle"]}
        calls = {
            "looked at": partial(sqs.get_queue_attributes, **queue, AttributeNames=["QueueArn"]),
            "received": partial(sqs.receive_message, **queue),
            "shown again": partial(
                sqs.change_message_visibility_batch,
                **queue,
                Entries=[entry | {"VisibilityTimeout": 5}],
            ),
            "deleted": partial(sqs.delete_message_batch, **queue, Entries=[entry]),
        }
        seen |= {f"{lane} {name}": _try(call) for name, call in calls.items()}
        stack.queued(lane)
    return seen


def _again(stack: Stack, stored: StoredEvent) -> QueueRecord:
    """Let an event be due at once; return a hint to it."""
    key = stored.event.key
    item = stack.item(key)
    if item:
        item |= {"due_at": {"N": "1"}}
        item.pop("claim_until", None)
        stack.dynamodb.put_item(TableName=stack.table, Item=item)
    return QueueRecord("5", key)


def _try(call: Callable[[], object]) -> str:
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "done"


def stored_of(body: bytes) -> StoredEvent:
    """The body as an event that is stored, or is to be."""
    event = make_event(
        source="main",
        webhook_id=WEBHOOK.id,
        received_at=time.time(),
        signed_at=int(time.time()),
        body=body,
    )
    return StoredEvent(event, pack(body))


def _delivered(stack: Stack, event_key: str) -> dict[str, str]:
    """What each destination answered, or why it was not asked."""
    item = stack.item(event_key)
    if "deliveries" not in item:
        return {}
    deliveries = read_deliveries(item["deliveries"])
    return {
        name: delivery.history[-1].answer if delivery.history else delivery.reason or "not asked"
        for name, delivery in deliveries.items()
    }


USES: Mapping[str, Sequence[Callable[[Stack], Seen]]] = {
    "ReceiverRole": (partial(_log, "Receiver"), _receive),
    "FanoutRole": (partial(_log, "Fanout"), _poll, _fan_out),
    "SweeperRole": (partial(_log, "Sweeper"), _sweep),
    "RegistrationsRole": (partial(_log, "Registrations"), _check),
}
