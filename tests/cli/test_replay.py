"""`forwarder replay`: what it begins, what it asks, and how it is continued."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from spectrum_cli.events.replaying import Planned, oldest_first
from spectrum_forwarder.adapters.event_log import DynamoEventLog
from spectrum_forwarder.domain.delivery import Deliveries, Status, planned

from tests.support.filled import dead, delivered, put, put_many
from tests.support.stacks import Deployed, forwarder, forwarder_process
from tests.support.waiting import PATIENCE, wait_until

NOW = time.time()


class Shop:
    """A stack with destinations crm and erp; every test begins with an empty table and queue."""

    def __init__(self, stack: Deployed) -> None:
        self.stack = stack
        self.table = stack.outputs["EventsTableName"]
        self._hints_before = 0
        self.log = DynamoEventLog(stack.client("dynamodb"), self.table, None)  # type: ignore[arg-type]

    def empty(self) -> None:
        client = self.stack.client("dynamodb")
        for item in client.scan(TableName=self.table)["Items"]:
            client.delete_item(TableName=self.table, Key={"event_key": item["event_key"]})
        self._hints_before = self._queued()

    def deliveries(self, key: str) -> Deliveries:
        event = self.log.get(key)
        assert event is not None
        assert event.deliveries is not None
        return event.deliveries

    def replays(self) -> dict[str, int]:
        """How often each event's delivery to crm was begun anew."""
        events = self.log.newest(limit=1000).events
        return {e.event_key: (e.deliveries or {})["crm"].replays for e in events}

    def hints(self) -> int:
        """How many hints were sent since the test began."""
        return self._queued() - self._hints_before

    def _queued(self) -> int:
        attributes = self.stack.client("sqs").get_queue_attributes(
            QueueUrl=self.stack.outputs["EventsQueueUrl"], AttributeNames=["All"]
        )["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"])


@pytest.fixture(scope="module")
def shops(stack: Deployed) -> Shop:
    entries = [
        {"name": name, "url": f"https://{name}.example.com/", "signing_secret": "5e" * 32}
        for name in ("crm", "erp")
    ]
    entries.append(entries[0] | {"name": "chat", "order": "conversation"})
    stack.write_destinations(*entries)
    return Shop(stack)


@pytest.fixture
def shop(
    shops: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    shops.empty()
    yield shops


def test_an_event_is_replayed_to_where_it_was_bound_for(shop: Shop) -> None:
    key = put(shop.stack, "a", delivered("crm", NOW), dead("gone", NOW))
    ran = forwarder("replay", key)
    assert (ran.status, ran.out) == (0, "replaying 1 event: 1 to crm\n")
    deliveries = shop.deliveries(key)
    assert (deliveries["crm"].status, deliveries["crm"].replays) == (Status.PENDING, 1)
    assert deliveries["gone"].status is Status.DEAD_LETTERED
    assert shop.hints() == 1


def test_only_what_stands_as_asked_is_replayed_and_the_report_is_for_programs(shop: Shop) -> None:
    one = put(shop.stack, "a", delivered("crm", NOW), dead("erp", NOW))
    put(shop.stack, "b", delivered("crm", NOW), delivered("erp", NOW))
    put(shop.stack, "c", delivered("crm", NOW), planned("erp", NOW))
    ran = forwarder("replay", "--since", "1h", "--status", "dead_lettered", "--json")
    assert (ran.status, ran.json) == (
        0,
        {"begun": 1, "deliveries": {"erp": 1}, "without_hint": 0, "busy": [], "unknown": []},
    )
    assert shop.deliveries(one)["crm"].status is Status.DELIVERED


def test_a_dry_run_does_nothing(shop: Shop) -> None:
    key = put(shop.stack, "a", delivered("crm", NOW))
    ran = forwarder("replay", "--since", "1h", "--destination", "erp", "--dry-run", "--json")
    assert ran.json == {
        "would_replay": [{"event_key": key, "destinations": ["erp"]}],
        "in_order": False,
        "unknown": [],
    }
    assert key in forwarder("replay", key, "--dry-run").out
    assert set(shop.deliveries(key)) == {"crm"}
    assert shop.hints() == 0


def test_an_empty_table_has_nothing_to_replay(shop: Shop) -> None:
    ran = forwarder("replay", "--since", "1h")
    assert (ran.status, ran.out) == (0, "nothing to replay\n")


def test_an_event_that_is_not_there_is_a_finding(shop: Shop) -> None:
    key = put(shop.stack, "a", delivered("crm", NOW))
    ran = forwarder("replay", "main:none", key)
    assert ran.status == 1
    assert "there is no event main:none" in ran.err
    assert shop.deliveries(key)["crm"].replays == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["main:a", "--since", "1h"],
        ["main:a", "--space", "s"],
        ["main:a", "--destination", "none"],
        ["--since", "soon"],
        ["main:a", "--rate", "0"],
        ["main:a", "--now", "--in-order"],
    ],
)
def test_wrong_use_is_status_2(shop: Shop, arguments: list[str]) -> None:
    assert forwarder("replay", *arguments).status == 2


