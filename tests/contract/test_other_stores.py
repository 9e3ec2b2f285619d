"""What the health board, the payloads and the queue promise."""

from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError
from spectrum_cli.local.sqs_event import to_event_record
from spectrum_forwarder.adapters.event_queue import SqsEventQueue, read_record
from spectrum_forwarder.adapters.payloads import S3Payloads
from spectrum_forwarder.domain.errors import (
    InvalidEntry,
    PayloadMissing,
    QueueUnavailable,
    TableUnavailable,
)
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.line_ports import HealthBoard
from spectrum_forwarder.domain.ports import Payloads, StoredEvent
from spectrum_forwarder.domain.worker_ports import QueueRecord

from tests.contract.conftest import REGION
from tests.support.in_memory.clock import ManualClock
from tests.support.make import stored_of

Sqs = tuple[SqsEventQueue, str, str]
OPEN = Health(failures=12, failing_since=1.5, open_until=99.25, trips=1, quick=True)


def test_health_is_kept_by_destination(board: HealthBoard) -> None:
    assert dict(board.load()) == {}
    assert board.save("crm", OPEN)
    assert board.save("a name.with:odd#characters", Health())
    assert dict(board.load()) == {"crm": OPEN, "a name.with:odd#characters": Health()}


def test_health_is_saved_only_if_the_breaker_is_as_seen(board: HealthBoard) -> None:
    board.save("crm", OPEN)
    assert not board.save("crm", Health(open_until=5), seen=Health(open_until=98))
    assert board.save("crm", Health(open_until=5), seen=OPEN)
    assert board.load()["crm"].open_until == 5


def test_a_payload_is_returned_as_it_was(payloads: Payloads) -> None:
    packed = bytes(range(256)) * 2000
    assert payloads.get(payloads.put(packed)) == packed


@pytest.mark.parametrize(("days", "renewed"), [(9, False), (11, True)])
def test_a_payload_that_is_still_owed_does_not_expire(
    aws: str, clock: ManualClock, days: int, renewed: bool
) -> None:
    """The bucket's objects expire by the time they were written."""
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket="payloads")
    store = S3Payloads(client, "payloads", renewing=True, clock=clock)
    name = store.put(b"packed")
    written = client.head_object(Bucket="payloads", Key=name)["LastModified"]
    clock.now = written.timestamp() + days * 86_400
    puts: list[str] = []
    client.meta.events.register("before-call.s3.PutObject", lambda **_: puts.append("put"))
    assert store.get(name) == b"packed"
    assert bool(puts) is renewed


def test_a_payload_that_cannot_be_renewed_is_read_all_the_same(
    aws: str, clock: ManualClock
) -> None:
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket="payloads")
    store = S3Payloads(client, "payloads", renewing=True, clock=clock)
    name = store.put(b"packed")
    clock.now += 365 * 86_400

    def refuse(**_: object) -> None:
        raise ConnectionClosedError(endpoint_url="https://bucket")

    client.meta.events.register("before-call.s3.PutObject", refuse)
    assert store.get(name) == b"packed"


def test_a_missing_payload_is_told_from_a_failure(payloads: Payloads) -> None:
    with pytest.raises(PayloadMissing):
        payloads.get("payloads/none")


def received(url: str) -> QueueRecord:
    client = boto3.client("sqs", region_name=REGION)
    (found,) = client.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    return read_record(to_event_record(found, "arn:aws:sqs:us-east-1:123456789012:any"))


def test_a_hint_goes_to_its_lane(sqs_queue: Sqs) -> None:
    queue, main_url, slow_url = sqs_queue
    queue.send_hint("main:a")
    queue.send_hint("main:b", slow=True)
    main, slow = received(main_url), received(slow_url)
    assert (main.event_key, main.slow_lane) == ("main:a", False)
    assert (slow.event_key, slow.slow_lane) == ("main:b", True)


def test_ten_hints_go_at_once(sqs_queue: Sqs) -> None:
    queue, main_url, _ = sqs_queue
    queue.send_hints([f"main:{number}" for number in range(10)])
    client = boto3.client("sqs", region_name=REGION)
    found = client.receive_message(QueueUrl=main_url, MaxNumberOfMessages=10)["Messages"]
    assert len(found) == 10


