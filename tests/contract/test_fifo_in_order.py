"""A FIFO queue that is filled in order: what comes out is each conversation, in order and once."""

import json
import random
import socket
import threading
from collections.abc import Iterator

import pytest
from spectrum_cli.local.moto_server import MotoServer
from spectrum_forwarder.adapters.kinds.router import make_sender
from spectrum_forwarder.domain.order import Batch, Order

from tests.support.benches import Bench, sqs_bench
from tests.support.http_server import Request, Script, serving
from tests.support.make import body_of, changed, destination_of
from tests.support.target_scripts import lose_the_answer_of, refusal
from tests.support.world import World

START = 1_800_001_800.0  # 2027-01-15T08:30Z
CHATS, EACH = 4, 8


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A FIFO queue."""
    with MotoServer() as moto, serving() as server:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", server.url(""))
        yield sqs_bench(server, moto.url, "orders.fifo")


def failing_in_turn(well: Script) -> Script:
    """Every fourth send is refused, and the answer of every fourth is lost."""
    lock, count = threading.Lock(), iter(range(10**6))
    lost, refused = lose_the_answer_of(well), refusal(500, "InternalFailure")

    def script(request: Request, connection: socket.socket) -> bool:
        with lock:
            turn = next(count) % 4
        chosen = {1: refused, 3: lost}.get(turn, well)
        return chosen(request, connection)

    return script


def said(chat: int, second: int) -> bytes:
    time = f"2027-01-15T08:30:{second:02}Z"
    body = body_of(f"chat-{chat}-{second}")
    return changed(body, space={"id": f"any;-;+1555010{chat}"}, message={"timestamp": time})


def bodies_of(bench: Bench) -> list[bytes]:
    """All events that have come out, those of batches one by one."""
    found: list[bytes] = []
    for _, body in bench.arrived():
        content = json.loads(body)
        found += [each["body"].encode() for each in content.get("events", ())] or [body]
    return found


@pytest.mark.parametrize("batch", [None, Batch(window=2.0, most=3, wait=8.0)])
def test_each_conversation_comes_out_in_order_and_once(bench: Bench, batch: Batch | None) -> None:
    world = World()
    world.clock.now = START
    world.sender = make_sender(allow_loopback=True)  # type: ignore[assignment]
    world.add_quick(destination_of("orders", kind="sqs", url=bench.url, order=Order(batch=batch)))
    bench.script(failing_in_turn(bench.well))
    bodies = [said(chat, second) for chat in range(CHATS) for second in range(EACH)]
    for body in random.Random(7).sample(bodies, len(bodies)):
        assert world.receive(body).status == 200

    world.live(600.0)

    arrived = bodies_of(bench)
    assert len(arrived) == len(bodies)
    for chat in range(CHATS):
        of_chat = bodies[chat * EACH : (chat + 1) * EACH]
        assert [body for body in arrived if body in of_chat] == of_chat
    sent = [json.loads(request.body) for request in bench.server.requests]
    assert len({each["MessageGroupId"] for each in sent}) == CHATS