def test_replays_in_order_stand_in_their_conversation_from_one_time_on(shop: Shop) -> None:
    keys = [put(shop.stack, name, delivered("chat", NOW)) for name in ("a", "b")]
    before = time.time()
    planned = forwarder("replay", "--since", "1h", "--in-order", "--dry-run")
    assert "2 events would be replayed, in the order of their conversations" in planned.err
    assert forwarder("replay", *keys, "--in-order", "--dry-run", "--json").json["in_order"]
    assert shop.hints() == 0
    ran = forwarder("replay", "--since", "1h", "--in-order")
    assert (ran.status, ran.out) == (0, "replaying 2 events: 2 to chat\n")
    begun = [shop.deliveries(key)["chat"] for key in keys]
    [since] = {delivery.in_order_since for delivery in begun}
    assert since is not None
    assert before - 1 < since <= min(delivery.planned_at for delivery in begun)
    assert {delivery.replays for delivery in begun} == {1}


@pytest.mark.parametrize("named", [(), ("--destination", "erp", "--destination", "chat")])
def test_where_there_is_no_order_no_replay_is_begun_in_it(
    shop: Shop, named: tuple[str, ...]
) -> None:
    key = put(shop.stack, "a", delivered("chat", NOW), delivered("erp", NOW))
    ran = forwarder("replay", key, "--in-order", *named)
    assert ran.status == 2
    assert "erp has no order to replay in" in ran.err
    assert "forwarder destinations set erp --order conversation" in ran.err
    assert shop.deliveries(key)["chat"].replays == 0
    assert forwarder("replay", key, "--in-order", "--destination", "chat").status == 0
    assert shop.deliveries(key)["chat"].in_order_since


def test_those_of_one_conversation_are_begun_together_the_oldest_first() -> None:
    found = [
        Planned(key, at, ["chat"], space)
        for key, at, space in (("d", 4, "x"), ("c", 3, "y"), ("b", 2, None), ("a", 1, "x"))
    ]
    assert [planned.event_key for planned in oldest_first(found)] == ["a", "d", "b", "c"]


def test_more_than_a_hundred_are_asked_about(shop: Shop) -> None:
    put_many(shop.stack, 101, received_at=NOW - 300)
    ran = forwarder("replay", "--since", "1h")
    assert ran.status == 2
    assert "--yes" in ran.err
    assert shop.hints() == 0
    assert forwarder("replay", "--since", "1h", "--yes", "--rate", "1000").status == 0
    assert set(shop.replays().values()) == {1}


def test_an_interrupted_replay_is_continued_by_the_same_command(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_many(shop.stack, 40, received_at=NOW - 300)
    environment: dict[str, Any] = {
        **shop.stack.environment,
        "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"],
    }
    command = ["replay", "--since", "1h"]
    with forwarder_process(*command, "--rate", "10", environment=environment) as process:
        wait_until(lambda: shop.hints() >= 3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    begun = sum(shop.replays().values())
    assert 3 <= begun < 40
    ran = forwarder(*command, "--json")
    assert "continuing the replay" in ran.err
    assert ran.json["begun"] == 40 - begun
    assert set(shop.replays().values()) == {1}
    assert shop.hints() == 40


def test_a_replay_that_came_to_its_end_can_be_had_once_more(shop: Shop) -> None:
    key = put(shop.stack, "a", delivered("crm", NOW))
    assert forwarder("replay", key).status == 0
    put(shop.stack, "a", delivered("crm", time.time()))
    assert forwarder("replay", key, "--json").json["begun"] == 1
