"""The queue poller against a real (local) SQS and real workers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from spectrum_cli.local.deployment import QueueSourceSpec
from spectrum_cli.local.lineage import LONGEST_CHAIN, entered, runs
from spectrum_cli.local.moto_server import MotoServer
from spectrum_cli.local.poller import Poller

from tests.local.conftest import PoolMaker, wait_until
from tests.support.built import for_this_machine

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def layer() -> tuple[Path, ...]:
    """For a function whose calls are made as ours are."""
    return (for_this_machine()["CoreLayer"],)


def sqs_at(url: str) -> SQSClient:
    return boto3.client(
        "sqs",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


@pytest.fixture(scope="module")
def sqs() -> Iterator[SQSClient]:
    with MotoServer() as server:
        client = sqs_at(server.url)
        yield client
        client.close()


@dataclass
class Lane:
    """A queue with a dead-letter queue, a function behind it and what that has noted."""

    sqs: SQSClient
    url: str
    dead_letters: str
    notes: Path
    pollers: list[Poller] = field(default_factory=list)

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def calls(self) -> list[dict[str, Any]]:
        if not self.notes.exists():
            return []
        return [json.loads(line) for line in self.notes.read_text().splitlines()]

    def bodies(self) -> list[str]:
        return [body for call in self.calls() for body in call["bodies"]]

    def depth(self, url: str | None = None) -> int:
        answer = self.sqs.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=["All"])
        attributes = answer["Attributes"]
        visible = attributes["ApproximateNumberOfMessages"]
        return int(visible) + int(attributes["ApproximateNumberOfMessagesNotVisible"])


LaneMaker = Callable[..., Lane]


@pytest.fixture
def make_lane(
    sqs: SQSClient, make_pool: PoolMaker, tmp_path: Path, log_lines: list[tuple[str, str]]
) -> Iterator[LaneMaker]:
    lanes: list[Lane] = []

    def make(
        fixture: str = "batch",
        *,
        batch_size: int = 10,
        max_concurrency: int = 2,
        receives: int = 5,
        visibility: int = 1,
        **changes: Any,
    ) -> Lane:
        name = f"lane-{time.time_ns()}"
        dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
        redrive = {"deadLetterTargetArn": f"{arn}-dead", "maxReceiveCount": receives}
        url = sqs.create_queue(
            QueueName=name,
            Attributes={"VisibilityTimeout": str(visibility), "RedrivePolicy": json.dumps(redrive)},
        )["QueueUrl"]
        lane = Lane(sqs, url, dead, tmp_path / name)
        environment = {
            "NOTES": str(lane.notes),
            "QUEUE": url,
            "AWS_ENDPOINT_URL": sqs.meta.endpoint_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        pool = make_pool(fixture, environment=environment, **changes)
        pool.start()
        spec = QueueSourceSpec(name, arn, url, "F", batch_size, max_concurrency, True)
        poller = Poller(spec, pool, sqs, lambda source, line: log_lines.append((source, line)))
        lane.pollers.append(poller)
        poller.start()
        lanes.append(lane)
        return lane

    yield make
    for lane in lanes:
        lane.pollers[0].stop()
    for lane in lanes:
        assert lane.pollers[0].join(5)


def test_fresh_record_is_seen_at_once_and_deleted(make_lane: LaneMaker) -> None:
    lane = make_lane()
    time.sleep(0.3)
    sent = time.time()
    lane.send("one")
    wait_until(lambda: bool(lane.calls()))
    (call,) = lane.calls()
    assert call["began"] - sent < 0.5
    assert call["first"]["eventSource"] == "aws:sqs"
    assert call["first"]["attributes"]["ApproximateReceiveCount"] == "1"
    assert int(call["first"]["attributes"]["SentTimestamp"]) > 0
    wait_until(lambda: lane.depth() == 0)


def test_reported_failures_come_again_and_the_others_do_not(make_lane: LaneMaker) -> None:
    lane = make_lane(max_concurrency=1)
    lane.send("sleep 0.5")
    wait_until(lambda: bool(lane.calls()))
    lane.send("good", "fail", "fine")
    wait_until(lambda: lane.bodies().count("fail") == 2)
    assert lane.bodies().count("good") == lane.bodies().count("fine") == 1


@pytest.mark.parametrize("fault", ["raise", "exit"])
def test_failed_invocation_keeps_its_records_until_they_are_dead_lettered(
    make_lane: LaneMaker, fault: str
) -> None:
    lane = make_lane(receives=2)
    lane.send(fault)
    wait_until(lambda: lane.depth(lane.dead_letters) == 1, 8)
    assert lane.bodies() == [fault, fault]
    assert lane.depth() == 0


def test_batches_run_side_by_side_up_to_the_limit(make_lane: LaneMaker) -> None:
    lane = make_lane(batch_size=1, max_concurrency=2)
    lane.send(*["sleep 0.3"] * 4)
    wait_until(lambda: lane.depth() == 0)
    began = sorted(call["began"] for call in lane.calls())
    assert began[1] - began[0] < 0.25
    assert began[2] - began[0] >= 0.3


def test_backlog_is_read_in_batches(make_lane: LaneMaker) -> None:
    lane = make_lane(max_concurrency=1)
    lane.send("sleep 0.5")
    wait_until(lambda: bool(lane.calls()))
    lane.send(*[str(n) for n in range(25)])
    wait_until(lambda: len(lane.bodies()) == 26)
    assert max(len(call["bodies"]) for call in lane.calls()) == 10


def test_chain_of_calls_goes_on_where_the_template_allows_it(make_lane: LaneMaker) -> None:
    # A round on a busy machine must not be taken for one that failed.
    lane = make_lane("loop", visibility=5, may_loop=True, layer_dirs=layer())
    lane.send("20")
    wait_until(lambda: len(lane.calls()) == 21, 30)
    assert [runs(call["trace"], "TestFunction") for call in lane.calls()] == list(range(1, 22))
    assert len({call["trace"].partition(";")[0] for call in lane.calls()}) == 1
    wait_until(lambda: lane.depth() == 0)
    assert lane.depth(lane.dead_letters) == 0


def test_seventeenth_round_is_refused_where_the_template_does_not_allow_it(
    make_lane: LaneMaker, log_lines: list[tuple[str, str]]
) -> None:
    lane = make_lane("loop", receives=1, visibility=5, layer_dirs=layer())
    lane.send("20")
    wait_until(lambda: lane.depth(lane.dead_letters) == 1, 40)
    assert lane.bodies() == [str(20 - number) for number in range(LONGEST_CHAIN)]
    assert "RecursiveLoop is not Allow" in log_lines[-1][1]


def test_record_that_loops_holds_up_no_other(make_lane: LaneMaker) -> None:
    lane = make_lane("loop", max_concurrency=1, layer_dirs=layer())
    trace = entered(None, "TestFunction")
    for _ in range(LONGEST_CHAIN):
        trace = entered(trace, "TestFunction")
    header: Any = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
    lane.sqs.send_message(QueueUrl=lane.url, MessageBody="0", MessageSystemAttributes=header)
    lane.send("1")
    wait_until(lambda: len(lane.bodies()) == 2)
    assert lane.bodies() == ["1", "0"]


def test_idle_poller_stops_soon_and_a_busy_one_after_its_batch(make_lane: LaneMaker) -> None:
    lane = make_lane()
    lane.send("sleep 0.5")
    wait_until(lambda: bool(lane.calls()))
    began = time.monotonic()
    lane.pollers[0].stop()
    assert lane.pollers[0].join(5)
    assert time.monotonic() - began < 4
    assert lane.depth() == 0


def test_unreachable_queue_is_logged_once_and_tried_on(
    make_pool: PoolMaker, log_lines: list[tuple[str, str]], tmp_path: Path
) -> None:
    client = sqs_at("http://127.0.0.1:9")
    spec = QueueSourceSpec(
        "gone", "arn:aws:sqs:us-east-1:1:gone", "http://x/1/gone", "F", 1, 2, True
    )
    poller = Poller(
        spec, make_pool(), client, lambda source, line: log_lines.append((source, line))
    )
    poller.start()
    time.sleep(1)
    poller.stop()
    assert poller.join(10)
    client.close()
    assert [source for source, _ in log_lines] == ["gone"]
