"""What a rotation asks the log: whether an event came through the new registration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws
from spectrum_cli.stack import probes
from spectrum_cli.stack.http_client import HttpAnswer
from spectrum_cli.stack.probes import LAG, seen
from spectrum_cli.vendor.rotation import Seen
from spectrum_forwarder.adapters.event_log import DynamoEventLog
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.payloads import S3Payloads
from spectrum_forwarder.domain.event import CANARY_SOURCE
from spectrum_forwarder.domain.inbound import InboundRequest
from spectrum_forwarder.domain.ports import Webhook
from spectrum_forwarder.measures import MEASURES

from tests.support.aws import create_table
from tests.support.make import NOW, WEBHOOK, WHSEC, stored_of, webhook_of
from tests.support.world import World

REGION = "us-east-1"
NEW = "new-registration"


class Log:
    """A log in moto, what stands in it, and how many events were read of it."""

    def __init__(self) -> None:
        client = boto3.client("dynamodb", region_name=REGION)
        table, s3 = create_table(client), boto3.client("s3", region_name=REGION)
        self._table = DynamoEventTable(client, table)
        self._log = DynamoEventLog(client, table, S3Payloads(s3, "none"))
        self.read = 0

    def put(self, name: str, *, at: float, webhook_id: str | None = None) -> None:
        stored = stored_of(name, received_at=at)
        changes: dict[str, Any] = {"webhook_id": webhook_id} if webhook_id else {}
        if webhook_id == CANARY_SOURCE:
            changes["key"] = f"{CANARY_SOURCE}:{name}"
        stored = stored._replace(event=stored.event._replace(**changes))
        self._table.put(stored, receipt="r", now=at, due_at=at + 75)

    def newest(self, **bounds: Any) -> Any:
        page = self._log.newest(**bounds)
        self.read += len(page.events)
        return page


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setattr(probes, "READ_AT_ONCE", 50)
    with mock_aws():
        yield Log()


def test_forged_events_do_not_hide_the_proof_of_a_rotation(log: Log) -> None:
    log.put("proof", at=NOW + 1, webhook_id=NEW)
    for number in range(250):
        log.put(f"forged-{number}", at=NOW + 2 + number / 100)
    ask: Any = seen(log)  # type: ignore[arg-type]
    assert ask(NEW, NOW) is Seen.VERIFIED


def test_what_was_looked_at_is_not_looked_at_again_but_for_what_the_index_may_owe(
    log: Log,
) -> None:
    for number in range(100):
        log.put(f"old-{number}", at=NOW + number)
    ask: Any = seen(log)  # type: ignore[arg-type]
    assert ask(NEW, NOW) is Seen.OTHERS
    before, log.read = log.read, 0
    assert ask(NEW, NOW) is Seen.OTHERS
    assert (before, log.read) == (100, LAG + 1)
    log.put("late", at=NOW + 100 - LAG, webhook_id=NEW)
    assert ask(NEW, NOW) is Seen.VERIFIED


def test_a_canary_proves_nothing_and_is_no_other(log: Log) -> None:
    log.put("c-1", at=NOW + 1, webhook_id=CANARY_SOURCE)
    ask: Any = seen(log)  # type: ignore[arg-type]
    assert ask(NEW, NOW) is Seen.NOTHING
    log.put("before", at=NOW - 1, webhook_id=NEW)
    assert ask(NEW, NOW) is Seen.NOTHING


@pytest.mark.parametrize(
    ("webhook", "known"),
    [(WEBHOOK, True), (webhook_of(WHSEC), True), (WEBHOOK._replace(id="another"), False)],
)
def test_a_probe_knows_a_webhook_by_whatever_secret_is_stored(
    webhook: Webhook, known: bool
) -> None:
    world = World()
    world.webhooks.webhooks[:] = [webhook]

    class Endpoint:
        """Answers as the receiver does."""

        def request(self, _method: str, url: str, *, headers: Any, body: bytes, **_: Any) -> Any:
            named = {name.lower(): value for name, value in headers.items()}
            reply = world.receiver().receive(InboundRequest(named, body), receipt="1")
            return HttpAnswer(reply.status, {}, json.dumps(reply.body).encode(), 0.0)

    probe = probes.knows(cast(Any, Endpoint()))
    assert probe("https://example.com/", WEBHOOK.id) is known
    assert refusals_among_our_faults(world) == []


def refusals_among_our_faults(world: World) -> list[Any]:
    """The codes of refused requests that the alarm for our own faults counts."""
    (own_faults,) = (m for m in MEASURES["request.refused"] if m.metric == "OwnFaults")
    told = world.facts.named("request.refused")
    assert told
    return [fields["code"] for fields in told if own_faults.takes(fields)]
