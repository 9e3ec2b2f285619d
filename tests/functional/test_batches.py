"""Batches: what a conversation says in a burst goes out as one signed request."""

import base64
import json
from dataclasses import replace
from typing import Any, cast

import pytest
from spectrum_forwarder.domain import bundle
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.order import Batch, Order
from spectrum_forwarder.domain.signature import sign, sign_standard

from tests.functional.test_order import BUSY, QUICK, START, receive, said
from tests.support.make import changed, destination_of
from tests.support.world import World


def batching(most: int = 20, **changes: object) -> Destination:
    return destination_of("crm", **{"order": Order(batch=Batch(2.0, most, 8.0)), **changes})


@pytest.fixture
def world() -> World:
    """A world whose destination `crm` takes batches."""
    world = World()
    world.clock.now = START
    world.add_quick(batching())
    return world


def events(world: World, number: int = -1) -> list[dict[str, Any]]:
    """What stands in a batch that was sent."""
    found: list[dict[str, Any]] = json.loads(world.sent_to("crm")[number].body)["events"]
    return found


def batches(world: World) -> list[list[str]]:
    """The events of each batch that was sent, in order."""
    return [
        [event["webhook-id"].partition(":")[2] for event in events(world, number)]
        for number in range(len(world.sent_to("crm")))
    ]


def test_a_burst_goes_out_as_one_request_in_its_order(world: World) -> None:
    for second in (3, 1, 2, 0):
        receive(world, said(f"m{second}", second))
        world.live(0.5)
    world.live(4)
    assert batches(world) == [["m0", "m1", "m2", "m3"]]
    assert {world.delivery("crm", f"main:m{n}").status.value for n in range(4)} == {"delivered"}
    assert not any(world.places.places.values())


def test_each_event_has_its_exact_body_and_the_headers_that_matter(world: World) -> None:
    body = said("m1", 1)
    receive(world, body)
    world.live(4)
    (event,) = events(world)
    assert event == {
        "webhook-id": "main:m1",
        "headers": {
            "Content-Type": "application/json",
            "X-Spectrum-Event": "messages",
            "X-Spectrum-Webhook-Id": "3f1c2b7e-0000-4000-8000-000000000001",
            "X-Spectrum-Forwarder-Via": event["headers"]["X-Spectrum-Forwarder-Via"],
        },
        "body": body.decode(),
    }


def test_a_batch_is_signed_as_a_whole_in_both_schemes(world: World) -> None:
    receive(world, said("m1", 1), said("m2", 2))
    world.live(4)
    (sent,) = world.sent_to("crm")
    secret = batching().signing_secret
    timestamp = int(sent.headers["X-Spectrum-Timestamp"])
    assert sent.headers["X-Spectrum-Signature"] == sign(secret, timestamp, sent.body)
    assert sent.headers["X-Spectrum-Event"] == "batch"
    name = sent.headers["webhook-id"]
    signed = sign_standard(secret, name, timestamp, sent.body)
    assert sent.headers["webhook-signature"] == signed
    assert name.startswith("batch_")
    assert "." not in name


def test_the_same_set_has_the_same_id_and_another_has_another() -> None:
    one, two, three = (bundle.Bundled(f"main:m{n}", {}, b"{}") for n in range(3))
    assert bundle.batch_id([one, two]) == bundle.batch_id([two, one])
    assert bundle.batch_id([one, two]) != bundle.batch_id([one, two, three])
    assert bundle.batch_id([one]) != bundle.batch_id([two])


def test_it_is_sent_after_its_wait_though_nobody_falls_silent(world: World) -> None:
    for second in range(12):
        receive(world, said(f"m{second}", second))
        world.live(1)
    first = world.sent_to("crm")[0]
    assert int(first.headers["X-Spectrum-Timestamp"]) - START <= 11
    assert len(batches(world)[0]) >= 8


def test_it_is_sent_at_once_when_it_is_full(world: World) -> None:
    world.add(batching(most=3))
    receive(world, *(said(f"m{n}", n) for n in range(7)))
    world.live(5)
    assert batches(world) == [["m0", "m1", "m2"], ["m3", "m4", "m5"], ["m6"]]


def test_a_batch_that_fails_counts_one_attempt_for_each_and_comes_again_alike(
    world: World,
) -> None:
    world.sender.script["crm"] = [BUSY]
    receive(world, said("m1", 1), said("m2", 2))
    world.live(3)
    assert [world.delivery("crm", f"main:m{n}").attempts for n in (1, 2)] == [1, 1]
    world.live(10)
    assert batches(world) == [["m1", "m2"]] * 2
    names = {sent.headers["webhook-id"] for sent in world.sent_to("crm")}
    assert len(names) == 1


def test_a_batch_that_fails_is_one_failure_of_its_destination(world: World) -> None:
    world.sender.script["crm"] = [BUSY]
    receive(world, *(said(f"m{n}", n) for n in range(12)))
    world.live(4)
    assert [len(names) for names in batches(world)] == [12]
    assert world.board.health["crm"].failures == 1
    world.live(10)
    assert [len(names) for names in batches(world)] == [12, 12]
    assert world.board.health["crm"].failures == 0


