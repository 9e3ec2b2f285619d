"""The queue poller against a real (local) SQS and real workers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from spectrum_cli.local.deployment import QueueSourceSpec
from spectrum_cli.local.lineage import LONGEST_CHAIN, entered, runs
from spectrum_cli.local.moto_server import MotoServer
from spectrum_cli.local.poller import LONG_POLL_SECONDS, Poller

from tests.local.conftest import PoolMaker
from tests.support.aws import client_of
from tests.support.built import for_this_machine
from tests.support.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def layer() -> tuple[Path, ...]:
    """For a function whose calls are made as ours are."""
    return (for_this_machine()["CoreLayer"],)


def sqs_at(url: str) -> SQSClient:
    return cast("SQSClient", client_of("sqs", url))


@pytest.fixture(scope="module")
def sqs() -> Iterator[SQSClient]:
    with MotoServer() as server:
        client = sqs_at(server.url)
        yield client
        client.close()


class Polls:
    """An SQS client that counts the polls which were begun, and keeps receipts by body."""

    def __init__(self, sqs: SQSClient) -> None:
        self._sqs = sqs
        self.begun = 0
        self.receipts: dict[str, str] = {}

    def receive_message(self, **arguments: Any) -> Any:
        self.begun += 1
        answer = self._sqs.receive_message(**arguments)
        for message in answer.get("Messages", []):
            self.receipts[message["Body"]] = message["ReceiptHandle"]
        return answer

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._sqs, operation)


@dataclass
class Lane:
    """A queue with a dead-letter queue, a function behind it and what that has noted."""

    sqs: SQSClient
    url: str
    dead_letters: str
    notes: Path
    gate: Path
    polls: Polls
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

    def show_again(self, body: str) -> None:
        """Let a record that was received come again now, and not when its time is over."""
        receipt = self.polls.receipts[body]
        self.sqs.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=0
        )

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
        **changes: Any,
    ) -> Lane:
        name = f"lane-{time.time_ns()}"
        dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
        redrive = {"deadLetterTargetArn": f"{arn}-dead", "maxReceiveCount": receives}
        url = sqs.create_queue(
            QueueName=name,
            Attributes={"VisibilityTimeout": "60", "RedrivePolicy": json.dumps(redrive)},
        )["QueueUrl"]
        lane = Lane(sqs, url, dead, tmp_path / name, tmp_path / f"{name}-gate", Polls(sqs))
        environment = {
            "NOTES": str(lane.notes),
            "GATE": str(lane.gate),
            "QUEUE": url,
            "AWS_ENDPOINT_URL": sqs.meta.endpoint_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        pool = make_pool(fixture, environment=environment, **changes)
        pool.start()
        spec = QueueSourceSpec(name, arn, url, "F", batch_size, max_concurrency, True)
        polls = cast("SQSClient", lane.polls)
        poller = Poller(spec, pool, polls, lambda source, line: log_lines.append((source, line)))
        lane.pollers.append(poller)
        poller.start()
        lanes.append(lane)
        return lane

    yield make
    for lane in lanes:
        lane.gate.touch()
        lane.pollers[0].stop()
    for lane in lanes:
        assert lane.pollers[0].join(PATIENCE)


def test_fresh_record_is_seen_by_the_poll_that_is_under_way_and_deleted(
    make_lane: LaneMaker,
) -> None:
    lane = make_lane(max_concurrency=1)
    # The one slot is free when a poll has come back with nothing and the next one is under way.
    wait_until(lambda: lane.polls.begun >= 2)
    lane.send("wait")
    polls = lane.polls.begun
    wait_until(lambda: bool(lane.calls()))
    assert lane.polls.begun - polls <= 1  # one, where it was just over
    (call,) = lane.calls()
    assert call["first"]["eventSource"] == "aws:sqs"
    assert call["first"]["attributes"]["ApproximateReceiveCount"] == "1"
    assert int(call["first"]["attributes"]["SentTimestamp"]) > 0
    lane.gate.touch()
    wait_until(lambda: lane.depth() == 0)


def test_reported_failures_come_again_and_the_others_do_not(make_lane: LaneMaker) -> None:
    lane = make_lane(max_concurrency=1)
    lane.send("wait")
    wait_until(lambda: bool(lane.calls()))
    lane.send("good", "fail", "fine")
    lane.gate.touch()
    # The batches are over when what did not fail is deleted.
    wait_until(lambda: len(lane.bodies()) == 4 and lane.depth() == 1)
    lane.show_again("fail")
    wait_until(lambda: lane.bodies().count("fail") == 2)
    assert lane.bodies().count("good") == lane.bodies().count("fine") == 1


@pytest.mark.parametrize("fault", ["raise", "exit"])
def test_failed_invocation_keeps_its_records_until_they_are_dead_lettered(
    make_lane: LaneMaker, fault: str, log_lines: list[tuple[str, str]]
) -> None:
    lane = make_lane(receives=2)
    lane.send(fault)
    for failed in (1, 2):
        wait_until(lambda: sum("failed with" in line for _, line in log_lines) == failed)  # noqa: B023
        lane.show_again(fault)
    wait_until(lambda: lane.depth(lane.dead_letters) == 1)
    assert lane.bodies() == [fault, fault]
    assert lane.depth() == 0


def test_batches_run_side_by_side_up_to_the_limit(make_lane: LaneMaker) -> None:
    lane = make_lane(batch_size=1, max_concurrency=2)
    lane.send(*["wait"] * 4)
    wait_until(lambda: len(lane.calls()) == 2)
    # Both are held, and a third one would have been received by now.
    time.sleep(0.3)
    assert (len(lane.calls()), lane.depth()) == (2, 4)
    lane.gate.touch()
    wait_until(lambda: lane.depth() == 0)
    assert lane.bodies() == ["wait"] * 4


def test_backlog_is_read_in_batches(make_lane: LaneMaker) -> None:
    lane = make_lane(max_concurrency=1)
    lane.send("wait")
    wait_until(lambda: bool(lane.calls()))
    lane.send(*[str(n) for n in range(25)])
    lane.gate.touch()
    wait_until(lambda: len(lane.bodies()) == 26)
    assert max(len(call["bodies"]) for call in lane.calls()) == 10


def test_chain_of_calls_goes_on_where_the_template_allows_it(make_lane: LaneMaker) -> None:
    lane = make_lane("loop", may_loop=True, layer_dirs=layer())
    lane.send("20")
    wait_until(lambda: len(lane.calls()) == 21)
    assert [runs(call["trace"], "TestFunction") for call in lane.calls()] == list(range(1, 22))
    assert len({call["trace"].partition(";")[0] for call in lane.calls()}) == 1
    wait_until(lambda: lane.depth() == 0)
    assert lane.depth(lane.dead_letters) == 0


def test_seventeenth_round_is_refused_where_the_template_does_not_allow_it(
    make_lane: LaneMaker, log_lines: list[tuple[str, str]]
) -> None:
    lane = make_lane("loop", receives=1, layer_dirs=layer())
    lane.send("20")
    wait_until(lambda: bool(log_lines) and "refused" in log_lines[-1][1])
    lane.show_again(str(20 - LONGEST_CHAIN))
    wait_until(lambda: lane.depth(lane.dead_letters) == 1)
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
    lane.send("wait")
    wait_until(lambda: bool(lane.calls()))
    lane.pollers[0].stop()
    assert not lane.pollers[0].join(0.1)
    lane.gate.touch()
    assert lane.pollers[0].join(PATIENCE)
    assert lane.depth() == 0
    # Nothing was begun that would have had to be waited for.
    assert LONG_POLL_SECONDS <= 1


def test_unreachable_queue_is_logged_once_and_tried_on(
    make_pool: PoolMaker, log_lines: list[tuple[str, str]], tmp_path: Path
) -> None:
    client = sqs_at("http://127.0.0.1:9")
    polls = Polls(client)
    spec = QueueSourceSpec(
        "gone", "arn:aws:sqs:us-east-1:1:gone", "http://x/1/gone", "F", 1, 2, True
    )
    poller = Poller(
        spec,
        make_pool(),
        cast("SQSClient", polls),
        lambda source, line: log_lines.append((source, line)),
    )
    poller.start()
    wait_until(lambda: polls.begun >= 3)
    poller.stop()
    assert poller.join(PATIENCE)
    client.close()
    assert [source for source, _ in log_lines] == ["gone"]