def test_hints_that_are_refused_are_told_and_no_failure(sqs_queue: Sqs) -> None:
    queue = sqs_queue[0]

    def refuse(parsed: dict[str, Any], **_: object) -> None:
        refused = [entry for entry in parsed["Successful"] if entry["Id"] in ("2", "7")]
        parsed["Successful"] = [entry for entry in parsed["Successful"] if entry not in refused]
        parsed["Failed"] = [
            {"Id": entry["Id"], "Code": "InternalError", "SenderFault": False} for entry in refused
        ]

    queue._client.meta.events.register("after-call.sqs.SendMessageBatch", refuse)
    keys = [f"main:{number}" for number in range(10)]
    assert queue.send_hints(keys) == ["main:2", "main:7"]
    assert queue.depth() == (10, 0)


def test_the_depth_is_what_waits_and_what_is_in_work_in_both_lanes(sqs_queue: Sqs) -> None:
    queue, main_url, _ = sqs_queue
    assert queue.depth() == (0, 0)
    queue.send_hints(["main:a", "main:b"])
    queue.send_hint("main:c", slow=True)
    queue.send_hint("main:d", delay=300)
    assert queue.depth() == (2, 1)
    received(main_url)
    assert queue.depth() == (2, 1)


def test_a_record_is_shown_again_when_it_is_asked_for(sqs_queue: Sqs) -> None:
    queue, main_url, slow_url = sqs_queue
    records = []
    for slow, url in ((False, main_url), (True, slow_url)):
        queue.send_hint("main:a", slow=slow)
        records.append(received(url))
    assert [record.receives for record in records] == [1, 1]
    queue.show_again([(record, 0) for record in records])
    for record, url in zip(records, (main_url, slow_url), strict=True):
        again = received(url)
        assert (again.id, again.receives) == (record.id, 2)


def test_a_record_that_cannot_be_shown_again_does_not_keep_another(sqs_queue: Sqs) -> None:
    queue, main_url, _ = sqs_queue
    queue.send_hint("main:a")
    record = received(main_url)
    queue.show_again([(replace(record, receipt="none"), 0), (record, 0)])
    assert received(main_url).id == record.id


@pytest.mark.parametrize("payload", [None, "payloads/1"])
def test_a_whole_event_survives_the_queue(sqs_queue: Sqs, payload: str | None) -> None:
    queue, main_url, _ = sqs_queue
    stored = stored_of()
    sent = StoredEvent(stored.event, None if payload else stored.packed, payload)
    queue.send_event(sent)
    whole = received(main_url).whole
    assert whole is not None
    assert (whole.packed, whole.payload) == (sent.packed, payload)
    assert whole.event._replace(body=b"") == stored.event._replace(body=b"")
    assert whole.event.sender_id == stored.event.sender_id


@pytest.mark.parametrize("body", ["", "x", "[]", "{}", "null", '{"event": {}}', '"text"'])
def test_a_record_of_another_kind_is_refused(body: str) -> None:
    with pytest.raises(InvalidEntry):
        read_record({"messageId": "1", "body": body})


def test_failures_of_aws_are_told_as_ours(sqs_queue: Sqs, board: HealthBoard) -> None:
    client = boto3.client("sqs", region_name=REGION)
    gone = SqsEventQueue(client, main_url="https://sqs.invalid/none", slow_url="")
    with pytest.raises(QueueUnavailable):
        gone.send_hint("main:a")
    with pytest.raises(QueueUnavailable):
        gone.send_hints(["main:a"])
    with pytest.raises(QueueUnavailable):
        gone.depth()
    with pytest.raises(QueueUnavailable):
        gone.show_again([(QueueRecord("1", "main:a", receipt="1"), 5.0)])
    if hasattr(board, "_table"):
        board._table = "none"
        board._read_at = float("-inf")  # type: ignore[attr-defined]
        with pytest.raises(TableUnavailable):
            board.load()