@pytest.mark.parametrize("status", [413, 422])
def test_a_poisonous_message_is_found_alone(world: World, status: int) -> None:
    refused = Answer(status=status, seconds=0.01)
    send_of = world.sender.send

    def send(attempts: Any) -> Any:
        """Whatever has m5 in it is refused."""
        for attempt in attempts:
            world.sender.script["crm"] = [refused if b'"main:m5"' in attempt.body else QUICK]
            yield from send_of([attempt])

    vars(world.sender)["send"] = send
    receive(world, *(said(f"m{n}", n) for n in range(8)))
    world.live(10)
    assert [world.delivery("crm", f"main:m{n}").attempts for n in range(5)] == [1] * 5
    assert world.delivery("crm", "main:m5").attempts >= 1
    alone = [names for names in batches(world) if "m5" in names][-1]
    assert alone == ["m5"]
    world.live(3600)
    for n in (6, 7):
        assert world.outcome("crm", f"main:m{n}")[0] == "delivered"
    assert world.delivery("crm", "main:m5").late


def test_what_does_not_fit_together_goes_out_in_several(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "LARGEST", 1500)
    bodies = [
        changed(said(f"m{n}", n), message={"content": {"type": "text", "text": "x" * 400}})
        for n in range(4)
    ]
    receive(world, *bodies)
    world.live(5)
    assert [len(names) for names in batches(world)] == [1, 1, 1, 1]
    assert [names[0] for names in batches(world)] == ["m0", "m1", "m2", "m3"]
    assert all(world.delivery("crm", f"main:m{n}").attempts == 1 for n in range(4))


def test_what_is_late_or_names_no_conversation_comes_as_a_batch_of_one(world: World) -> None:
    receive(world, said("m5", 5), b'{"event":"other"}')
    world.live(5)
    receive(world, said("m3", 3))
    world.live(5)
    assert sorted(map(len, batches(world))) == [1, 1, 1]
    assert world.sent_to("crm")[-1].headers["X-Spectrum-Forwarder-Late"] == "1"
    assert events(world)[0]["headers"]["X-Spectrum-Forwarder-Late"] == "1"


def test_bytes_that_are_no_text_stand_in_base64() -> None:
    body, fitting = bundle.bundled([bundle.Bundled("main:m1", {}, b"\xff\x00")])
    (event,) = json.loads(body)["events"]
    assert fitting == 1
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"\xff\x00"


def test_two_conversations_share_no_batch(world: World) -> None:
    receive(world, *(said(f"{space}{n}", n, space) for n in range(3) for space in "ab"))
    world.live(5)
    assert sorted(batches(world)) == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]


def test_one_whose_worker_died_holds_up_those_that_were_to_go_with_it(world: World) -> None:
    """Who is held by another is missing, and nobody goes out before it."""
    receive(world, *(said(f"m{n}", n) for n in range(3)))
    world.live(1)
    row = world.row("main:m0")
    world.rows.rows["main:m0"] = replace(row, owner="dead", claimed_until=world.clock() + 60)
    world.live(5)
    assert batches(world) == []
    world.live(600)
    assert [name for names in batches(world) for name in names] == ["m0", "m1", "m2"]


def test_what_is_told_of_a_batch_names_each_of_its_events(world: World) -> None:
    receive(world, said("m1", 1), said("m2", 2))
    world.live(4)
    told = world.facts.named("delivery.attempted")
    assert [(fact["event_key"], fact["together"]) for fact in told] == [
        ("main:m1", 2),
        ("main:m2", 2),
    ]


def test_what_names_no_conversation_goes_out_at_once_each_alone_and_to_others_as_well(
    world: World,
) -> None:
    world.add_quick(destination_of("erp"))
    receive(world, b'{"event":"one"}', b'{"event":"other"}')
    world.fan_out(*(queued.read() for queued in world.memory_queue.visible()))
    assert [len(names) for names in batches(world)] == [1, 1]
    assert len(world.sent_to("erp")) == 2


class Unmarking:
    """Loops that fail at one body, or at each batch."""

    def __init__(self, at: bytes) -> None:
        self.at = at

    def comes_back(self, via: str, body: bytes) -> bool:
        return False

    def marked(self, via: str | None, body: bytes) -> str | None:
        if self.at in body:
            raise ArithmeticError
        return via


def test_an_event_that_cannot_be_made_ready_is_kept_and_holds_up_no_other(world: World) -> None:
    world.add_quick(destination_of("erp"))
    world.loops = cast(Any, Unmarking(b'{"event":"one"}'))
    receive(world, b'{"event":"one"}', b'{"event":"other"}')
    records = [queued.read() for queued in world.memory_queue.visible()]
    assert world.fan_out(*records) == [records[0].id]
    assert [attempt.event_key for attempt in world.sent_to("erp")] == [records[1].event_key]
    assert [len(names) for names in batches(world)] == [1]
    assert world.delivery("erp", records[1].event_key).status.value == "delivered"


def test_a_batch_that_cannot_be_made_ready_keeps_its_events_and_no_others(world: World) -> None:
    world.add_quick(destination_of("erp"))
    world.loops = cast(Any, Unmarking(b'"events":'))
    receive(world, b'{"event":"one"}', b'{"event":"other"}')
    records = [queued.read() for queued in world.memory_queue.visible()]
    assert sorted(world.fan_out(*records)) == sorted(record.id for record in records)
    assert len(world.sent_to("erp")) == 2
    assert world.sent_to("crm") == []
